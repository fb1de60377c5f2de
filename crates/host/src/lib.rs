//! What every service runs on: from delivery to decision to commit to publication, durable waits, time, ids.
//!
//! A service is a [`Participant`]: a pure decision and an edge that makes calls. The host does the rest, the same for all:
//!
//! ```text
//! bus ─▶ inbound ─▶ decide ─▶ one unit: stage + inbox + work + outbox ─▶ group commit ─▶ acknowledge
//!                     ▲                                │        │
//!                     └── fact ── perform ◀── work due ┘        └─▶ relay ─▶ bus
//! ```
//!
//! What must never happen here: a call to Microsoft inside a transaction, an acknowledgement before a commit, a wait that
//! holds a delivery, or knowledge of what any service decides.

mod allocator;
mod clock;
mod committer;
#[cfg(feature = "conversation")]
pub mod conversation;
mod desk;
mod engine;
mod horizon;
mod host;
mod ids;
mod inbound;
mod limits;
mod loader;
pub mod meters;
mod participant;
mod patience;
mod places;
pub mod process;
mod relay;
mod retry;
pub mod settings;
mod telemetry;
mod work;

pub use clock::{Clock, ScaledClock, VirtualClock, later};
pub use desk::{Desk, Superseded};
pub use horizon::{Horizons, Sent};
pub use host::{Handle, Parts, start};
pub use ids::Ids;
pub use limits::{Limits, Sabotage};
pub use meters::{Counters, Meters};

pub use participant::{About, Decision, Effect, Heard, Job, Participant, Performed};
pub use process::{Assembly, Base, Program, Refusal, main};

//! What the edges of the participants have in common: from a call's error to what it means for a piece of work, the careful
//! change of a subscription's status, the engine's clock and call log as the client sees them.
//!
//! The room exists because these few things need both the saga's words and the client's, and are used by more than one
//! service: a second copy of "an unanswered change is not settled by one read" would be one copy too many. What must never
//! be here: a decision.

mod answer;
mod cleaning;
pub mod connect;
mod meter;
mod observer;
mod read_only;
pub mod replica;
mod shared_gate;
mod shared_tokens;
mod status;
mod timer;

pub use answer::{Meaning, cause_of, meaning_of};
pub use meter::Metered;
pub use observer::CallLog;
pub use read_only::ReadOnly;
pub use replica::Replica;
pub use shared_gate::{Quota, SharedGate};
pub use shared_tokens::{SharedTokens, Vault};
pub use status::{Errand, Guard, StatusChange, StatusWish, Step, change_status};
pub use timer::ClockTimer;

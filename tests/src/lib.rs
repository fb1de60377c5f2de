//! Whole-system trials, in one process and as many ([`cluster`]).
//!
//! A trial is: the real engine against the simulated Partner Center, in one process and on a virtual clock.
//!
//! One seed gives one history, byte for byte: one thread, time that jumps to the next thing anybody waits for, the simulator
//! called in process, the memory store, and crashes at drawn calls. What judges a trial shares no code with the engine: the
//! simulator's books, and a fresh read.

pub mod bench;
pub mod books;
pub mod cluster;
mod crash;
mod intent;
mod partner;
pub mod quota;
mod transport;
pub mod trial;
mod varied;

pub use bench::{Bench, on_virtual_time};
pub use crash::Fuse;
pub use intent::intent_of;
pub use partner::{Partner, VirtualPartner};
pub use transport::InProcess;

//! The books: what was done to the simulated customers, by whom and when, and the figures that judge it.

pub mod audit;
pub mod entry;
pub mod intent;
pub mod log;

pub use audit::{Audit, Figures, Seats, audit};
pub use entry::{Actor, Change, Entry};
pub use intent::{IntendedRow, IntendedUser, Intent};
pub use log::Log;

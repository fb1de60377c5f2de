//! The books: what was done to the simulated customers, by whom and when, and the figures that judge it.

pub mod entry;
pub mod intent;

pub use entry::{Actor, Change, Entry};
pub use intent::{Intent, IntendedRow, IntendedUser};

//! A faithful, stateful, fault-injecting Partner Center with books of its own.

pub mod books;
pub mod world;

//! The gate of many processes over one quota.
#![expect(clippy::unwrap_used, reason = "a trial that cannot be set up says so by panicking")]

mod gate;
mod pool;
mod servers;

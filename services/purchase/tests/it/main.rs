//! The process of a service, as an operator meets it.
#![expect(clippy::unwrap_used, reason = "a trial that cannot be set up says so by panicking")]

mod alone;
mod process;
mod servers;

//! Too long for every run of the tests: `cargo xtask test -- --profile long`.

mod harms;
mod hundreds;
mod parity;
mod unprotected;

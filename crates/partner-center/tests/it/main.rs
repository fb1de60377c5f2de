//! The client against a scripted transport: what it sends, what it makes of the answers, what it never does.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod around;
mod carts;
mod catalogue;
mod changes;
mod consent;
mod directory;
mod errors;
mod fixtures;
mod gate;
mod network;
mod pool;
mod relay;
mod retries;
mod script;
mod tokens;

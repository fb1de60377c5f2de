//! The `seatshift` binary from outside: what people type, what they read, how it ends.
#![allow(clippy::unwrap_used, reason = "a test that met an error has failed")]

mod config;
mod demo;
mod engine;
mod help;
mod login;
mod remote;
mod stage;
mod verify;

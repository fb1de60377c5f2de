//! What is deployed, held against what exists: the Compose file, the image, the broker's definitions, the stack.

#![allow(clippy::unwrap_used, reason = "a test that met an error has failed")]

mod compose;
mod files;
mod record;
mod runbook;
mod servers;

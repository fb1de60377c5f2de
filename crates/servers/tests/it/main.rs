//! The private servers themselves. Everything here starts its own; nothing touches the shared pair but `on_the_shared_pair`.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod servers;

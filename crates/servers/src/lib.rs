//! Private servers: a RabbitMQ and a PostgreSQL of Debian's packages, each in a directory of its own, on free loopback ports.
//!
//! For tests, benches and `cargo xtask stack`: the real brokers and databases, without Docker, systemd or a server that somebody
//! else uses. Std only and synchronous, because it must not bring anything into the builds that use it; knows nothing of our crates.
//!
//! What must never happen: that it touches a server it did not start. Every process it starts carries the directory in its
//! environment ([`process`]), and only processes that carry it are ever signaled, by pid.
//!
//! What is started here is gone when the starter is gone, however it ended: `Drop` stops it, and a keeper (a shell that waits for
//! the end of a pipe) does when the starter was killed. [`Shared::leave`] and [`Shared::bring_up`] are the only ways to leave servers running.

mod error;
mod free;
mod http;
mod install;
mod notes;
mod postgres;
mod process;
mod rabbit;
mod shared;

pub use error::Error;
pub use free::{Ports, free_ports, is_free, random_hex};
pub use http::{get, post};
pub use install::{POSTGRES_AT_LEAST, RABBITMQ_AT_LEAST, ensure_installed};
pub use postgres::Postgres;
pub use process::Process;
pub use rabbit::Rabbit;
pub use shared::{SERVERS, Shared};

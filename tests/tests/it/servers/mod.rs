//! The distributed mode on real servers: RabbitMQ, PostgreSQL, two of every service, the operator over control's API.
//!
//! Each test brings up servers of its own, because it harms them.

mod bindings;
mod harm;
mod harms;
mod long;
mod parity;
mod quota;
mod upgrade;
mod wave;

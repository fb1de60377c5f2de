//! What Microsoft would know: the customers with their subscriptions, orders, users and license pools.
//!
//! Each customer is behind a lock of its own, so that calls for different customers never wait for one another. Nothing
//! here awaits: a change either has not begun or is complete, whatever becomes of the caller.

pub(crate) mod agenda;
pub(crate) mod budgets;
pub(crate) mod carts;
pub(crate) mod catalog;
pub(crate) mod checkout;
pub(crate) mod clockwork;
pub(crate) mod command;
pub(crate) mod customer;
pub(crate) mod ids;
pub(crate) mod items;
pub(crate) mod licenses;
pub(crate) mod modern;
pub(crate) mod orders;
pub(crate) mod pool;
pub(crate) mod problem;
pub(crate) mod purchases;
pub(crate) mod remains;
pub(crate) mod shared;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod tokens;
pub(crate) mod user;

pub(crate) use agenda::{Due, Event};
pub(crate) use command::LateCommand;
pub(crate) use customer::{Customer, Order};
pub(crate) use problem::Problem;
pub(crate) use shared::{Scene, Shared};
pub(crate) use subscription::{Status, Subscription};
pub(crate) use user::{Held, User};

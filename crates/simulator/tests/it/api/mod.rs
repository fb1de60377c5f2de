//! The API as a caller sees it, through the router in process.

mod authority;
mod faults;
mod licenses;
mod orders;
mod reading;
mod readings;
pub(crate) mod stage;
mod subscriptions;
pub(crate) mod whole;

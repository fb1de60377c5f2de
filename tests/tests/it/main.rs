//! The whole system, tried.

mod campaign;
mod harms;
mod parked;
mod small;

//! The whole system, tried.

mod campaign;
mod contract;
mod harms;
mod horizon;
mod house;
mod parked;
mod process;
mod servers;
mod small;

//! The whole system, tried.

mod campaign;

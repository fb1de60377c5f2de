//! The whole system, tried.

//! The simulator from outside, in one binary.

mod api;
mod worlds;

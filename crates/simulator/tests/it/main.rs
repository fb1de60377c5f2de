//! The simulator from outside, in one binary.

mod worlds;

//! The simulator from outside, in one binary.

mod api;
mod audit;
mod commerce;
mod remains;
mod truths;
mod unchanged;
mod world_files;
mod worlds;

//! Control in one process: its real host, store and bus, with participants that say what a test wants said.

mod admission;
mod api;
mod clock;
mod commands;
mod crash;
mod replicas;
mod reports;
mod runs;
mod silence;
mod stage;

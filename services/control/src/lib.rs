//! Control: planning, admission, tracking, verdicts.
//!
//! Planning reads a partner's customers and writes a plan; a person decides; `apply` takes the plan into a run. From then on
//! control is one participant among four: it asks for each migration, listens, and says what stands. It runs nobody: the
//! services find out from each other's events what to do next.
//!
//! What must never happen here: a call that changes something at Microsoft, or a verdict that no fact supports.

mod admission;
mod apply;
mod board;
mod checks;
pub mod commands;
mod control;
mod participant;
mod pause;
pub mod planned;
pub mod planning;
mod records;
pub mod report;
mod restart;
mod run;
pub mod standing;
mod stop;
pub mod tables;
pub mod tracker;

#[cfg(test)]
mod tests;

pub use board::{Board, Progress, Settled};
pub use control::{Config, Control, Setup, start};
pub use participant::Controlling;
pub use pause::{Pause, STOP_RULE, Valve};
pub use run::*;
pub use stop::StopRule;

//! Control: planning, admission, tracking, verdicts.
//!
//! Planning reads a partner's customers and writes a plan; a person decides; `apply` takes the plan into a run. From then on
//! control is one participant among four: it asks for each migration, listens, and says what stands. It runs nobody: the
//! services find out from each other's events what to do next.
//!
//! What must never happen here: a call that changes something at Microsoft, or a verdict that no fact supports.

mod acting;
mod admission;
mod agree;
pub mod api;
mod applies;
mod apply;
mod board;
mod checks;
pub mod commands;
pub mod configured;
mod control;
mod follow;
mod participant;
mod pause;
pub mod planned;
pub mod planning;
pub mod process;
mod records;
pub mod report;
mod restart;
mod run;
mod shared;
mod silence;
pub mod standing;
mod stop;
pub mod tables;
pub mod tracker;

#[cfg(test)]
mod tests;

pub use applies::{ApplyAnswered, ApplyAsked};
pub use board::{Board, Progress, Settled};
pub use control::{Config, Control, Setup, WHAT_TO_DO_ABOUT_THE_CLOCK, start};
pub use participant::Controlling;
pub use pause::{Pause, STOP_RULE, Turned, Valve};
pub use run::*;
pub use shared::{ACTS, Holding, Shared};
pub use silence::{History, SilenceLimits, SilentMigration, WHAT_TO_DO_ABOUT_SILENCE};
pub use stop::StopRule;

//! The command line as a whole. What a command takes stands in its own file.

use clap::{Parser, Subcommand};

use crate::commands::{
    accept, act, apply, dead_letters, demo, doctor, events, explain, init, login, pause, plan, report, retry,
    rollback, show, simulator, status, verify, watch,
};
use crate::context::Context;

const ABOUT: &str = "Moves Microsoft CSP customers off retired Dynamics 365 subscriptions";

const LONG_ABOUT: &str = "\
Moves the customers of a Microsoft Cloud Solution Provider off retired Dynamics 365 subscriptions and onto new plans: \
it buys the replacement, moves each user's license, and suspends the old subscription; with no license gap, no double \
purchase, and a way back.";

const AFTER: &str = "\
First look, without an account:
  seatshift demo                       a simulated partner, from plan to report

With your own customers:
  seatshift init                       writes seatshift.toml; nothing can be changed yet
  seatshift login                      the consent that license changes need
  seatshift doctor                     checks configuration, credentials, rights
  seatshift plan                       reads everything, writes plan.csv; fill in its column `decision`
  seatshift apply plan.csv --dry-run   says what would be done
  seatshift apply plan.csv --limit 5   the first five, then the rest
  seatshift verify                     reads everything afresh and compares
  seatshift report --html page         the record of all of it

Exit codes: 0 all is as wanted; 3 some row is refused, parked or skipped for another reason than a person's decision; \
1 something is wrong or it could not go on; 2 it was called the wrong way.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "seatshift", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(max_term_width = 100, infer_subcommands = false, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) context: Context,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Login(login::Args),
    Doctor(doctor::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Status(status::Args),
    Show(show::Args),
    Watch(watch::Args),
    Pause(pause::Args),
    Resume(pause::ResumeArgs),
    Retry(retry::Args),
    Rollback(rollback::Args),
    Accept(accept::Args),
    Act(act::Args),
    Verify(verify::Args),
    Report(report::Args),
    DeadLetters(dead_letters::Args),
    Simulator(simulator::Args),
    Events(events::Args),
    Explain(explain::Args),
}

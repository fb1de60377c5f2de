//! The commands, one file each: what it takes, what it does, what it prints.

pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod plan;
pub(crate) mod simulator;

use crate::args::{Cli, Command};
use crate::ending::Ending;

/// Runs one command to its end.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Ending> {
    let Cli { context, command } = cli;
    match command {
        Command::Init(args) => init::run(&args, &context),
        Command::Plan(args) => plan::run(args, &context).await,
        Command::Simulator(args) => simulator::run(args, &context).await,
        Command::Events(args) => events::run(&args, &context),
        Command::Explain(args) => explain::run(&args, &context),
    }
}

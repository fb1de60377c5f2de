//! The commands, one file each: what it takes, what it does, what it prints.

pub(crate) mod accept;
pub(crate) mod act;
pub(crate) mod apply;
mod causes;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod login;
mod operate;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod rollback;
pub(crate) mod show;
pub(crate) mod simulator;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod watch;

use crate::args::{Cli, Command};
use crate::ending::Ending;

/// Runs one command to its end.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Ending> {
    let Cli { context, command } = cli;
    match command {
        Command::Demo(args) => Box::pin(demo::run(args, &context)).await,
        Command::Init(args) => init::run(&args, &context),
        Command::Login(args) => login::run(args, &context).await,
        Command::Doctor(args) => doctor::run(args, &context).await,
        Command::Plan(args) => plan::run(args, &context).await,
        Command::Apply(args) => Box::pin(apply::run(args, &context)).await,
        Command::Status(args) => status::run(args, &context).await,
        Command::Show(args) => show::run(args, &context).await,
        Command::Watch(args) => watch::run(args, &context).await,
        Command::Pause(args) => pause::run(args, &context).await,
        Command::Resume(args) => pause::resume(args, &context).await,
        Command::Retry(args) => retry::run(args, &context).await,
        Command::Rollback(args) => rollback::run(args, &context).await,
        Command::Accept(args) => accept::run(args, &context).await,
        Command::Verify(args) => verify::run(args, &context).await,
        Command::Act(args) => act::run(args, &context).await,
        Command::Report(args) => report::run(args, &context).await,
        Command::DeadLetters(args) => Box::pin(dead_letters::run(args, &context)).await,
        Command::Simulator(args) => simulator::run(args, &context).await,
        Command::Events(args) => events::run(&args, &context),
        Command::Explain(args) => explain::run(&args, &context),
    }
}

//! `pause` and `resume`: stop means stop.

use seatshift_control::commands::Verb;

use super::operate::{self, Why};
use crate::context::Context;
use crate::ending::Ending;

/// Stop all changing calls, here or in the engine that runs; nothing is lost, `resume` goes on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift pause --reason \"calls from customers\"
  seatshift pause --drain

When it has answered, no further changing call is started within a second. With --drain what has begun is finished and \
nothing new begins: nobody stays half way.")]
pub(crate) struct Args {
    /// Finish what has begun; begin nothing new
    #[arg(long)]
    drain: bool,
    #[command(flatten)]
    why: Why,
}

/// Go on after a pause; without a running engine, this process runs until everything is settled
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    why: Why,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    operate::give(args.why.command(Verb::Pause { drain: args.drain }, &settings), context).await
}

pub(crate) async fn resume(args: ResumeArgs, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    operate::give(args.why.command(Verb::Resume, &settings), context).await
}

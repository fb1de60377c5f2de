//! `retry`: try again what is parked, refused or rolled back.

use seatshift_control::commands::Verb;

use super::operate::{self, Which, Why};
use crate::context::Context;
use crate::ending::Ending;

/// Try again: a parked migration goes on where it stands, a refused or rolled-back row becomes a new migration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift retry \"Fabrikam Inc\" --reason \"agreement signed\"
  seatshift retry --cause microsoft_13605")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    why: Why,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let verb = Verb::Retry { target: args.which.target() };
    operate::give(args.why.command(verb, &settings), context).await
}

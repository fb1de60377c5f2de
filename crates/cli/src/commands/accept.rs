//! `accept`: close a parked migration as it stands.

use seatshift_control::commands::Verb;

use super::operate::{self, Which, Why};
use crate::context::Context;
use crate::ending::{Ending, Usage};

/// Close a parked migration as it stands, in your name; retry and rollback still work afterwards
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift accept contoso.example --reason \"customer keeps both plans until June\"
  seatshift accept --cause seats_in_use --reason \"agreed with the account managers\"")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    why: Why,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    if args.why.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Usage::new("accept needs --reason: it is kept with your name beside the verdict").into());
    }
    let settings = context.settings()?;
    let verb = Verb::Accept { target: args.which.target() };
    operate::give(args.why.command(verb, &settings), context).await
}

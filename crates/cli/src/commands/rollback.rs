//! `rollback`: the way back.

use std::collections::BTreeMap;

use seatshift_control::commands::{self, Verb};

use super::operate::{self, Which, Why};
use crate::connection::Base;
use crate::context::Context;
use crate::ending::Ending;

/// Undo migrations: old subscription active again, users back on their old licenses, the new one suspended
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift rollback \"Fabrikam Inc\" --dry-run
  seatshift rollback \"Fabrikam Inc\" --reason \"customer asked\"
  seatshift rollback --all --reason \"wrong target\"

Works at any point, also after completion until the deadline that the report names (undo_until). It undoes only what \
Seatshift did; people who came later keep what they have.")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    why: Why,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let command = args.why.command(Verb::Rollback { target: args.which.target() }, &settings);
    if args.dry_run {
        let base = Base::existing(&settings).await?;
        let answered = match &base.control {
            Some(control) => control.preview(&command).await?,
            None => commands::preview(&*base.store, &*base.clock, &command).await?,
        };
        return operate::print(&answered, &BTreeMap::new(), context);
    }
    operate::give(command, context).await
}

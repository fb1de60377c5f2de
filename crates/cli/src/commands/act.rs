//! `act`: the answers that a person has written into a todo file.

use std::path::PathBuf;

use seatshift_control::commands::Command;
use seatshift_control::report::read_todo;

use super::operate;
use crate::context::Context;
use crate::ending::{Ending, Usage};

/// Carry out the answers in a todo file (from `report --parked`): retry, rollback, accept, wait
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  seatshift report --parked --out todo.csv      (fill in `action` and `reason`)\n  seatshift act todo.csv"
)]
pub(crate) struct Args {
    /// The file
    #[arg(default_value = "todo.csv", value_name = "FILE")]
    file: PathBuf,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let place = args.file.display();
    let bytes = std::fs::read(&args.file).map_err(|error| {
        Usage::new(format!("{place}: cannot be read ({error}); `report --parked` writes one"))
    })?;
    let file = read_todo(&bytes);
    for problem in &file.problems {
        crate::output::tell!("{place}, {problem}");
    }
    let commands: Vec<Command> =
        file.lines.iter().filter_map(|line| line.row.command(&settings.operator)).collect();
    if commands.is_empty() {
        return Err(Usage::new(format!(
            "{place}: no row has an `action` to carry out; write retry, rollback or accept"
        ))
        .into());
    }
    operate::give_all(commands, "act", context).await
}

//! `events`: the catalogue of everything that Seatshift publishes.

use seatshift_messages::CATALOG;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ending::Ending;
use crate::output::table;

/// Show every event: its name, who publishes it, what it means
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  seatshift events\n  seatshift events parked\n  seatshift events --output json"
)]
pub(crate) struct Args {
    /// Only events whose name contains this
    #[arg(value_name = "TEXT", default_value = "")]
    name: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Ending> {
    let chosen = CATALOG.iter().filter(|(name, _, _)| name.contains(args.name.as_str()));
    let (documents, rows): (Vec<Value>, Vec<Vec<String>>) = chosen
        .map(|(name, service, means)| {
            let document = json!({ "type": name, "source": format!("/seatshift/{service}"), "means": means });
            (document, vec![(*name).to_owned(), service.name().to_owned(), (*means).to_owned()])
        })
        .unzip();
    context.output.show(&documents, || table(&["EVENT", "PUBLISHED BY", "MEANS"], &rows))?;
    Ok(if documents.is_empty() { Ending::Wrong } else { Ending::Fine })
}

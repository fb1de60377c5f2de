//! `report`: the record of a run.

use std::path::{Path, PathBuf};

use seatshift_store::Store;
use serde_json::json;

use crate::connection::Base;
use crate::context::Context;
use crate::ending::Ending;
use crate::page;
use crate::plans::style;
use crate::reports::{self, beside};
use crate::verdicts::{Verdicts, ending};

/// Write the record of the latest run: every row with its verdict, every user, the figures, a page with plots
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift report                         report.csv, report-users.csv, report.json
  seatshift report --html page             the same, and page/report.html
  seatshift report --parked --out todo.csv what waits for you; fill in `action`, then: seatshift act todo.csv")]
pub(crate) struct Args {
    /// Where to write it; default: report.csv, with --parked todo.csv
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write one self-contained page to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "parked")]
    html: Option<PathBuf>,
    /// Only what is parked, as a list of things to do
    #[arg(long)]
    parked: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    let store: &dyn Store = &*base.store;
    let report = reports::latest(store).await?;
    let style = style(&settings);
    if args.parked {
        let path = args.out.unwrap_or_else(|| PathBuf::from("todo.csv"));
        let waiting = reports::write_todo(&report, &path, style)?;
        let name = path.display().to_string();
        context.output.show(&json!({ "written": [name], "rows": waiting }), || match waiting {
            0 => format!("Nothing waits for you; {name} is empty.\n"),
            _ => format!("{waiting} rows in {name}: fill in `action`, then: seatshift act {name}\n"),
        })?;
        return Ok(Ending::Fine);
    }
    let path = args.out.unwrap_or_else(|| PathBuf::from("report.csv"));
    reports::write_tables(store, &report, &path, style).await?;
    let figures = beside(&path, ".json");
    reports::write_json(&report.figures(store).await?, &figures)?;
    let mut written = vec![path.clone(), beside(&path, "-users.csv"), figures];
    if let Some(folder) = &args.html {
        let file = folder.join("report.html");
        page::write(store, &report, None, &file).await?;
        written.push(file);
    }
    let names: Vec<String> = written.iter().map(|path: &PathBuf| named(path)).collect();
    let verdicts = Verdicts::of(&report.standings);
    let document = json!({ "written": names, "rows": report.standings.len(), "verdicts": verdicts });
    context.output.show(&document, || {
        format!(
            "{} rows, {} with a verdict. Written: {}\n",
            report.standings.len(),
            verdicts.all(),
            names.join(", ")
        )
    })?;
    Ok(ending(&report.standings))
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

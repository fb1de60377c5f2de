//! `verify`: is what the report says still true?

use std::path::PathBuf;

use anyhow::Context as _;
use seatshift_control::tables::write_sheet;
use serde::Serialize;

use crate::connection::{Connection, alone};
use crate::context::Context;
use crate::ending::Ending;
use crate::output::{count, table};
use crate::plans::style;
use crate::progress::Progress;
use crate::verify::{Examined, Eyes, Reconciliation, Verified, verify};

/// Read everything afresh and say, row by row, whether the verdict is still true; writes verify.csv
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift verify                    the latest run
  seatshift verify report.csv         a report, as it was given to somebody

It only reads, and shares no code with the engine that it checks. Exit code 1 when a figure is not zero.")]
pub(crate) struct Args {
    /// A report; default: the latest run as it is remembered
    #[arg(value_name = "REPORT")]
    report: Option<PathBuf>,
    /// Where to write the result
    #[arg(long, default_value = "verify.csv", value_name = "FILE")]
    out: PathBuf,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: String,
    reconciliation: Reconciliation,
    examined: Examined,
    unreadable: u64,
    not_true: Vec<NotTrue<'a>>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct NotTrue<'a> {
    row: &'a str,
    verdict: &'a str,
    differences: &'a str,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let _lock = alone(&settings, "verify")?;
    let connection = Connection::open(&settings).await?;
    let progress = Progress::new("verify");
    let verified = {
        let calls = &connection.calls;
        let heard = |done: u64, of: u64| {
            progress.show(done, of, &format!("customers read, {} calls", calls.made()));
        };
        let eyes = Eyes { reader: &connection.reader, clock: &*connection.base.clock };
        verify(eyes, &*connection.base.store, args.report.as_deref(), &heard).await
    };
    progress.finish();
    let verified = verified?;
    connection.close().await?;
    write_sheet(&args.out, &verified.rows, &[], &[], style(&settings)).with_context(|| {
        format!("{}: cannot be written; is it open in a spreadsheet?", args.out.display())
    })?;
    let summary = summary(&verified, &args);
    context.output.show(&summary, || text(&summary))?;
    Ok(if verified.clean() { Ending::Fine } else { Ending::Wrong })
}

fn summary<'a>(verified: &'a Verified, args: &Args) -> Summary<'a> {
    let wrong = verified.rows.iter().filter(|row| row.still_true == "no");
    Summary {
        file: args.out.display().to_string(),
        reconciliation: verified.reconciliation,
        examined: verified.examined,
        unreadable: verified.unreadable,
        not_true: wrong
            .map(|row| NotTrue { row: &row.row_id, verdict: &row.verdict, differences: &row.differences })
            .collect(),
        notes: &verified.notes,
    }
}

fn text(summary: &Summary<'_>) -> String {
    let figures = &summary.reconciliation;
    let rows: Vec<Vec<String>> = [
        ("rows without a verdict", figures.rows_without_verdict),
        ("verdicts that are not true", figures.verdicts_not_matching),
        ("rows that went in and did not come out", figures.rows_in_not_out),
        ("seats not accounted for", figures.seats_not_conserved),
        ("holes in the event log", figures.sequence_holes),
    ]
    .into_iter()
    .map(|(name, figure)| vec![figure.to_string(), name.to_owned()])
    .collect();
    let examined = &summary.examined;
    let mut text = format!(
        "Read afresh: {}, {} begun, {}, {}. Details: {}.\n\n{}",
        count(examined.rows, "row", "rows"),
        examined.migrations,
        count(examined.users, "user", "users"),
        count(examined.events, "event", "events"),
        summary.file,
        table(&["", ""], &rows)
    );
    if summary.unreadable > 0 {
        let rows = count(summary.unreadable, "row", "rows");
        text.push_str(&format!("\n{rows} of customers that cannot be read; nothing was begun there.\n"));
    }
    if !summary.not_true.is_empty() {
        let rows: Vec<Vec<String>> = summary
            .not_true
            .iter()
            .take(20)
            .map(|one| vec![one.row.to_owned(), one.verdict.to_owned(), one.differences.to_owned()])
            .collect();
        text.push_str(&format!("\n{}", table(&["ROW", "VERDICT", "DIFFERS"], &rows)));
    }
    if examined.rows == 0 {
        text.push_str("\nNothing was examined, so nothing is proved.\n");
    }
    text
}

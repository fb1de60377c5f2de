//! `status`: where things stand.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use seatshift_control::configured;
use seatshift_control::standing::{self, RowStanding};
use seatshift_control::tracker::VerdictKind;
use seatshift_control::{Pause, Run, WHAT_TO_DO_ABOUT_SILENCE};
use seatshift_messages::MigrationId;
use seatshift_store::Store;
use serde::Serialize;

use super::explain::what_to_do;
use crate::connection::Base;
use crate::context::Context;
use crate::ending::Ending;
use crate::output::{count, table};
use crate::settings::Settings;
use crate::verdicts::{Verdicts, under_way};

/// Show where things stand: verdicts, what is under way, what waits for you
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  seatshift status\n  seatshift status --by cause\n  seatshift status --output json"
)]
pub(crate) struct Args {
    /// Fold what did not complete by its cause, with what to do about each
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Cause,
}

/// Where things stand.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    /// Who runs an engine on this state just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
    pub(crate) rows: usize,
    pub(crate) verdicts: Verdicts,
    pub(crate) under_way: BTreeMap<String, u64>,
    pub(crate) users_moved: u64,
    pub(crate) causes: Vec<CauseCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<String>,
    /// Why control begins nothing, and what to do, while its clock is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<String>,
    /// Rows under way of which nothing is heard, while somebody works on them; none = there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) silent: Option<SilentRows>,
}

/// Rows of which nothing was heard for longer than their step may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SilentRows {
    pub(crate) rows: usize,
    /// Of the one that is silent longest.
    pub(crate) since: Timestamp,
    pub(crate) what_to_do: String,
    pub(crate) examples: Vec<String>,
}

/// Rows of one verdict and cause.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CauseCount {
    pub(crate) verdict: &'static str,
    pub(crate) cause: String,
    pub(crate) rows: usize,
    pub(crate) what_to_do: String,
    pub(crate) examples: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    let status = look(&base, &settings).await?;
    context.output.show(&status, || match args.by {
        None => status.text(),
        Some(By::Cause) => status.by_cause(),
    })?;
    Ok(Ending::Fine)
}

/// The latest run, who works on it, and what nothing is heard of.
pub(crate) async fn look(base: &Base, settings: &Settings) -> anyhow::Result<Status> {
    let (run, rows) = latest(&*base.store).await?;
    let mut status = status_of(&*base.store, run, &rows).await?;
    status.engine = base.at_work(settings).await?;
    let silent = match &base.control {
        Some(control) => {
            let told = control.progress(None, None, 0).await?;
            status.clock = told.what_to_do_about_the_clock;
            let told = told.silent.into_iter();
            told.map(|one| (one.migration, one.since)).collect()
        }
        // Where nobody works, silence says nothing.
        None if status.engine.is_none() => Vec::new(),
        None => {
            let limits = configured::config(settings).silence;
            let silent = standing::silent(&*base.store, &rows, base.clock.now(), &limits).await?;
            silent.into_iter().map(|one| (one.migration, one.since)).collect()
        }
    };
    status.silent = silent_rows(&silent, &rows);
    Ok(status)
}

/// The latest run, as the store has it.
pub(crate) async fn read_status(store: &dyn Store) -> anyhow::Result<Status> {
    let (run, rows) = latest(store).await?;
    status_of(store, run, &rows).await
}

async fn latest(store: &dyn Store) -> anyhow::Result<(Option<Run>, Vec<RowStanding>)> {
    let run = standing::latest_run(store).await?;
    let rows = match &run {
        Some(run) => standing::rows(store, run.id).await?,
        None => Vec::new(),
    };
    Ok((run, rows))
}

/// Longest silent first.
fn silent_rows(silent: &[(MigrationId, Timestamp)], rows: &[RowStanding]) -> Option<SilentRows> {
    let (_, since) = silent.first()?;
    let name = |(migration, _): &(MigrationId, Timestamp)| {
        let row = rows.iter().find(|row| row.migration == *migration);
        row.map_or_else(|| migration.to_string(), |row| row.row.customer_name.clone())
    };
    Some(SilentRows {
        rows: silent.len(),
        since: *since,
        what_to_do: WHAT_TO_DO_ABOUT_SILENCE.to_owned(),
        examples: silent.iter().take(3).map(name).collect(),
    })
}

async fn status_of(store: &dyn Store, run: Option<Run>, rows: &[RowStanding]) -> anyhow::Result<Status> {
    // Written by control; whoever cannot read it shows no pause.
    let pause = store.record("pause", "current").await?;
    let pause = pause.and_then(|record| serde_json::from_str::<Pause>(&record.body).ok());
    Ok(Status {
        engine: None,
        run: run.map(|run| run.id.to_string()),
        rows: rows.len(),
        verdicts: Verdicts::of(rows),
        under_way: under_way(rows),
        users_moved: rows.iter().map(|row| u64::from(standing_users(row))).sum(),
        causes: causes(rows),
        paused: pause.map(|pause| pause.cause.text),
        clock: None,
        silent: None,
    })
}

/// Users on the new plan because of us, as last told.
fn standing_users(row: &RowStanding) -> u32 {
    let known = &row.ledger.known;
    known.moved.saturating_sub(known.restored + known.left)
}

fn causes(rows: &[RowStanding]) -> Vec<CauseCount> {
    let mut counts: Vec<CauseCount> = standing::by_cause(rows)
        .into_iter()
        .filter(|((verdict, _), _)| *verdict != VerdictKind::Completed)
        .map(|((verdict, cause), count)| {
            let same = rows.iter().filter(|row| {
                row.ledger.standing().is_some_and(|one| one.kind == verdict && one.cause.code == cause)
            });
            CauseCount {
                verdict: verdict.name(),
                what_to_do: what_to_do(&cause),
                examples: same.take(3).map(|row| row.row.customer_name.clone()).collect(),
                cause,
                rows: count,
            }
        })
        .collect();
    counts.sort_by_key(|one| std::cmp::Reverse(one.rows));
    counts
}

impl Status {
    pub(crate) fn text(&self) -> String {
        let Some(run) = &self.run else {
            return "Nothing was applied yet: seatshift plan, then seatshift apply plan.csv.\n".to_owned();
        };
        let verdicts = &self.verdicts;
        let mut text = format!("Run {run}: {} rows, {} users moved.\n\n", self.rows, self.users_moved);
        let mut rows: Vec<Vec<String>> = [
            ("completed", verdicts.completed),
            ("skipped", verdicts.skipped),
            ("refused", verdicts.refused),
            ("rolled back", verdicts.rolled_back),
            ("accepted", verdicts.accepted),
            ("parked", verdicts.parked),
        ]
        .into_iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(name, rows)| vec![rows.to_string(), name.to_owned()])
        .collect();
        rows.extend(self.under_way.iter().map(|(doing, rows)| vec![rows.to_string(), doing.clone()]));
        text.push_str(&table(&["ROWS", "ARE"], &rows));
        if verdicts.parked > 0 {
            text.push_str("\nParked rows wait for you: seatshift status --by cause.\n");
        }
        if let Some(why) = &self.paused {
            let _ = write!(text, "\nPaused: {why}. Go on: seatshift resume.\n");
        }
        if let Some(why) = &self.clock {
            let _ = write!(text, "\nNothing begins: {why}.\n");
        }
        if let Some(silent) = &self.silent {
            let _ = write!(text, "\n{}", silent.text());
        }
        if let Some(who) = &self.engine {
            let _ = write!(text, "\nRunning: {who}.\n");
        }
        text
    }

    fn by_cause(&self) -> String {
        if self.causes.is_empty() {
            return format!("{}\nNothing but completed rows.\n", self.text());
        }
        let mut text = self.silent.as_ref().map(SilentRows::text).unwrap_or_default();
        for one in &self.causes {
            let _ = writeln!(text, "{} {} ({})", one.rows, one.verdict, one.cause);
            let _ = writeln!(text, "    {}", one.what_to_do);
            let more = if one.rows > one.examples.len() { ", ..." } else { "" };
            let _ = writeln!(text, "    {}{more}", one.examples.join(", "));
        }
        text
    }
}

impl SilentRows {
    fn text(&self) -> String {
        let migrations = count(self.rows as u64, "migration", "migrations");
        let more = if self.rows > self.examples.len() { ", ..." } else { "" };
        format!(
            "Nothing is heard of {migrations} under way, longest since {} ({}{more}).\nWhat to do: {}.\n",
            self.since,
            self.examples.join(", "),
            self.what_to_do
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_migrations_are_told_with_their_number_and_what_to_do() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let silent: Vec<_> =
            (1..=4).map(|number| (MigrationId(uuid::Uuid::from_u128(number)), at(number as i64))).collect();
        assert_eq!(silent_rows(&[], &[]), None);
        let silent = silent_rows(&silent, &[]).unwrap();
        assert_eq!((silent.rows, silent.since, silent.examples.len()), (4, at(1), 3));
        let text = silent.text();
        assert!(
            text.starts_with(
                "Nothing is heard of 4 migrations under way, longest since 1970-01-01T00:00:01Z"
            ),
            "{text}"
        );
        assert!(
            text.contains(", ...)") && text.contains("What to do: look whether all services run"),
            "{text}"
        );
    }
}

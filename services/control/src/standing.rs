//! Where things stand, for people: rows with their verdicts, read from the store by any process.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_messages::{MigrationId, RunId};
use seatshift_store::{Store, StoreError};

use crate::pause::Pause;
use crate::records;
use crate::restart;
use crate::run::{PlannedRow, Run, RunRow};
use crate::silence::{SilenceLimits, SilentMigration};
use crate::tracker::{Ledger, Stage, VerdictKind, Wish};

/// One row of a run with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RowStanding {
    pub run: RunId,
    pub index: u32,
    pub row: PlannedRow,
    /// The latest migration of the row: a row that is tried again has several.
    pub migration: MigrationId,
    /// The ones before it, oldest first.
    pub earlier: Vec<MigrationId>,
    /// The migration belongs to another row, of this run or an earlier one.
    pub already: bool,
    pub ledger: Ledger,
}

impl RowStanding {
    /// The standing verdict, or what it is doing, in a word or two.
    pub fn state(&self) -> String {
        let wish = match self.ledger.wish {
            Some(Wish::Rollback(_)) => ", its rollback waits for the customer's other migration",
            Some(Wish::Retry(_)) => ", its retry waits for the customer's other migration",
            None => "",
        };
        if let Some(verdict) = self.ledger.standing() {
            return format!("{} ({}){wish}", verdict.kind, verdict.cause.code);
        }
        let doing = match self.ledger.stage {
            Stage::Unplanned => "not begun",
            Stage::Waiting => "waits for its turn",
            Stage::Checking => "being checked again",
            Stage::Running if self.ledger.rollback => "being rolled back",
            Stage::Running => "running",
            Stage::Parked { .. } => "parked",
            Stage::Completed => "completed",
            Stage::Accepted { .. } => "accepted",
            Stage::Refused => "refused",
            Stage::RolledBack => "rolled back",
            Stage::Skipped => "skipped",
        };
        doing.to_owned()
    }

    /// Whether a person who types this means the row. GUIDs in either case; names without regard to case.
    pub fn is_called(&self, who: &str) -> bool {
        let row = &self.row;
        let names = [&row.row_id, &row.customer_name, &row.customer_domain];
        if names.iter().any(|name| !name.is_empty() && name.to_lowercase() == who.to_lowercase()) {
            return true;
        }
        let Ok(id) = who.parse::<uuid::Uuid>() else { return false };
        self.migration.0 == id
            || self.earlier.iter().any(|earlier| earlier.0 == id)
            || row.customer.0 == id
            || row.old_subscription.is_some_and(|old| old.0 == id)
    }
}

/// Those of these rows of which nothing was heard for longer than their step may take, longest first: the alarm of control,
/// for whoever only sees its store.
pub async fn silent(
    store: &dyn Store,
    rows: &[RowStanding],
    now: Timestamp,
    limits: &SilenceLimits,
) -> Result<Vec<SilentMigration>, StoreError> {
    if records::get::<Pause>(store, records::PAUSE, records::CURRENT).await?.is_some() {
        return Ok(Vec::new());
    }
    let resumed: Option<Timestamp> = records::get(store, records::PAUSE, records::RESUMED).await?;
    let since = |ledger: &Ledger| ledger.heard_at.or(ledger.known.requested_at).max(resumed);
    let running = rows.iter().filter(|row| row.ledger.stage == Stage::Running && !row.already);
    let mut silent: Vec<SilentMigration> = running
        .filter_map(|row| {
            let since = since(&row.ledger)?;
            Some(SilentMigration { migration: row.migration, since, awaits: row.ledger.awaits() })
        })
        .filter(|silent| now.duration_since(silent.since) > limits.of(silent.awaits))
        .collect();
    silent.sort_by_key(|silent| (silent.since, silent.migration));
    Ok(silent)
}

/// All runs, oldest first.
pub async fn runs(store: &dyn Store) -> Result<Vec<Run>, StoreError> {
    let runs = records::all::<Run>(store, records::RUN, "").await?;
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

/// The run that began last.
pub async fn latest_run(store: &dyn Store) -> Result<Option<Run>, StoreError> {
    Ok(runs(store).await?.pop())
}

/// The rows of a run, in the order of the plan.
pub async fn rows(store: &dyn Store, run: RunId) -> Result<Vec<RowStanding>, StoreError> {
    let mut rows = Vec::new();
    each(store, Some(run), |row| rows.push(row)).await?;
    Ok(rows)
}

/// The rows of all runs, run after run.
pub async fn all(store: &dyn Store) -> Result<Vec<RowStanding>, StoreError> {
    let mut rows = Vec::new();
    each(store, None, |row| rows.push(row)).await?;
    Ok(rows)
}

/// Looks at the rows of a run (of all runs where none is named) a page at a time: who keeps a few need not hold them all.
pub(crate) async fn each(
    store: &dyn Store,
    run: Option<RunId>,
    mut look: impl FnMut(RowStanding),
) -> Result<(), StoreError> {
    let prefix = run.map(|run| format!("{run}/")).unwrap_or_default();
    let mut pages = records::Pages::new(records::ROW, &prefix);
    while let Some(page) = pages.next::<RunRow>(store).await? {
        let page = page.into_iter().map(|(_, row)| row).collect();
        with_ledgers(store, page).await?.into_iter().for_each(&mut look);
    }
    Ok(())
}

/// One page of a run's rows, in the order of the plan: those behind row `after`, at most `limit`.
pub async fn page(
    store: &dyn Store,
    run: RunId,
    after: Option<u32>,
    limit: usize,
) -> Result<Vec<RowStanding>, StoreError> {
    let rows = records::rows_after(store, run, after, limit).await?;
    with_ledgers(store, rows).await
}

async fn with_ledgers(store: &dyn Store, rows: Vec<RunRow>) -> Result<Vec<RowStanding>, StoreError> {
    let mut standings: Vec<RowStanding> = rows
        .into_iter()
        .map(|row| RowStanding {
            run: row.run,
            index: row.index,
            row: row.row,
            migration: row.migration,
            earlier: Vec::new(),
            already: row.already,
            ledger: Ledger::default(),
        })
        .collect();
    let mut open: Vec<usize> = (0..standings.len()).collect();
    while !open.is_empty() {
        let ids: Vec<MigrationId> = open.iter().map(|place| standings[*place].migration).collect();
        let ledgers: BTreeMap<MigrationId, Ledger> =
            restart::ledgers(store, &ids).await?.into_iter().collect();
        open.retain(|place| follow(&mut standings[*place], &ledgers));
    }
    Ok(standings)
}

/// Takes the ledger, and goes on to the migration that tries the row again; true while there is one to read.
fn follow(standing: &mut RowStanding, ledgers: &BTreeMap<MigrationId, Ledger>) -> bool {
    let Some(ledger) = ledgers.get(&standing.migration).filter(|ledger| ledger.row.is_some()) else {
        // Promised, and not there yet: the one before still stands.
        if let Some(before) = standing.earlier.pop() {
            standing.migration = before;
        }
        return false;
    };
    standing.ledger = ledger.clone();
    match ledger.successor {
        Some(successor) => {
            standing.earlier.push(standing.migration);
            standing.migration = successor;
            true
        }
        None => false,
    }
}

/// Standing verdicts by kind and cause.
pub fn by_cause(rows: &[RowStanding]) -> BTreeMap<(VerdictKind, String), usize> {
    let mut counts = BTreeMap::new();
    for verdict in rows.iter().filter_map(|row| row.ledger.standing()) {
        *counts.entry((verdict.kind, verdict.cause.code.clone())).or_default() += 1;
    }
    counts
}

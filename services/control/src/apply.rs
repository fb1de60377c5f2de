//! Taking a reviewed plan into a run: every row of it gets a migration, and so a verdict in the end.
//!
//! Applying the same file again goes on with its run. A subscription that has a migration already, in whatever run, gets no
//! second one while the first was not refused, rolled back or skipped. What must never happen here: a row that vanishes, or
//! one that is taken twice.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_messages::{Cause, CustomerId, MigrationId, RunId, SubscriptionId};
use seatshift_store::StoreError;

use crate::control::Inner;
use crate::records;
use crate::restart;
use crate::run::{Applied, Decided, PlannedRow, ReviewedPlan, Run, RunOptions, RunRow};
use crate::tracker::{BEYOND_LIMIT, Fact, Ledger, NOT_IN_WAVE, RowRef, Stage};

pub(crate) async fn apply(
    control: &Inner,
    plan: &ReviewedPlan,
    options: RunOptions,
) -> Result<Applied, StoreError> {
    let (run, new) = open_run(control, plan, options).await?;
    let before = rows_before(control, &run).await?;
    let chosen = choose(&run, plan, &before, control);
    let mut taking = Taking {
        control,
        applied: Applied {
            run: run.id,
            new,
            queued: 0,
            left_out: BTreeMap::new(),
            as_before: 0,
            already: Vec::new(),
        },
        facts: Vec::new(),
        shared: Vec::new(),
        subscriptions: BTreeMap::new(),
        now: control.clock.now(),
    };
    for (index, row) in (0..).zip(&plan.rows) {
        match before.get(&index) {
            Some(before) => taking.again(before, row, &run, chosen.get(&index)),
            None => taking.first_time(index, row, &run, chosen.get(&index)),
        }
    }
    let Taking { applied, facts, shared, .. } = taking;
    if !shared.is_empty() {
        control.write(|unit| unit.records.extend(shared.iter().map(records::row))).await;
    }
    control.tell_all(facts).await;
    Ok(applied)
}

async fn open_run(
    control: &Inner,
    plan: &ReviewedPlan,
    options: RunOptions,
) -> Result<(Run, bool), StoreError> {
    let runs = records::all::<Run>(&*control.store, records::RUN, "").await?;
    let same = runs.into_iter().map(|(_, run)| run).rfind(|run| run.plan_sha256 == plan.sha256);
    let new = same.is_none();
    let run = match same {
        Some(run) => Run { options, ..run },
        None => {
            let created = control.clock.now();
            Run {
                id: control.ids.run(created),
                plan_sha256: plan.sha256.clone(),
                approved_by: options.approved_by.clone(),
                created,
                rows: plan.rows.len(),
                extra_columns: plan.extra_columns.clone(),
                options,
                sequence: 0,
            }
        }
    };
    control
        .write(|unit| {
            unit.records.push(records::run(&run));
            if new {
                // How an earlier run ended says nothing about this one.
                unit.records.push(records::put(records::PAUSE, records::WINDOW.to_owned(), &run.created));
            }
        })
        .await;
    if new {
        control.board.begin_window(run.created);
    }
    Ok((run, new))
}

/// A row that an earlier `apply` has taken.
struct Before {
    row: RunRow,
    ledger: Ledger,
}

async fn rows_before(control: &Inner, run: &Run) -> Result<BTreeMap<u32, Before>, StoreError> {
    let rows = records::all::<RunRow>(&*control.store, records::ROW, &format!("{}/", run.id)).await?;
    let ids: Vec<MigrationId> = rows.iter().map(|(_, row)| row.migration).collect();
    let ledgers: BTreeMap<MigrationId, Ledger> =
        restart::ledgers(&*control.store, &ids).await?.into_iter().collect();
    let before = rows.into_iter().map(|(_, row)| {
        let ledger = ledgers.get(&row.migration).cloned().unwrap_or_default();
        (row.index, Before { row, ledger })
    });
    Ok(before.collect())
}

/// Why a row that is to be moved is left for a later part of the run; none for those that are chosen.
type Chosen = BTreeMap<u32, Option<Cause>>;

/// Which of the rows that are to be moved belong to this part of the run.
fn choose(run: &Run, plan: &ReviewedPlan, before: &BTreeMap<u32, Before>, control: &Inner) -> Chosen {
    let options = &run.options;
    let taken =
        before.values().filter(|before| !before.row.already && !before.ledger.stopped_by_plan).count();
    let mut room = options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(taken));
    let mut open: Vec<(Timestamp, u32, &PlannedRow)> = (0..)
        .zip(&plan.rows)
        .filter(|(index, row)| {
            let as_before = before.get(index).is_some_and(|before| !before.ledger.stopped_by_plan);
            let already = row.old_subscription.is_some_and(|old| control.board.already(old).is_some());
            row.decision == Decided::Move && !as_before && !already
        })
        .map(|(index, row)| (row.commitment_end.unwrap_or(Timestamp::MAX), index, row))
        .collect();
    open.sort_by_key(|(end, index, _)| (*end, *index));
    let choose = |(_, index, row): (Timestamp, u32, &PlannedRow)| {
        let named = |wave: &String| wave.trim().eq_ignore_ascii_case(row.wave.trim());
        let cause = if !options.waves.is_empty() && !options.waves.iter().any(named) {
            let text = format!("this part of the run is for wave {}", options.waves.join(", "));
            Some(Cause::new(NOT_IN_WAVE, text))
        } else if room == 0 {
            let limit = options.limit.unwrap_or_default();
            Some(Cause::new(BEYOND_LIMIT, format!("this part of the run begins no more than {limit} rows")))
        } else {
            room -= 1;
            None
        };
        (index, cause)
    };
    open.into_iter().map(choose).collect()
}

/// One `apply`, row by row.
struct Taking<'a> {
    control: &'a Inner,
    applied: Applied,
    facts: Vec<(MigrationId, Option<CustomerId>, Fact)>,
    shared: Vec<RunRow>,
    /// Migrations that this very `apply` makes: a file may name a subscription twice.
    subscriptions: BTreeMap<SubscriptionId, MigrationId>,
    now: Timestamp,
}

impl Taking<'_> {
    /// A row that an earlier `apply` has taken: only one that was set aside may come to its turn now.
    fn again(&mut self, before: &Before, row: &PlannedRow, run: &Run, chosen: Option<&Option<Cause>>) {
        let set_aside = before.ledger.stage == Stage::Skipped && before.ledger.stopped_by_plan;
        match (&before.ledger.row, chosen) {
            (Some(known), Some(None)) if set_aside && row.decision == Decided::Move => {
                self.applied.queued += 1;
                let fact = Fact::Queued { row: known.clone(), stored: None };
                self.facts.push((before.row.migration, Some(row.customer), fact));
            }
            // The crash came between the row and its ledger, which are written together: this cannot be.
            (None, _) if !before.row.already => {
                tracing::error!(row = %row.row_id, run = %run.id, "a row of a run has no ledger");
            }
            _ => self.applied.as_before += 1,
        }
    }

    fn first_time(&mut self, index: u32, row: &PlannedRow, run: &Run, chosen: Option<&Option<Cause>>) {
        let cause = match (&row.decision, row.old_subscription) {
            (Decided::Leave(cause), _) => Some(cause.clone()),
            (Decided::Move, None) => {
                Some(Cause::new("no_subscription", "the row names no subscription that could be moved"))
            }
            (Decided::Move, Some(old)) => {
                if let Some(migration) = self.migration_of(old) {
                    self.applied.already.push((row.row_id.clone(), migration));
                    self.shared.push(stored(run.id, index, migration, true, row));
                    return;
                }
                chosen.cloned().flatten()
            }
        };
        self.take(index, row, run.id, cause);
    }

    fn migration_of(&self, old: SubscriptionId) -> Option<MigrationId> {
        self.subscriptions.get(&old).copied().or_else(|| self.control.board.already(old))
    }

    fn take(&mut self, index: u32, row: &PlannedRow, run: RunId, cause: Option<Cause>) {
        let migration = self.control.ids.migration(self.now);
        let old = row.old_subscription;
        let entry = RowRef {
            run,
            index,
            row: row.row_id.clone(),
            customer: row.customer,
            old_subscription: old,
            commitment_end: row.commitment_end,
            not_before: row.not_before,
            users: row.users,
            retries: old.and_then(|old| self.control.board.tried_before(old)),
            revision: 0,
        };
        let stored = Some(Box::new(stored(run, index, migration, false, row)));
        let fact = match cause {
            None => {
                self.applied.queued += 1;
                self.subscriptions.extend(old.map(|old| (old, migration)));
                Fact::Queued { row: entry, stored }
            }
            Some(cause) => {
                *self.applied.left_out.entry(cause.code.clone()).or_default() += 1;
                Fact::Skip { row: RowRef { retries: None, ..entry }, stored, cause }
            }
        };
        self.facts.push((migration, Some(row.customer), fact));
    }
}

fn stored(run: RunId, index: u32, migration: MigrationId, already: bool, row: &PlannedRow) -> RunRow {
    RunRow { run, index, migration, already, row: row.clone() }
}

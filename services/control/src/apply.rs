//! Taking a reviewed plan into a run: every row of it gets a migration, and so a verdict in the end.
//!
//! Applying the same file again goes on with its run. A subscription that has a migration already, in whatever run, gets no
//! second one while the first was not refused, rolled back or skipped. A plan is taken page by page, twice (to choose, and
//! to take), so that a hundred thousand rows need no more room than a few numbers each. What must never happen here: a row
//! that vanishes, or one that is taken twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use futures::StreamExt;
use jiff::Timestamp;
use seatshift_messages::{Cause, CustomerId, MigrationId, RunId, SubscriptionId};
use seatshift_store::{Committed, Store, StoreError};

use crate::control::Inner;
use crate::records;
use crate::restart;
use crate::run::{Applied, Decided, PlannedRow, Run, RunOptions, RunRow};
use crate::tracker::{BEYOND_LIMIT, Fact, Ledger, NOT_IN_WAVE, RowRef, Stage};

/// Rows taken at a time where the plan is in memory.
const PAGE: usize = 500;

/// Where the rows of a plan are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    Here(&'a [PlannedRow]),
    /// Uploaded under this id.
    Uploaded {
        store: &'a dyn Store,
        upload: &'a str,
    },
}

impl<'a> Rows<'a> {
    /// Page `number`, from 0; none after the last.
    pub(crate) async fn page(&self, number: u32) -> Result<Option<Cow<'a, [PlannedRow]>>, StoreError> {
        match self {
            Rows::Here(rows) => Ok(rows.chunks(PAGE).nth(number as usize).map(Cow::Borrowed)),
            Rows::Uploaded { store, upload } => {
                let key = records::page_key(upload, number);
                Ok(records::get(*store, records::UPLOAD, &key).await?.map(Cow::Owned))
            }
        }
    }
}

/// What is applied.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub(crate) sha256: &'a str,
    pub(crate) extra_columns: &'a [String],
    /// How many there are.
    pub(crate) count: usize,
    pub(crate) rows: Rows<'a>,
}

pub(crate) async fn apply(
    control: &Inner,
    plan: &Plan<'_>,
    options: RunOptions,
) -> Result<Applied, StoreError> {
    let (run, new) = open_run(control, plan, options).await?;
    let before = rows_before(control, &run).await?;
    let chosen = choose(&run, plan, &before, control).await?;
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
    let (mut number, mut index) = (0, 0);
    while let Some(page) = plan.rows.page(number).await? {
        let again = ledgers_of(control, &before, index, page.len()).await?;
        for row in &*page {
            match before.get(&index) {
                Some(before) => taking.again(before, &again, row, &run, chosen.get(&index)),
                None => taking.first_time(index, row, &run, chosen.get(&index)),
            }
            index += 1;
        }
        drop(page);
        taking.commit().await;
        number += 1;
    }
    Ok(taking.applied)
}

async fn open_run(control: &Inner, plan: &Plan<'_>, options: RunOptions) -> Result<(Run, bool), StoreError> {
    loop {
        let runs = records::runs(&*control.store).await?;
        let same = runs.into_iter().rfind(|(_, run)| run.plan_sha256 == plan.sha256);
        if let Some((version, run)) = same {
            let run = Run { options: options.clone(), ..run };
            match control.write(|unit| unit.records.push(records::run(&run, version))).await {
                Committed::Stale => continue,
                Committed::Done | Committed::Duplicate => return Ok((run, false)),
            }
        }
        let created = control.clock.now();
        let run = Run {
            id: control.ids.run(created),
            plan_sha256: plan.sha256.to_owned(),
            approved_by: options.approved_by.clone(),
            created,
            rows: plan.count,
            extra_columns: plan.extra_columns.to_vec(),
            options: options.clone(),
            sequence: 0,
        };
        let written = control
            .write(|unit| {
                unit.records.push(records::run(&run, 0));
                // Another replica may have opened it a moment ago: then this unit is stale, and that run is the one.
                unit.records.push(records::once(records::PLAN_RUN, plan.sha256, &run.id));
                // How an earlier run ended says nothing about this one.
                unit.records.push(records::put(records::PAUSE, records::WINDOW.to_owned(), &run.created));
            })
            .await;
        if written == Committed::Done {
            control.board.begin_window(run.created);
            return Ok((run, true));
        }
    }
}

/// Rows written at the same time.
const AT_ONCE: usize = 64;

/// A row that an earlier `apply` has taken.
#[derive(Debug, Clone, Copy)]
struct Before {
    migration: MigrationId,
    already: bool,
    stopped_by_plan: bool,
}

async fn rows_before(control: &Inner, run: &Run) -> Result<BTreeMap<u32, Before>, StoreError> {
    let mut before = BTreeMap::new();
    let mut pages = records::Pages::new(records::ROW, &format!("{}/", run.id));
    while let Some(page) = pages.next::<RunRow>(&*control.store).await? {
        for (_, row) in page {
            let taken = control.board.taken(row.migration);
            let stopped_by_plan = taken.is_some_and(|taken| taken.stopped_by_plan);
            before.insert(
                row.index,
                Before { migration: row.migration, already: row.already, stopped_by_plan },
            );
        }
    }
    Ok(before)
}

/// Ledgers of the rows of a page that an earlier `apply` has set aside.
async fn ledgers_of(
    control: &Inner,
    before: &BTreeMap<u32, Before>,
    first: u32,
    count: usize,
) -> Result<BTreeMap<MigrationId, Ledger>, StoreError> {
    let last = first.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    let rows = before.range(first..last).map(|(_, row)| row);
    let ids: Vec<MigrationId> = rows.filter(|row| row.stopped_by_plan).map(|row| row.migration).collect();
    Ok(restart::ledgers(&*control.store, &ids).await?.into_iter().collect())
}

/// Why a row that is to be moved is left for a later part of the run; none for those that are chosen.
type Chosen = BTreeMap<u32, Option<Why>>;

#[derive(Debug, Clone, Copy)]
enum Why {
    NotInWave,
    BeyondLimit,
}

/// A row that could be chosen: the nearest end date first, then as in the file.
type Open = (Timestamp, u32, bool);

/// Which of the rows that are to be moved belong to this part of the run.
async fn choose(
    run: &Run,
    plan: &Plan<'_>,
    before: &BTreeMap<u32, Before>,
    control: &Inner,
) -> Result<Chosen, StoreError> {
    let options = &run.options;
    let taken = before.values().filter(|before| !before.already && !before.stopped_by_plan).count();
    let mut room = options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(taken));
    let mut open: Vec<Open> = Vec::new();
    let (mut number, mut index) = (0, 0);
    while let Some(page) = plan.rows.page(number).await? {
        for row in &*page {
            let as_before = before.get(&index).is_some_and(|before| !before.stopped_by_plan);
            let already = row.old_subscription.is_some_and(|old| control.board.already(old).is_some());
            if row.decision == Decided::Move && !as_before && !already {
                open.push((row.commitment_end.unwrap_or(Timestamp::MAX), index, in_wave(options, row)));
            }
            index += 1;
        }
        number += 1;
    }
    open.sort_unstable();
    let choose = |(_, index, in_wave): Open| {
        let why = if !in_wave {
            Some(Why::NotInWave)
        } else if room == 0 {
            Some(Why::BeyondLimit)
        } else {
            room -= 1;
            None
        };
        (index, why)
    };
    Ok(open.into_iter().map(choose).collect())
}

fn in_wave(options: &RunOptions, row: &PlannedRow) -> bool {
    let named = |wave: &String| wave.trim().eq_ignore_ascii_case(row.wave.trim());
    options.waves.is_empty() || options.waves.iter().any(named)
}

impl Why {
    fn cause(self, options: &RunOptions) -> Cause {
        match self {
            Why::NotInWave => {
                let text = format!("this part of the run is for wave {}", options.waves.join(", "));
                Cause::new(NOT_IN_WAVE, text)
            }
            Why::BeyondLimit => {
                let limit = options.limit.unwrap_or_default();
                Cause::new(BEYOND_LIMIT, format!("this part of the run begins no more than {limit} rows"))
            }
        }
    }
}

/// One `apply`, row by row.
struct Taking<'a> {
    control: &'a Inner,
    applied: Applied,
    /// Of this page.
    facts: Vec<(MigrationId, Option<CustomerId>, Fact)>,
    shared: Vec<RunRow>,
    /// Migrations that this very page makes: a file may name a subscription twice. Those of earlier pages are on the board.
    subscriptions: BTreeMap<SubscriptionId, MigrationId>,
    now: Timestamp,
}

impl Taking<'_> {
    /// A row that an earlier `apply` has taken: only one that was set aside may come to its turn now.
    fn again(
        &mut self,
        before: &Before,
        ledgers: &BTreeMap<MigrationId, Ledger>,
        row: &PlannedRow,
        run: &Run,
        chosen: Option<&Option<Why>>,
    ) {
        let ledger = ledgers.get(&before.migration);
        let known = ledger.filter(|ledger| ledger.stage == Stage::Skipped && ledger.stopped_by_plan);
        match (known.and_then(|ledger| ledger.row.as_ref()), chosen) {
            (Some(known), Some(None)) if row.decision == Decided::Move => {
                self.applied.queued += 1;
                let fact = Fact::Queued { row: known.clone(), stored: None };
                self.facts.push((before.migration, Some(row.customer), fact));
            }
            _ => {
                // The crash came between the row and its ledger, which are written together: this cannot be.
                if !before.already && self.control.board.taken(before.migration).is_none() {
                    tracing::error!(row = %row.row_id, run = %run.id, "a row of a run has no ledger");
                }
                self.applied.as_before += 1;
            }
        }
    }

    fn first_time(&mut self, index: u32, row: &PlannedRow, run: &Run, chosen: Option<&Option<Why>>) {
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
                chosen.copied().flatten().map(|why| why.cause(&run.options))
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

    /// What was taken so far is written down, each row for itself: one that somebody else has taken meanwhile keeps what
    /// that one made of it.
    async fn commit(&mut self) {
        let shared = std::mem::take(&mut self.shared);
        let write = |row| self.control.write(move |unit| unit.records.push(records::row(&row)));
        futures::stream::iter(shared).map(write).buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
        let facts = std::mem::take(&mut self.facts);
        let left_out: Vec<Option<String>> = facts.iter().map(|(.., fact)| left_out(fact)).collect();
        let told = self.control.tell_all(facts).await;
        for (left_out, _) in left_out.into_iter().zip(told).filter(|(_, told)| *told == Committed::Stale) {
            let counted = match left_out {
                None => Some(&mut self.applied.queued),
                Some(cause) => self.applied.left_out.get_mut(&cause),
            };
            if let Some(counted) = counted {
                *counted -= 1;
            }
            self.applied.as_before += 1;
        }
        self.applied.left_out.retain(|_, count| *count > 0);
        self.subscriptions.clear();
    }
}

/// The cause for which a row is left out; none for one that is queued.
fn left_out(fact: &Fact) -> Option<String> {
    if let Fact::Skip { cause, .. } = fact { Some(cause.code.clone()) } else { None }
}

fn stored(run: RunId, index: u32, migration: MigrationId, already: bool, row: &PlannedRow) -> RunRow {
    RunRow { run, index, migration, already, row: row.clone() }
}

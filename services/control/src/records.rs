//! Control's own records: runs, rows, the pause, operator commands and their answers. One place knows kinds and keys.
//!
//! A record is a value under (kind, key), written beside the decision that it belongs to. Keys sort in the order in which
//! people want to see them.

use jiff::Timestamp;
use seatshift_messages::{CustomerId, MigrationId, RunId};
use seatshift_store::{RecordRow, RecordWrite, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pause::Pause;
use crate::run::{Run, RunRow};
use crate::tracker::Answer;

pub(crate) const RUN: &str = "run";
pub(crate) const ROW: &str = "row";
pub(crate) const PAUSE: &str = "pause";
/// The one key of [`PAUSE`].
pub(crate) const CURRENT: &str = "current";
/// Key in [`PAUSE`]: since when the stop rule counts.
pub(crate) const WINDOW: &str = "window";
pub(crate) const COMMAND: &str = "command";
pub(crate) const ANSWER: &str = "answer";
/// The whole of what became of a command.
pub(crate) const ANSWERED: &str = "answered";
/// Key in [`PAUSE`]: when the last pause ended.
pub(crate) const RESUMED: &str = "resumed";
/// A customer's slot is held; by customer.
pub(crate) const SLOT: &str = "slot";
/// The run of a plan, by the plan's SHA-256: one plan is one run, whoever applies it.
pub(crate) const PLAN_RUN: &str = "plan_run";
/// Rows of a plan on their way into a run, page by page.
pub(crate) const UPLOAD: &str = "upload";
/// An `apply` that is to be carried out, and what became of one.
pub(crate) const APPLY: &str = "apply";
pub(crate) const APPLIED: &str = "applied";

/// Records read at a time. A row of a plan with its users can be a megabyte.
const PAGE: usize = 250;

pub(crate) fn row_key(run: RunId, index: u32) -> String {
    format!("{run}/{index:07}")
}

/// Pages of one upload sort by number.
pub(crate) fn page_key(upload: &str, page: u32) -> String {
    format!("{upload}/{page:07}")
}

fn answer_key(command: &str, migration: MigrationId) -> String {
    format!("{command}/{migration}")
}

/// A row comes into a run once. Stale where it has: two may apply the same plan while a lost lock is not noticed yet, each
/// with migrations of its own making, and the ledger of the second must not come to be.
pub(crate) fn row(row: &RunRow) -> RecordWrite {
    once(ROW, &row_key(row.run, row.index), row)
}

/// The customer's slot is taken; stale where it is taken already.
pub(crate) fn take_slot(customer: CustomerId) -> RecordWrite {
    RecordWrite {
        kind: SLOT.to_owned(),
        key: customer.to_string(),
        expected: Some(0),
        body: Some("{}".to_owned()),
    }
}

/// The customer's slot is free.
pub(crate) fn free_slot(customer: CustomerId) -> RecordWrite {
    remove(SLOT, &customer.to_string())
}

/// A run in place of that version of it (0 = none): stale where somebody else has changed it meanwhile, so that no number of
/// its events is given twice.
pub(crate) fn run(run: &Run, version: u64) -> RecordWrite {
    RecordWrite { expected: Some(version), ..put(RUN, run.id.to_string(), run) }
}

/// All runs as they stand, with their versions, oldest first.
pub(crate) async fn runs(store: &dyn Store) -> Result<Vec<(u64, Run)>, StoreError> {
    let mut runs = Vec::new();
    let mut pages = Pages::new(RUN, "");
    while let Some(page) = pages.rows(store).await? {
        for row in page {
            runs.push((row.version, read(&row)?));
        }
    }
    Ok(runs)
}

pub(crate) fn answer(command: &str, answer: &Answer) -> RecordWrite {
    put(ANSWER, answer_key(command, answer.migration), answer)
}

/// Writes it, in place of whatever stands.
pub(crate) fn put<T: Serialize>(kind: &str, key: String, value: &T) -> RecordWrite {
    let body = serde_json::to_string(value).expect("records hold only JSON values and text keys");
    RecordWrite { kind: kind.to_owned(), key, expected: None, body: Some(body) }
}

/// Writes it where nothing stands; the unit is stale where something does.
pub(crate) fn once<T: Serialize>(kind: &str, key: &str, value: &T) -> RecordWrite {
    RecordWrite { expected: Some(0), ..put(kind, key.to_owned(), value) }
}

pub(crate) fn remove(kind: &str, key: &str) -> RecordWrite {
    RecordWrite { kind: kind.to_owned(), key: key.to_owned(), expected: None, body: None }
}

fn read<T: DeserializeOwned>(row: &RecordRow) -> Result<T, StoreError> {
    serde_json::from_str(&row.body)
        .map_err(|source| StoreError::Damaged { what: "record", source: Box::new(source) })
}

/// What [`pause`] reads.
pub(crate) type StoredPause = (Option<Pause>, Option<Timestamp>, Option<Timestamp>);

/// One record.
pub(crate) async fn get<T: DeserializeOwned>(
    store: &dyn Store,
    kind: &str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    store.record(kind, key).await?.as_ref().map(read).transpose()
}

/// The standing pause, since when the stop rule counts, and when the last pause ended: in one question, because replicas ask
/// it over and over.
pub(crate) async fn pause(store: &dyn Store) -> Result<StoredPause, StoreError> {
    let rows = store.records(PAUSE, None, PAGE).await?;
    let row = |key: &str| rows.iter().find(|row| row.key == key);
    Ok((
        row(CURRENT).map(read).transpose()?,
        row(WINDOW).map(read).transpose()?,
        row(RESUMED).map(read).transpose()?,
    ))
}

/// All records of a kind whose keys begin so, with their keys, in key order. For kinds of which there are few.
pub(crate) async fn all<T: DeserializeOwned>(
    store: &dyn Store,
    kind: &'static str,
    prefix: &str,
) -> Result<Vec<(String, T)>, StoreError> {
    let mut found = Vec::new();
    let mut pages = Pages::new(kind, prefix);
    while let Some(page) = pages.next(store).await? {
        found.extend(page);
    }
    Ok(found)
}

/// Rows of a run behind this one, in the order of the plan.
pub(crate) async fn rows_after(
    store: &dyn Store,
    run: RunId,
    after: Option<u32>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let prefix = format!("{run}/");
    let after = after.map_or_else(|| prefix.clone(), |index| row_key(run, index));
    let page = store.records(ROW, Some(&after), limit).await?;
    page.iter().filter(|row| row.key.starts_with(&prefix)).map(read).collect()
}

/// Records of a kind whose keys begin so, a page at a time, in key order.
#[derive(Debug)]
pub(crate) struct Pages {
    kind: &'static str,
    prefix: String,
    after: Option<String>,
    ended: bool,
}

impl Pages {
    pub(crate) fn new(kind: &'static str, prefix: &str) -> Self {
        let after = (!prefix.is_empty()).then(|| prefix.to_owned());
        Pages { kind, prefix: prefix.to_owned(), after, ended: false }
    }

    /// The next page, none after the last.
    pub(crate) async fn next<T: DeserializeOwned>(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<(String, T)>>, StoreError> {
        let Some(page) = self.rows(store).await? else { return Ok(None) };
        page.into_iter().map(|row| Ok((row.key.clone(), read(&row)?))).collect::<Result<_, _>>().map(Some)
    }

    /// The same as they are stored, with their versions.
    async fn rows(&mut self, store: &dyn Store) -> Result<Option<Vec<RecordRow>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let mut page = store.records(self.kind, self.after.as_deref(), PAGE).await?;
        let within = page.iter().take_while(|row| row.key.starts_with(&self.prefix)).count();
        self.ended = within < PAGE;
        page.truncate(within);
        self.after = page.last().map(|row| row.key.clone());
        Ok(Some(page))
    }
}

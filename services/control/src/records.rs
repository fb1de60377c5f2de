//! Control's own records: runs, rows, the pause, operator commands and their answers. One place knows kinds and keys.
//!
//! A record is a value under (kind, key), written beside the decision that it belongs to. Keys sort in the order in which
//! people want to see them.

use seatshift_messages::{MigrationId, RunId};
use seatshift_store::{RecordRow, RecordWrite, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// Records read at a time.
const PAGE: usize = 1000;

pub(crate) fn row_key(run: RunId, index: u32) -> String {
    format!("{run}/{index:07}")
}

fn answer_key(command: &str, migration: MigrationId) -> String {
    format!("{command}/{migration}")
}

pub(crate) fn row(row: &RunRow) -> RecordWrite {
    put(ROW, row_key(row.run, row.index), row)
}

pub(crate) fn run(run: &Run) -> RecordWrite {
    put(RUN, run.id.to_string(), run)
}

pub(crate) fn answer(command: &str, answer: &Answer) -> RecordWrite {
    put(ANSWER, answer_key(command, answer.migration), answer)
}

/// Writes it, in place of whatever stands.
pub(crate) fn put<T: Serialize>(kind: &str, key: String, value: &T) -> RecordWrite {
    let body = serde_json::to_string(value).expect("records hold only JSON values and text keys");
    RecordWrite { kind: kind.to_owned(), key, expected: None, body: Some(body) }
}

pub(crate) fn remove(kind: &str, key: &str) -> RecordWrite {
    RecordWrite { kind: kind.to_owned(), key: key.to_owned(), expected: None, body: None }
}

fn read<T: DeserializeOwned>(row: &RecordRow) -> Result<T, StoreError> {
    serde_json::from_str(&row.body)
        .map_err(|source| StoreError::Damaged { what: "record", source: Box::new(source) })
}

/// One record.
pub(crate) async fn get<T: DeserializeOwned>(
    store: &dyn Store,
    kind: &str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    store.record(kind, key).await?.as_ref().map(read).transpose()
}

/// All records of a kind whose keys begin so, with their keys, in key order.
pub(crate) async fn all<T: DeserializeOwned>(
    store: &dyn Store,
    kind: &str,
    prefix: &str,
) -> Result<Vec<(String, T)>, StoreError> {
    let mut found = Vec::new();
    let mut after = (!prefix.is_empty()).then(|| prefix.to_owned());
    loop {
        let page = store.records(kind, after.as_deref(), PAGE).await?;
        for row in &page {
            if !row.key.starts_with(prefix) {
                return Ok(found);
            }
            found.push((row.key.clone(), read(row)?));
        }
        if page.len() < PAGE {
            return Ok(found);
        }
        after = page.last().map(|row| row.key.clone());
    }
}

//! Group commit: load the rows that a batch touches, apply its units in memory, write what changed.
//!
//! The number of statements does not grow with the number of units, but for events and instructions, whose bytes go one
//! by one so that they are not copied into JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use seatshift_messages::{Envelope, Instruction, MigrationId};
use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::columns::{failed, hex, list};
use super::rows::{InboxColumns, LedgerColumns, RecordColumns, WorkColumns};
use super::sql;
use crate::columns::{damaged, nanoseconds, signed};
use crate::tables::{Kept, LedgerKey, Tables, Touched};
use crate::{Committed, StoreError, Unit};

/// An instruction that was written, with its number and its size, for the cache.
pub(super) type Written = (i64, Arc<Instruction>, usize);

/// Applies the units in one transaction.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    units: &[Unit],
) -> Result<(Vec<Committed>, Vec<Written>), StoreError> {
    let mut transaction =
        connection.begin_with(sql::BEGIN).await.map_err(failed("beginning a transaction"))?;
    let mut tables = load(&mut transaction, units).await?;
    let mut touched = Touched::default();
    let committed: Vec<_> = units.iter().map(|unit| tables.apply(unit, &mut touched)).collect();
    let written = save(&mut transaction, &mut tables, &touched).await?;
    append(&mut transaction, units, &committed).await?;
    transaction.commit().await.map_err(failed("committing"))?;
    Ok((committed, written))
}

// --- load ---

async fn load(connection: &mut SqliteConnection, units: &[Unit]) -> Result<Tables, StoreError> {
    let mut tables = Tables::default();
    let rows: Vec<InboxColumns> = fetch(connection, sql::LOAD_INBOX, inbox_keys(units)).await?;
    for row in rows {
        let (key, at) = row.read()?;
        tables.consumed.insert(key, at);
    }
    let rows: Vec<LedgerColumns> = fetch(connection, sql::LOAD_LEDGERS, ledger_keys(units)).await?;
    for row in rows {
        let (key, ledger) = row.read()?;
        tables.ledgers.insert(key, ledger);
    }
    let rows: Vec<WorkColumns> = fetch(connection, sql::LOAD_WORK, work_keys(units)).await?;
    for row in rows {
        let (key, work) = row.read()?;
        tables.work.insert(key, work);
    }
    let rows: Vec<RecordColumns> = fetch(connection, sql::LOAD_RECORDS, record_keys(units)).await?;
    for row in rows {
        let (key, record) = row.read()?;
        tables.records.insert(key, record);
    }
    Ok(tables)
}

async fn fetch<Row>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    keys: Option<String>,
) -> Result<Vec<Row>, StoreError>
where
    Row: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let Some(keys) = keys else { return Ok(Vec::new()) };
    let query = sqlx::query_as(statement).bind(keys);
    query.fetch_all(connection).await.map_err(failed("reading what a batch touches"))
}

fn inbox_keys(units: &[Unit]) -> Option<String> {
    let events = units.iter().filter_map(|unit| unit.consumed.map(|(event, _)| (unit.service, event)));
    let events: BTreeSet<_> = events.collect();
    list_of(events.into_iter().map(|(service, event)| (service.name(), hex(event.0))))
}

fn ledger_keys(units: &[Unit]) -> Option<String> {
    let ledgers = units.iter().filter_map(|unit| Some((unit.service, unit.ledger.as_ref()?.migration)));
    let ledgers: BTreeSet<_> = ledgers.collect();
    list_of(ledgers.into_iter().map(|(service, migration)| (service.name(), hex(migration.0))))
}

fn work_keys(units: &[Unit]) -> Option<String> {
    let work = units.iter().flat_map(|unit| unit.work.iter().map(|change| (unit.service, change.row())));
    let work: BTreeSet<_> = work.collect();
    list_of(work.into_iter().map(|(service, (migration, part))| (service.name(), hex(migration.0), part)))
}

fn record_keys(units: &[Unit]) -> Option<String> {
    let records = units.iter().flat_map(|unit| unit.records.iter().map(|write| (&write.kind, &write.key)));
    let records: BTreeSet<_> = records.collect();
    list_of(records.into_iter())
}

/// None when there is nothing to ask or to write.
fn list_of(rows: impl Iterator<Item = impl Serialize>) -> Option<String> {
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| list(&rows))
}

// --- save ---

async fn save(
    connection: &mut SqliteConnection,
    tables: &mut Tables,
    touched: &Touched,
) -> Result<Vec<Written>, StoreError> {
    let written = save_instructions(connection, tables, &touched.ledgers).await?;
    execute(connection, sql::SAVE_INBOX, inbox_rows(tables, touched)).await?;
    execute(connection, sql::SAVE_LEDGERS, ledger_rows(tables, touched)).await?;
    execute(connection, sql::SAVE_WORK, work_rows(tables, touched)).await?;
    execute(connection, sql::REMOVE_WORK, work_gone(tables, touched)).await?;
    execute(connection, sql::SAVE_RECORDS, record_rows(tables, touched)).await?;
    execute(connection, sql::REMOVE_RECORDS, records_gone(tables, touched)).await?;
    Ok(written)
}

async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: Option<String>,
) -> Result<(), StoreError> {
    if let Some(rows) = rows {
        sqlx::query(statement).bind(rows).execute(connection).await.map_err(failed("writing a batch"))?;
    }
    Ok(())
}

fn inbox_rows(tables: &Tables, touched: &Touched) -> Option<String> {
    list_of(touched.consumed.iter().filter_map(|key| {
        let at = tables.consumed.get(key)?;
        Some((key.0.name(), hex(key.1.0), nanoseconds(*at)))
    }))
}

fn ledger_rows(tables: &Tables, touched: &Touched) -> Option<String> {
    list_of(touched.ledgers.iter().filter_map(|key| {
        let row = tables.ledgers.get(key)?;
        let instruction = match row.instruction {
            Kept::Stored(id) => Some(id),
            Kept::Nowhere | Kept::Here(_) => None,
        };
        let customer = row.customer.map(|customer| hex(customer.0));
        let (version, sequence) = (signed(row.version), signed(row.sequence));
        Some((key.0.name(), hex(key.1.0), customer, version, sequence, &row.stage, instruction))
    }))
}

fn work_rows(tables: &Tables, touched: &Touched) -> Option<String> {
    list_of(touched.work.iter().filter_map(|key| {
        let row = tables.work.get(key)?;
        let (due, lease) = (row.due.map(nanoseconds), row.lease.map(nanoseconds));
        let (service, migration, version) = (key.0.name(), hex(key.1.0), signed(row.version));
        Some((service, migration, &key.2, version, &row.body, due, lease, i64::from(row.interrupted)))
    }))
}

fn work_gone(tables: &Tables, touched: &Touched) -> Option<String> {
    let gone = touched.work.iter().filter(|key| !tables.work.contains_key(*key));
    list_of(gone.map(|(service, migration, part)| (service.name(), hex(migration.0), part)))
}

fn record_rows(tables: &Tables, touched: &Touched) -> Option<String> {
    list_of(touched.records.iter().filter_map(|key| {
        let row = tables.records.get(key)?;
        Some((&key.0, &key.1, signed(row.version), &row.body))
    }))
}

fn records_gone(tables: &Tables, touched: &Touched) -> Option<String> {
    list_of(touched.records.iter().filter(|key| !tables.records.contains_key(*key)))
}

/// Writes the instructions that came with this batch, and notes their numbers in the ledger rows.
async fn save_instructions(
    connection: &mut SqliteConnection,
    tables: &mut Tables,
    keys: &BTreeSet<LedgerKey>,
) -> Result<Vec<Written>, StoreError> {
    let mut written = Vec::new();
    for key in keys {
        if let Some(row) = tables.ledgers.get_mut(key)
            && let Kept::Here(instruction) = &row.instruction
        {
            let (id, bytes) = save_instruction(connection, key.1, instruction).await?;
            written.push((id, Arc::clone(instruction), bytes));
            row.instruction = Kept::Stored(id);
        }
    }
    Ok(written)
}

/// The services of one file keep the same instruction: stored once, found again by its bytes.
async fn save_instruction(
    connection: &mut SqliteConnection,
    migration: MigrationId,
    instruction: &Instruction,
) -> Result<(i64, usize), StoreError> {
    let body = serde_json::to_vec(instruction).map_err(|error| damaged("instruction", error))?;
    let failed = failed("writing an instruction");
    let find = sqlx::query_scalar(sql::FIND_INSTRUCTION).bind(migration.0).bind(&body[..]);
    if let Some(id) = find.fetch_optional(&mut *connection).await.map_err(&failed)? {
        return Ok((id, body.len()));
    }
    let bytes = body.len();
    let save = sqlx::query_scalar(sql::SAVE_INSTRUCTION).bind(migration.0).bind(body);
    Ok((save.fetch_one(connection).await.map_err(failed)?, bytes))
}

// --- append ---

async fn append(
    connection: &mut SqliteConnection,
    units: &[Unit],
    committed: &[Committed],
) -> Result<(), StoreError> {
    let failed = failed("appending events");
    let done = units.iter().zip(committed).filter(|(_, committed)| **committed == Committed::Done);
    let done: Vec<&Unit> = done.map(|(unit, _)| unit).collect();
    // Before the others, so that it stays out of the outbox.
    for (unit, event) in done.iter().filter_map(|unit| Some((unit, unit.heard.as_ref()?))) {
        let logged = sqlx::query_scalar(sql::LOGGED).bind(event.subject).bind(event.id.0);
        let logged: bool = logged.fetch_one(&mut *connection).await.map_err(&failed)?;
        if !logged {
            append_event(connection, unit, event).await?;
        }
    }
    if done.iter().any(|unit| !unit.events.is_empty()) {
        let before: i64 =
            sqlx::query_scalar(sql::LAST_EVENT).fetch_one(&mut *connection).await.map_err(&failed)?;
        for unit in &done {
            for event in &unit.events {
                append_event(connection, unit, event).await?;
            }
        }
        sqlx::query(sql::FILL_OUTBOX).bind(before).execute(&mut *connection).await.map_err(&failed)?;
    }
    for letter in done.iter().filter_map(|unit| unit.dead_letter.as_ref()) {
        let query =
            sqlx::query(sql::APPEND_DEAD_LETTER).bind(letter.service.name()).bind(nanoseconds(letter.at));
        let query = query.bind(letter.reason.as_str()).bind(Arc::clone(&letter.bytes));
        query.execute(&mut *connection).await.map_err(&failed)?;
    }
    Ok(())
}

async fn append_event(
    connection: &mut SqliteConnection,
    unit: &Unit,
    event: &Envelope,
) -> Result<(), StoreError> {
    let query = sqlx::query(sql::APPEND_EVENT).bind(unit.service.name()).bind(event.id.0);
    let query = query.bind(event.subject).bind(event.to_bytes());
    query.execute(connection).await.map_err(failed("appending events"))?;
    Ok(())
}

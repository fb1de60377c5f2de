//! The engine of the embedded mode: one file, written ahead, synced with every commit that matters.
//!
//! Other processes open the same file meanwhile: an operator's command reads, or writes a record. They wait for each
//! other in SQLite's busy handler, so no transaction here spans anything but statements.
//!
//! What must never happen here: a write without `begin immediate` or outside a single statement, for a reader that turns
//! writer can be refused in the middle.

mod calls;
mod columns;
mod commit;
mod connections;
mod open;
mod rows;
mod sql;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_messages::{EventId, Instruction, MigrationId, Service};
use sqlx::Connection;
use uuid::Uuid;

use self::columns::{failed, hex, list};
use self::connections::{Durability, Readers, Writer};
pub use self::open::Options;
use self::rows::{
    BacklogColumns, CallColumns, CountColumns, DeadLetterColumns, EventColumns, LedgerColumns, OutboxColumns,
    RecordColumns, WorkColumns,
};
use crate::columns::{damaged, limit as rows_at_most, moment, nanoseconds, signed};
use crate::instructions::Instructions;
use crate::rows::time_of;
use crate::tables::Kept;
use crate::{
    Backlog, CallCount, CallRow, Committed, EventRow, LedgerRow, LoggedCall, LoggedDeadLetter, OutboxRow,
    RecordRow, Store, StoreError, Unit, WorkRow,
};

/// Bytes of instructions that are kept in memory.
const INSTRUCTIONS: usize = 64 << 20;

/// A store in one file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    instructions: Instructions<i64>,
}

impl SqliteStore {
    /// Opens the file, creates it if it is not there (mode 0600), and brings its schema up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_in(path, Options::default()).await
    }

    /// The same, with settings.
    pub async fn open_in(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let (writer, readers) = open::open(path.as_ref(), &options).await?;
        Ok(SqliteStore {
            writer: Writer::new(writer),
            readers: Readers::new(readers),
            instructions: Instructions::new(INSTRUCTIONS),
        })
    }

    /// Closes the file and waits until it is closed, which folds the write-ahead log into it. Dropping the store loses
    /// nothing either; it only leaves the side files to the next who opens.
    pub async fn close(self) -> Result<(), StoreError> {
        self.readers.close().await?;
        self.writer.close().await
    }

    async fn ledger_columns(
        &self,
        service: Service,
        ids: &[MigrationId],
    ) -> Result<Vec<LedgerColumns>, StoreError> {
        let mut keys: Vec<_> = ids.iter().map(|id| (service.name(), hex(id.0))).collect();
        keys.sort_unstable();
        keys.dedup();
        sqlx::query_as(sql::LOAD_LEDGERS)
            .bind(list(&keys))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading ledgers"))
    }

    /// Instructions by number: from the cache, the rest from the file.
    async fn instructions(&self, ids: Vec<i64>) -> Result<BTreeMap<i64, Arc<Instruction>>, StoreError> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for id in ids {
            match self.instructions.get(id) {
                Some(instruction) => drop(found.insert(id, instruction)),
                None => missing.push(id),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql::READ_INSTRUCTIONS)
            .bind(list(&missing))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading instructions"))?;
        for (id, body) in rows {
            let instruction: Arc<Instruction> =
                Arc::new(serde_json::from_slice(&body).map_err(|error| damaged("instruction", error))?);
            self.instructions.put(id, Arc::clone(&instruction), body.len());
            found.insert(id, instruction);
        }
        Ok(found)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError> {
        if units.is_empty() {
            return Ok(Vec::new());
        }
        let mut held = self.writer.take(Durability::Full).await?;
        let (committed, written) = commit::commit(&mut held.connection, &units).await?;
        for (id, instruction, bytes) in written {
            self.instructions.put(id, instruction, bytes);
        }
        Ok(committed)
    }

    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError> {
        let rows = self.ledger_columns(service, ids).await?;
        let instructions = self.instructions(rows.iter().filter_map(|row| row.instruction).collect()).await?;
        let read = |row: LedgerColumns| {
            let ((_, migration), row) = row.read()?;
            let instruction = match &row.instruction {
                Kept::Stored(id) => instructions.get(id).cloned(),
                Kept::Nowhere | Kept::Here(_) => None,
            };
            let (customer, version, sequence, stage) = (row.customer, row.version, row.sequence, row.stage);
            Ok(LedgerRow { migration, customer, version, sequence, stage, instruction })
        };
        rows.into_iter().map(read).collect()
    }

    async fn without_instructions(
        &self,
        service: Service,
        ids: &[MigrationId],
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let read = |row: LedgerColumns| {
            let ((_, migration), row) = row.read()?;
            let (customer, version, sequence, stage) = (row.customer, row.version, row.sequence, row.stage);
            Ok(LedgerRow { migration, customer, version, sequence, stage, instruction: None })
        };
        self.ledger_columns(service, ids).await?.into_iter().map(read).collect()
    }

    async fn consumed(&self, service: Service, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let mut keys: Vec<_> = ids.iter().map(|id| hex(id.0)).collect();
        keys.sort_unstable();
        keys.dedup();
        let seen: Vec<Uuid> = sqlx::query_scalar(sql::CONSUMED)
            .bind(service.name())
            .bind(list(&keys))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading the inbox"))?;
        Ok(seen.into_iter().map(EventId).collect())
    }

    async fn claim_work(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkRow>, StoreError> {
        let mut held = self.writer.take(Durability::Full).await?;
        let rows: Vec<WorkColumns> = sqlx::query_as(sql::CLAIM_WORK)
            .bind(service.name())
            .bind(nanoseconds(now))
            .bind(nanoseconds(lease_until))
            .bind(rows_at_most(limit))
            .fetch_all(&mut held.connection)
            .await
            .map_err(failed("claiming work"))?;
        drop(held);
        let mut rows = rows.into_iter().map(WorkColumns::row).collect::<Result<Vec<_>, _>>()?;
        // `returning` promises no order.
        rows.sort_by(|a, b| (a.due, a.migration, &a.part).cmp(&(b.due, b.migration, &b.part)));
        Ok(rows)
    }

    async fn next_due(&self, service: Service) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(sql::NEXT_DUE)
            .bind(service.name())
            .fetch_one(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading what is due"))?;
        due.map(moment).transpose()
    }

    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError> {
        let rows: Vec<WorkColumns> = sqlx::query_as(sql::WORK)
            .bind(service.name())
            .bind(migration.0)
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading work"))?;
        rows.into_iter().map(WorkColumns::row).collect()
    }

    async fn claim_outbox(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        // A lease that a power cut takes back means one more publication, and readers drop it.
        let mut held = self.writer.take(Durability::Process).await?;
        let positions: Vec<i64> = sqlx::query_scalar(sql::CLAIM_OUTBOX)
            .bind(service.name())
            .bind(nanoseconds(now))
            .bind(nanoseconds(lease_until))
            .bind(rows_at_most(limit))
            .fetch_all(&mut held.connection)
            .await
            .map_err(failed("claiming events to publish"))?;
        drop(held);
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<OutboxColumns> = sqlx::query_as(sql::READ_OUTBOX)
            .bind(list(&positions))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading events to publish"))?;
        rows.into_iter().map(OutboxColumns::row).collect()
    }

    async fn clear_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.settle_outbox(sql::CLEAR_OUTBOX, service, positions).await
    }

    async fn release_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.settle_outbox(sql::RELEASE_OUTBOX, service, positions).await
    }

    async fn backlog(&self, service: Service, now: Timestamp) -> Result<Backlog, StoreError> {
        let failed = failed("reading what waits");
        let mut reader = self.readers.take().await;
        let oldest: Option<Vec<u8>> = sqlx::query_scalar(sql::OLDEST_OUTBOX)
            .bind(service.name())
            .fetch_optional(&mut *reader)
            .await
            .map_err(&failed)?;
        let row: BacklogColumns = sqlx::query_as(sql::BACKLOG)
            .bind(service.name())
            .bind(nanoseconds(now))
            .fetch_one(&mut *reader)
            .await
            .map_err(&failed)?;
        row.row(oldest.as_deref().and_then(time_of))
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        let failed = failed("taking over");
        let mut held = self.writer.take(Durability::Full).await?;
        let mut transaction = held.connection.begin_with(sql::BEGIN).await.map_err(&failed)?;
        for statement in [sql::CUT_OFF_WORK, sql::CUT_OFF_OUTBOX] {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(&failed)?;
        }
        transaction.commit().await.map_err(&failed)
    }

    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let rows: Vec<RecordColumns> = sqlx::query_as(sql::RECORDS)
            .bind(kind)
            .bind(after)
            .bind(rows_at_most(limit))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading records"))?;
        rows.into_iter().map(RecordColumns::row).collect()
    }

    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError> {
        let row: Option<RecordColumns> = sqlx::query_as(sql::RECORD)
            .bind(kind)
            .bind(key)
            .fetch_optional(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading a record"))?;
        row.map(RecordColumns::row).transpose()
    }

    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<Uuid>,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut query = sqlx::query_as(if subject.is_some() { sql::EVENTS_OF } else { sql::EVENTS })
            .bind(signed(after))
            .bind(rows_at_most(limit));
        if let Some(subject) = subject {
            query = query.bind(subject);
        }
        let rows: Vec<EventColumns> =
            query.fetch_all(&mut *self.readers.take().await).await.map_err(failed("reading events"))?;
        rows.into_iter().map(EventColumns::row).collect()
    }

    async fn append_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError> {
        calls::append(&self.writer, calls).await
    }

    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        let mut query = sqlx::query_as(if migration.is_some() { sql::CALLS_OF } else { sql::CALLS })
            .bind(signed(after))
            .bind(rows_at_most(limit));
        if let Some(migration) = migration {
            query = query.bind(migration.0);
        }
        let rows: Vec<CallColumns> =
            query.fetch_all(&mut *self.readers.take().await).await.map_err(failed("reading calls"))?;
        rows.into_iter().map(CallColumns::row).collect()
    }

    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError> {
        let rows: Vec<CountColumns> = sqlx::query_as(sql::CALL_COUNTS)
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading counts"))?;
        rows.into_iter().map(CountColumns::row).collect()
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        let rows: Vec<DeadLetterColumns> = sqlx::query_as(sql::DEAD_LETTERS)
            .bind(rows_at_most(limit))
            .fetch_all(&mut *self.readers.take().await)
            .await
            .map_err(failed("reading dead letters"))?;
        rows.into_iter().map(DeadLetterColumns::row).collect()
    }

    async fn remove_dead_letter(&self, service: Service, position: u64) -> Result<(), StoreError> {
        let mut held = self.writer.take(Durability::Full).await?;
        let query = sqlx::query(sql::REMOVE_DEAD_LETTER).bind(service.name()).bind(signed(position));
        query.execute(&mut held.connection).await.map_err(failed("removing a dead letter"))?;
        Ok(())
    }
}

impl SqliteStore {
    async fn settle_outbox(
        &self,
        statement: &'static str,
        service: Service,
        positions: &[u64],
    ) -> Result<(), StoreError> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut held = self.writer.take(Durability::Process).await?;
        let query = sqlx::query(statement).bind(service.name()).bind(list(positions));
        query.execute(&mut held.connection).await.map_err(failed("settling the outbox"))?;
        Ok(())
    }
}

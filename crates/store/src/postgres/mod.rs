//! The engine of the distributed mode: one schema a service in one database, any number of processes on it.
//!
//! Every change is made as in the other engines: load the rows, apply the units, write back. What is different is company:
//! rows are locked in the order of their keys, claims skip what others hold, and no answer is taken for granted when a
//! connection is lost. A process reaches its own schema and `quota`, by the rights of its role.
//!
//! What must never happen here: a wait for anything but the database inside a transaction, or a `notify` in it (it takes a
//! lock that all commits of the database pass one by one).

mod arrays;
mod calls;
mod clean;
mod commit;
pub(crate) mod connections;
mod errors;
mod lock;
mod marks;
mod options;
mod prepare;
mod rows;
mod schema;
mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_messages::{EventId, Instruction, MigrationId, Service};
use uuid::Uuid;

use self::connections::Connections;
pub use self::lock::Held;
pub(crate) use self::lock::take as take_lock;
use self::marks::Marks;
pub use self::options::PgOptions;
use self::rows::{
    BacklogColumns, ChangedColumns, DeadLetterColumns, EventColumns, LedgerColumns, OutboxColumns,
    RecordColumns, WorkColumns,
};
use self::sql::Statements;
use crate::columns::{damaged, limit as rows_at_most, moment, nanoseconds, signed, unsigned};
use crate::instructions::Instructions;
use crate::rows::time_of;
use crate::{
    Backlog, CallCount, CallRow, Changes, Committed, EventRow, LedgerChange, LedgerRow, LoggedCall,
    LoggedDeadLetter, OutboxRow, RecordRow, Settled, Store, StoreError, Unit, WorkRow,
};

/// A store in a PostgreSQL database, opened for some services: a process of a service opens its own.
#[derive(Debug)]
pub struct PgStore {
    connections: Connections,
    rooms: Vec<Room>,
    marks: Marks,
    instructions: Instructions<(Service, MigrationId)>,
}

/// A service's schema.
#[derive(Debug)]
struct Room {
    service: Service,
    sql: Statements,
}

impl PgStore {
    /// Connects, and sees whether the schemas are of the version that this program knows. Changes nothing.
    pub async fn connect(options: &PgOptions) -> Result<Self, StoreError> {
        let connections = Connections::new(options, options.connections)?;
        schema::examine(&connections, &options.services).await?;
        let mut loan = connections.take("connecting").await?;
        let (process,) = loan.one(sqlx::query_as(sql::PROCESS)).await.map_err(loan.failed())?;
        drop(loan);
        let rooms =
            options.services.iter().map(|service| Room { service: *service, sql: Statements::on(*service) });
        Ok(PgStore {
            connections,
            rooms: rooms.collect(),
            marks: Marks::new(process),
            instructions: Instructions::new(options.instruction_bytes),
        })
    }

    /// What time it is by the database's clock, which is one for all replicas.
    pub async fn time(&self) -> Result<Timestamp, StoreError> {
        let mut loan = self.connections.take("asking for the time").await?;
        let statement = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
        let (microseconds,): (i64,) = loan.one(sqlx::query_as(statement)).await.map_err(loan.failed())?;
        Timestamp::from_microsecond(microseconds).map_err(|error| damaged("time", error))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut loan = self.connections.take("asking whether the database is there").await?;
        let (_one,): (i32,) = loan.one(sqlx::query_as("select 1")).await.map_err(loan.failed())?;
        Ok(())
    }

    fn room(&self, service: Service) -> Result<&Room, StoreError> {
        let room = self.rooms.iter().find(|room| room.service == service);
        room.ok_or_else(|| StoreError::NotPrepared { what: format!("{service} in this process") })
    }

    /// Where the event log and the records are read.
    fn home(&self) -> &Room {
        self.rooms.first().expect("examined when it was opened")
    }

    async fn ledger_columns(
        &self,
        room: &Room,
        ids: &[MigrationId],
    ) -> Result<Vec<LedgerColumns>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let mut loan = self.connections.take("reading ledgers").await?;
        let query = sqlx::query_as(room.sql.ledgers.clone()).bind(ids);
        loan.all(query).await.map_err(loan.failed())
    }

    /// Ledgers with their instructions: from the cache, the rest from the database.
    async fn told(&self, room: &Room, rows: Vec<LedgerColumns>) -> Result<Vec<LedgerRow>, StoreError> {
        let instructed = rows.iter().filter(|row| row.instructed).map(|row| row.migration.into());
        let instructions = self.instructions(room, instructed.collect()).await?;
        let read = |row: LedgerColumns| {
            let row = row.row()?;
            Ok(LedgerRow { instruction: instructions.get(&row.migration).cloned(), ..row })
        };
        rows.into_iter().map(read).collect()
    }

    async fn instructions(
        &self,
        room: &Room,
        ids: Vec<MigrationId>,
    ) -> Result<BTreeMap<MigrationId, Arc<Instruction>>, StoreError> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for id in ids {
            match self.instructions.get((room.service, id)) {
                Some(instruction) => drop(found.insert(id, instruction)),
                None => missing.push(id.0),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let mut loan = self.connections.take("reading instructions").await?;
        let query = sqlx::query_as(room.sql.instructions.clone()).bind(missing);
        let rows: Vec<(Uuid, Vec<u8>)> = loan.all(query).await.map_err(loan.failed())?;
        for (id, body) in rows {
            let instruction: Arc<Instruction> =
                Arc::new(serde_json::from_slice(&body).map_err(|error| damaged("instruction", error))?);
            self.instructions.put((room.service, id.into()), Arc::clone(&instruction), body.len());
            found.insert(id.into(), instruction);
        }
        Ok(found)
    }
}

#[async_trait]
impl Store for PgStore {
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError> {
        self.commit_units(&units).await
    }

    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError> {
        let room = self.room(service)?;
        let rows = self.ledger_columns(room, ids).await?;
        self.told(room, rows).await
    }

    async fn without_instructions(
        &self,
        service: Service,
        ids: &[MigrationId],
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let rows = self.ledger_columns(self.room(service)?, ids).await?;
        rows.into_iter().map(LedgerColumns::row).collect()
    }

    async fn consumed(&self, service: Service, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let query = sqlx::query_as(self.room(service)?.sql.consumed.clone()).bind(ids);
        let mut loan = self.connections.take("reading the inbox").await?;
        let seen: Vec<(Uuid,)> = loan.all(query).await.map_err(loan.failed())?;
        Ok(seen.into_iter().map(|(id,)| EventId(id)).collect())
    }

    async fn claim_work(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkRow>, StoreError> {
        let query = sqlx::query_as(self.room(service)?.sql.claim_work.clone())
            .bind(nanoseconds(now))
            .bind(nanoseconds(lease_until))
            .bind(rows_at_most(limit));
        let mut loan = self.connections.take("claiming work").await?;
        let rows: Vec<WorkColumns> = loan.all(query).await.map_err(loan.failed())?;
        let mut rows = rows.into_iter().map(|row| row.row(service)).collect::<Result<Vec<_>, _>>()?;
        // `returning` promises no order.
        rows.sort_by(|a, b| (a.due, a.migration, &a.part).cmp(&(b.due, b.migration, &b.part)));
        Ok(rows)
    }

    async fn next_due(&self, service: Service) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query_as(self.room(service)?.sql.next_due.clone());
        let mut loan = self.connections.take("reading what is due").await?;
        let (due,): (Option<i64>,) = loan.one(query).await.map_err(loan.failed())?;
        due.map(moment).transpose()
    }

    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError> {
        let query = sqlx::query_as(self.room(service)?.sql.work.clone()).bind(migration.0);
        let mut loan = self.connections.take("reading work").await?;
        let rows: Vec<WorkColumns> = loan.all(query).await.map_err(loan.failed())?;
        rows.into_iter().map(|row| row.row(service)).collect()
    }

    async fn claim_outbox(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.exchange_outbox(service, Settled::default(), now, lease_until, limit).await
    }

    async fn clear_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        if positions.is_empty() {
            return Ok(());
        }
        let settled = Settled { clear: positions, release: &[] };
        self.exchange_outbox(service, settled, Timestamp::MIN, Timestamp::MIN, 0).await.map(drop)
    }

    async fn release_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        if positions.is_empty() {
            return Ok(());
        }
        let positions: Vec<i64> = positions.iter().map(|position| signed(*position)).collect();
        let query = sqlx::query(self.room(service)?.sql.release_outbox.clone()).bind(positions);
        let mut loan = self.connections.take("giving events back").await?;
        loan.execute(query).await.map(drop).map_err(loan.failed())
    }

    async fn exchange_outbox(
        &self,
        service: Service,
        settled: Settled<'_>,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        // Seldom, and the claim is to see it.
        self.release_outbox(service, settled.release).await?;
        let clear: Vec<i64> = settled.clear.iter().map(|position| signed(*position)).collect();
        let query = sqlx::query_as(self.room(service)?.sql.exchange_outbox.clone())
            .bind(clear)
            .bind(nanoseconds(now))
            .bind(nanoseconds(lease_until))
            .bind(rows_at_most(limit));
        let mut loan = self.connections.take("claiming events to publish").await?;
        let rows: Vec<OutboxColumns> = loan.all(query).await.map_err(loan.failed())?;
        rows.into_iter().map(OutboxColumns::row).collect()
    }

    async fn backlog(&self, service: Service, now: Timestamp) -> Result<Backlog, StoreError> {
        let sql = &self.room(service)?.sql;
        let mut loan = self.connections.take("reading what waits").await?;
        let oldest = loan.optional(sqlx::query_as(sql.oldest_outbox.clone())).await.map_err(loan.failed())?;
        let oldest = oldest.and_then(|(bytes,): (Vec<u8>,)| time_of(&bytes));
        let query = sqlx::query_as(sql.backlog.clone()).bind(nanoseconds(now));
        let row: BacklogColumns = loan.one(query).await.map_err(loan.failed())?;
        row.row(oldest)
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        let mut loan = self.connections.take("taking over").await?;
        for room in &self.rooms {
            for statement in [&room.sql.cut_off_work, &room.sql.cut_off_outbox] {
                loan.execute(sqlx::query(statement.clone())).await.map_err(loan.failed())?;
            }
        }
        Ok(())
    }

    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let sql = &self.home().sql;
        let query = match after {
            Some(after) => sqlx::query_as(sql.records.clone()).bind(kind).bind(after),
            None => sqlx::query_as(sql.records_from_the_first.clone()).bind(kind),
        };
        let mut loan = self.connections.take("reading records").await?;
        let rows: Vec<RecordColumns> =
            loan.all(query.bind(rows_at_most(limit))).await.map_err(loan.failed())?;
        rows.into_iter().map(RecordColumns::row).collect()
    }

    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError> {
        let query = sqlx::query_as(self.home().sql.record.clone()).bind(kind).bind(key);
        let mut loan = self.connections.take("reading a record").await?;
        let row: Option<RecordColumns> = loan.optional(query).await.map_err(loan.failed())?;
        row.map(RecordColumns::row).transpose()
    }

    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<Uuid>,
    ) -> Result<Vec<EventRow>, StoreError> {
        let sql = &self.home().sql;
        let statement = if subject.is_some() { &sql.events_of } else { &sql.events };
        let mut query = sqlx::query_as(statement.clone()).bind(signed(after)).bind(rows_at_most(limit));
        if let Some(subject) = subject {
            query = query.bind(subject);
        }
        let mut loan = self.connections.take("reading events").await?;
        let rows: Vec<EventColumns> = loan.all(query).await.map_err(loan.failed())?;
        rows.into_iter().map(EventColumns::row).collect()
    }

    async fn append_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError> {
        self.log_calls(calls).await
    }

    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        self.logged_calls(after, limit, migration).await
    }

    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError> {
        self.counted_calls().await
    }

    /// Oldest first within a service.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        let mut letters = Vec::new();
        let mut loan = self.connections.take("reading dead letters").await?;
        for room in &self.rooms {
            let more = rows_at_most(limit - letters.len());
            let query = sqlx::query_as(room.sql.dead_letters.clone()).bind(more);
            let rows: Vec<DeadLetterColumns> = loan.all(query).await.map_err(loan.failed())?;
            for row in rows {
                letters.push(row.row(room.service)?);
            }
        }
        Ok(letters)
    }

    async fn remove_dead_letter(&self, service: Service, position: u64) -> Result<(), StoreError> {
        let query = sqlx::query(self.room(service)?.sql.remove_dead_letter.clone()).bind(signed(position));
        let mut loan = self.connections.take("removing a dead letter").await?;
        loan.execute(query).await.map(drop).map_err(loan.failed())
    }
}

/// Control's changes are numbered, the others' are not: for them there is never one.
#[async_trait]
impl Changes for PgStore {
    async fn changed_ledgers(
        &self,
        service: Service,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LedgerChange>, StoreError> {
        let room = self.room(service)?;
        if service != Service::Control {
            return Ok(Vec::new());
        }
        let query = sqlx::query_as(room.sql.changed_ledgers.clone());
        let query = query.bind(signed(after)).bind(rows_at_most(limit));
        let mut loan = self.connections.take("reading changes").await?;
        let rows: Vec<ChangedColumns> = loan.all(query).await.map_err(loan.failed())?;
        rows.into_iter().map(ChangedColumns::read).collect()
    }

    async fn last_change(&self, service: Service) -> Result<u64, StoreError> {
        if service != Service::Control {
            return Ok(0);
        }
        let query = sqlx::query_as(self.room(service)?.sql.last_change.clone());
        let mut loan = self.connections.take("reading the last change").await?;
        let (last,): (Option<i64>,) = loan.one(query).await.map_err(loan.failed())?;
        unsigned(last.unwrap_or(0))
    }
}

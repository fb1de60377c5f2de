//! What a service remembers: ledgers, work, inbox, outbox, event log, call log, and control's own records.
//!
//! One trait, several engines, one conformance suite that each must pass. The trait speaks in batches of [`Unit`]s: a unit
//! is everything that one decision changes, and it is applied whole or not at all. So state, inbox and outbox cannot come
//! apart: there is no call that writes one without the other.
//!
//! What must never happen here: a decision, a clock, a call to the outside. Times are arguments.

mod changes;
mod columns;
mod instructions;
mod memory;
mod postgres;
pub mod quota;
mod rows;
mod sqlite;
mod tables;
mod unit;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_messages::{EventId, MigrationId, Service};

pub use changes::{Changes, LedgerChange};
pub use memory::MemoryStore;
pub use postgres::{Held, PgOptions, PgStore};
pub use rows::*;
pub use sqlite::{Options, SqliteStore};
pub use unit::*;

/// Durable memory of one or more services. Each service sees only what is its own; the event log and the call log are
/// read across services.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// Applies many units in **one** transaction (group commit) and says for each what became of it.
    ///
    /// A unit that is a [`Committed::Duplicate`] or [`Committed::Stale`] changes nothing and does not hinder the others;
    /// units see the changes of the units before them, and a change sees those before it in its unit. When this returns an
    /// error nothing was changed, but for [`StoreError::Unknown`]; when the future is dropped, all was changed or nothing.
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError>;

    /// Ledger rows of these migrations, in id order; unknown ones are left out.
    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError>;

    /// The same without their instructions, which are many times as long: for whoever decides without them.
    async fn without_instructions(
        &self,
        service: Service,
        ids: &[MigrationId],
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let mut rows = self.ledgers(service, ids).await?;
        rows.iter_mut().for_each(|row| row.instruction = None);
        Ok(rows)
    }

    /// Which of these events the service has consumed already.
    async fn consumed(&self, service: Service, ids: &[EventId]) -> Result<Vec<EventId>, StoreError>;

    /// Takes up to `limit` pieces of work that are due at `now` and nobody holds, oldest due first (then by migration and
    /// part), and holds them until `lease_until`.
    ///
    /// A row whose earlier lease ran out, or was cut off by [`Store::take_over`], comes with `interrupted = true`.
    async fn claim_work(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkRow>, StoreError>;

    /// The moment at which the next piece of work comes due that nobody holds; in the past when some is due already. A
    /// held piece counts from the end of its lease.
    async fn next_due(&self, service: Service) -> Result<Option<Timestamp>, StoreError>;

    /// All work rows of one migration, also those that are not due (settled chunks), by part.
    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError>;

    /// Takes up to `limit` outbox rows that nobody holds, in the order of their commits, and holds them until `lease_until`.
    async fn claim_outbox(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// Removes published rows from the outbox. They stay in the event log.
    async fn clear_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError>;

    /// Gives rows back that could not be published.
    async fn release_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError>;

    /// The three in one: clears what was published, releases what could not be, then claims as [`Store::claim_outbox`]
    /// does. A relay calls it once a batch; an engine may do it in one step. After an error any part may have been done,
    /// and each part may be repeated.
    async fn exchange_outbox(
        &self,
        service: Service,
        settled: Settled<'_>,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.clear_outbox(service, settled.clear).await?;
        self.release_outbox(service, settled.release).await?;
        self.claim_outbox(service, now, lease_until, limit).await
    }

    /// What waits, for metrics. Counts rows, so it is not for every turn of a loop.
    async fn backlog(&self, service: Service, now: Timestamp) -> Result<Backlog, StoreError>;

    /// For a process that knows to be the only one on this store, at its start: every lease of a process before it is cut
    /// off. Held work becomes claimable with `interrupted = true`, held outbox rows become claimable.
    async fn take_over(&self) -> Result<(), StoreError>;

    /// Control's own records of one kind with keys above `after`, in key order, at most `limit`.
    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError>;

    /// One record.
    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError>;

    /// The append-only log of all events of all services at positions above `after`, at most `limit`; of one migration
    /// (or run) when `subject` is given.
    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<uuid::Uuid>,
    ) -> Result<Vec<EventRow>, StoreError>;

    /// Appends to the call log: what was asked of Microsoft, for people and their support cases. Not part of any decision.
    async fn append_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError>;

    /// The call log at positions above `after`, at most `limit`; of one migration when given.
    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError>;

    /// Counts of the call log by family: (family, calls, throttled, failed).
    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError>;

    /// Messages that could not be read, oldest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<LoggedDeadLetter>, StoreError>;

    /// Removes one that was replayed or given up. A missing one is fine.
    async fn remove_dead_letter(&self, service: Service, position: u64) -> Result<(), StoreError>;
}

/// What can go wrong with a store. Every error but [`StoreError::Unknown`] means: nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or server cannot be reached or written just now.
    #[error("the store cannot be reached while {doing}")]
    Unreachable { doing: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// Something stored cannot be read: it was written by a newer version, or damaged.
    #[error("a stored {what} cannot be read")]
    Damaged { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// The connection was lost while a commit was under way, and did not come back: all was changed or nothing. Whoever
    /// repeats it is told: what had been done answers [`Committed::Duplicate`] or [`Committed::Stale`].
    #[error("the connection was lost while committing, and what became of it is not known yet")]
    Unknown { source: Box<dyn std::error::Error + Send + Sync> },
    /// The database has no schema for this, or an older one, or the role has no rights on it.
    #[error("the database is not prepared for {what}: run `seatshift-control --prepare-database`")]
    NotPrepared { what: String },
    /// The file is of a version that this program does not know.
    #[error("the store has schema version {found}, this program knows up to {known}: use the newer program")]
    TooNew { found: i64, known: i64 },
}

impl StoreError {
    /// Whether it is the store that cannot be used just now, whatever is asked of it: no fault of what was to be read or
    /// written, and mended in one place for all.
    pub fn is_the_stores(&self) -> bool {
        match self {
            StoreError::Unreachable { .. }
            | StoreError::Unknown { .. }
            | StoreError::NotPrepared { .. }
            | StoreError::TooNew { .. } => true,
            StoreError::Damaged { .. } => false,
        }
    }
}

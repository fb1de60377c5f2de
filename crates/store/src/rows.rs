//! What is read from a store.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{CustomerId, Envelope, EventId, Instruction, MigrationId, Service};
use uuid::Uuid;

/// Where one service stands with one migration.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    pub migration: MigrationId,
    /// None while only a rollback was heard of, before the migration itself.
    pub customer: Option<CustomerId>,
    /// Grows by one with every change; 0 = not stored yet.
    pub version: u64,
    /// Sequence number of the last event that this service published about this migration.
    pub sequence: u64,
    /// The service's stage, as JSON.
    pub stage: String,
    /// Written once, shared by all readers.
    pub instruction: Option<Arc<Instruction>>,
}

/// A piece of work: an effect that was decided and has not been answered, or the memory of one that was (a settled chunk).
#[derive(Debug, Clone, PartialEq)]
pub struct WorkRow {
    pub service: Service,
    pub migration: MigrationId,
    /// Name within the migration: `order`, `chunk-0003`, ...
    pub part: String,
    /// Grows by one with every change of the body.
    pub version: u64,
    /// The service's own data, as JSON: also the intents of calls that were sent and not answered.
    pub body: String,
    /// None = nothing to do, kept as memory.
    pub due: Option<Timestamp>,
    /// A process held it and ended without saying how it went: calls may be on their way.
    pub interrupted: bool,
}

/// An event that waits to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    pub position: u64,
    pub id: EventId,
    pub bytes: Arc<[u8]>,
}

/// One of control's records.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordRow {
    pub kind: String,
    pub key: String,
    /// Grows by one with every change.
    pub version: u64,
    pub body: String,
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Order of commit within this store; grows, may have holes.
    pub position: u64,
    pub bytes: Arc<[u8]>,
}

/// One call to Microsoft, as logged. No names, no bodies.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRow {
    pub at: Timestamp,
    /// The migration it was made for; none in planning and verification.
    pub migration: Option<MigrationId>,
    pub customer: Option<CustomerId>,
    pub family: String,
    pub operation: String,
    pub changing: bool,
    /// None: no answer came.
    pub status: Option<u16>,
    pub code: Option<u32>,
    pub request_id: Uuid,
    pub correlation_id: Uuid,
    pub microseconds: u64,
    /// From 1, within one intent.
    pub attempt: u32,
}

impl CallRow {
    /// Answered 429.
    pub fn throttled(&self) -> bool {
        self.status == Some(429)
    }

    /// Not answered, or answered 5xx.
    pub fn failed(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}

/// A call with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedCall {
    pub position: u64,
    pub call: CallRow,
}

/// Calls of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    pub family: String,
    pub calls: u64,
    /// Answered 429.
    pub throttled: u64,
    /// Not answered, or answered 5xx.
    pub failed: u64,
}

/// A message that could not be read, with the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub service: Service,
    pub at: Timestamp,
    pub reason: String,
    pub bytes: Arc<[u8]>,
}

/// A message that could not be read, with its place: what [`crate::Store::remove_dead_letter`] wants.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedDeadLetter {
    /// Grows; unique within its service.
    pub position: u64,
    pub service: Service,
    pub at: Timestamp,
    pub reason: String,
    pub bytes: Arc<[u8]>,
}

impl LoggedDeadLetter {
    pub(crate) fn of(position: u64, letter: DeadLetter) -> Self {
        let DeadLetter { service, at, reason, bytes } = letter;
        LoggedDeadLetter { position, service, at, reason, bytes }
    }
}

/// What waits in a service's part of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events that are not published yet, held ones included.
    pub outbox: u64,
    /// When the oldest of them was made.
    pub oldest_event: Option<Timestamp>,
    /// Pieces of work that are due and that nobody holds.
    pub work_due: u64,
    /// Since when the oldest of them has been due.
    pub oldest_due: Option<Timestamp>,
    /// Pieces of work that somebody holds.
    pub work_held: u64,
    pub dead_letters: u64,
}

/// When the event with these bytes was made.
pub(crate) fn time_of(bytes: &[u8]) -> Option<Timestamp> {
    Envelope::from_bytes(bytes).ok().map(|event| event.time)
}

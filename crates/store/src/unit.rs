//! What is written to a store: everything that one decision changes, as one value.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{CustomerId, Envelope, EventId, Instruction, MigrationId, Service};

use crate::rows::DeadLetter;

/// One decision's changes: applied whole or not at all.
#[derive(Debug, Clone)]
pub struct Unit {
    pub service: Service,
    /// The event that led to it goes into the inbox; when it is there already the unit is a duplicate.
    pub consumed: Option<(EventId, Timestamp)>,
    pub ledger: Option<LedgerWrite>,
    pub work: Vec<WorkChange>,
    /// Go to the outbox and to the event log.
    pub events: Vec<Envelope>,
    /// An event of another service that goes to this one's event log, not to the outbox; once, whatever is heard twice.
    /// For control where services do not share one log.
    pub heard: Option<Envelope>,
    pub records: Vec<RecordWrite>,
    pub dead_letter: Option<DeadLetter>,
}

impl Unit {
    pub fn new(service: Service) -> Self {
        Unit {
            service,
            consumed: None,
            ledger: None,
            work: Vec::new(),
            events: Vec::new(),
            heard: None,
            records: Vec::new(),
            dead_letter: None,
        }
    }
}

/// A change of a ledger row.
#[derive(Debug, Clone)]
pub struct LedgerWrite {
    pub migration: MigrationId,
    pub customer: Option<CustomerId>,
    /// The version that was read; 0 = the row must not exist. Another version makes the unit stale.
    pub expected: u64,
    pub sequence: u64,
    pub stage: String,
    /// Set where the migration is first heard of; later writes leave what is stored.
    pub instruction: Option<Arc<Instruction>>,
}

/// A change of a work row.
#[derive(Debug, Clone)]
pub enum WorkChange {
    /// Writes the row and ends any lease on it. `expected`: the version that was read (0 = it must not exist; another
    /// version makes the unit stale); none = whatever stands is replaced.
    Put { migration: MigrationId, part: String, expected: Option<u64>, body: String, due: Option<Timestamp> },
    /// Writes the body only, keeping due time and lease: an intent before a call. Stale on another version.
    Save { migration: MigrationId, part: String, expected: u64, body: String },
    /// Makes the row due at this time, or leaves an earlier due time; version and lease stay. No row = nothing happens.
    Wake { migration: MigrationId, part: String, due: Timestamp },
    /// Removes the row. `expected` as in `Put`; with none, a missing row is fine.
    Remove { migration: MigrationId, part: String, expected: Option<u64> },
}

/// A change of one of control's records.
#[derive(Debug, Clone)]
pub struct RecordWrite {
    pub kind: String,
    pub key: String,
    /// The version that was read (0 = it must not exist); none = whatever stands is replaced.
    pub expected: Option<u64>,
    /// None = remove it.
    pub body: Option<String>,
}

/// What became of outbox rows that were claimed: their positions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settled<'a> {
    /// Published: removed.
    pub clear: &'a [u64],
    /// Not published, or it is not known: given back.
    pub release: &'a [u64],
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    Done,
    /// Its event had been consumed before.
    Duplicate,
    /// A row had another version than the one the decision was made on: read again, decide again.
    Stale,
}

//! What a unit does to the rows it touches: the one place where expectations, leases and due times are decided.
//!
//! An engine loads the rows that a batch touches (the memory engine has them all at hand), applies the units one after the
//! other, and writes back what changed. So every engine means the same by *stale*, *duplicate* and *wake*.
//!
//! What must never happen here: I/O, or a unit that is half applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{CustomerId, EventId, Instruction, MigrationId, Service};

use crate::{Committed, LedgerWrite, RecordWrite, Unit, WorkChange};

pub(crate) type LedgerKey = (Service, MigrationId);
pub(crate) type WorkKey = (Service, MigrationId, String);
/// Kind and key.
pub(crate) type RecordKey = (String, String);

/// Rows by key. For an engine with a file: those that a batch touches.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) consumed: BTreeMap<(Service, EventId), Timestamp>,
    pub(crate) ledgers: BTreeMap<LedgerKey, Ledger>,
    pub(crate) work: BTreeMap<WorkKey, Work>,
    pub(crate) records: BTreeMap<RecordKey, Record>,
}

#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) customer: Option<CustomerId>,
    pub(crate) version: u64,
    pub(crate) sequence: u64,
    pub(crate) stage: String,
    pub(crate) instruction: Kept,
}

/// Where the instruction of a ledger row is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Kept {
    #[default]
    Nowhere,
    /// In the engine's own table, under this number.
    Stored(i64),
    Here(Arc<Instruction>),
}

#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) version: u64,
    pub(crate) body: String,
    pub(crate) due: Option<Timestamp>,
    /// Somebody holds it, or held it and never said how it went.
    pub(crate) lease: Option<Timestamp>,
    pub(crate) interrupted: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) version: u64,
    pub(crate) body: String,
}

/// Keys of the rows that applied units changed; a row that is gone is in here and not in the tables.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) consumed: BTreeSet<(Service, EventId)>,
    pub(crate) ledgers: BTreeSet<LedgerKey>,
    pub(crate) work: BTreeSet<WorkKey>,
    pub(crate) records: BTreeSet<RecordKey>,
}

impl Tables {
    /// Applies one unit whole, or not at all. Events and dead letters are the engine's to append when it is done.
    pub(crate) fn apply(&mut self, unit: &Unit, touched: &mut Touched) -> Committed {
        if let Some((event, at)) = unit.consumed {
            if self.consumed.contains_key(&(unit.service, event)) {
                return Committed::Duplicate;
            }
            if !self.stands_as_expected(unit) {
                return Committed::Stale;
            }
            self.consumed.insert((unit.service, event), at);
            touched.consumed.insert((unit.service, event));
        } else if !self.stands_as_expected(unit) {
            return Committed::Stale;
        }
        if let Some(write) = &unit.ledger {
            touched.ledgers.insert(self.write_ledger(unit.service, write));
        }
        for change in &unit.work {
            touched.work.insert(self.change_work(unit.service, change));
        }
        for write in &unit.records {
            touched.records.insert(self.write_record(write));
        }
        Committed::Done
    }

    /// Whether every version is the one that the decision was made on. A change sees those before it in the same unit.
    fn stands_as_expected(&self, unit: &Unit) -> bool {
        if let Some(write) = &unit.ledger {
            let found = self.ledgers.get(&(unit.service, write.migration)).map_or(0, |row| row.version);
            if found != write.expected {
                return false;
            }
        }
        self.work_stands(unit) && self.records_stand(unit)
    }

    fn work_stands(&self, unit: &Unit) -> bool {
        let mut versions: BTreeMap<(MigrationId, &str), u64> = BTreeMap::new();
        unit.work.iter().all(|change| {
            let (migration, part) = change.row();
            let version = versions.entry((migration, part)).or_insert_with(|| {
                self.work.get(&(unit.service, migration, part.to_owned())).map_or(0, |row| row.version)
            });
            let (expected, next) = match change {
                WorkChange::Put { expected, .. } => (*expected, *version + 1),
                WorkChange::Save { expected, .. } => {
                    // Nothing can be saved into a row that is not there.
                    if *version == 0 {
                        return false;
                    }
                    (Some(*expected), *version + 1)
                }
                WorkChange::Wake { .. } => (None, *version),
                WorkChange::Remove { expected, .. } => (*expected, 0),
            };
            let stands = expected.is_none_or(|expected| expected == *version);
            *version = next;
            stands
        })
    }

    fn records_stand(&self, unit: &Unit) -> bool {
        let mut versions: BTreeMap<RecordKey, u64> = BTreeMap::new();
        unit.records.iter().all(|write| {
            let key = (write.kind.clone(), write.key.clone());
            let stored = self.records.get(&key).map_or(0, |row| row.version);
            let version = versions.entry(key).or_insert(stored);
            let stands = write.expected.is_none_or(|expected| expected == *version);
            *version = if write.body.is_some() { *version + 1 } else { 0 };
            stands
        })
    }

    fn write_ledger(&mut self, service: Service, write: &LedgerWrite) -> LedgerKey {
        let key = (service, write.migration);
        let stored = self.ledgers.get(&key);
        let instruction = match (stored.map(|row| row.instruction.clone()), &write.instruction) {
            (None | Some(Kept::Nowhere), Some(new)) => Kept::Here(Arc::clone(new)),
            (stored, _) => stored.unwrap_or_default(),
        };
        let row = Ledger {
            // Once known it stays known.
            customer: write.customer.or(stored.and_then(|row| row.customer)),
            version: write.expected + 1,
            sequence: write.sequence,
            stage: write.stage.clone(),
            instruction,
        };
        self.ledgers.insert(key, row);
        key
    }

    fn change_work(&mut self, service: Service, change: &WorkChange) -> WorkKey {
        let (migration, part) = change.row();
        let key = (service, migration, part.to_owned());
        match change {
            WorkChange::Put { body, due, .. } => {
                let version = self.work.get(&key).map_or(0, |row| row.version) + 1;
                let row = Work { version, body: body.clone(), due: *due, lease: None, interrupted: false };
                self.work.insert(key.clone(), row);
            }
            WorkChange::Save { body, .. } => {
                if let Some(row) = self.work.get_mut(&key) {
                    row.version += 1;
                    row.body.clone_from(body);
                }
            }
            WorkChange::Wake { due, .. } => {
                if let Some(row) = self.work.get_mut(&key) {
                    row.due = Some(row.due.map_or(*due, |earlier| earlier.min(*due)));
                }
            }
            WorkChange::Remove { .. } => {
                self.work.remove(&key);
            }
        }
        key
    }

    fn write_record(&mut self, write: &RecordWrite) -> RecordKey {
        let key = (write.kind.clone(), write.key.clone());
        match &write.body {
            Some(body) => {
                let version = self.records.get(&key).map_or(0, |row| row.version) + 1;
                self.records.insert(key.clone(), Record { version, body: body.clone() });
            }
            None => {
                self.records.remove(&key);
            }
        }
        key
    }
}

impl WorkChange {
    /// The row it is about.
    pub(crate) fn row(&self) -> (MigrationId, &str) {
        match self {
            WorkChange::Put { migration, part, .. }
            | WorkChange::Save { migration, part, .. }
            | WorkChange::Wake { migration, part, .. }
            | WorkChange::Remove { migration, part, .. } => (*migration, part),
        }
    }
}

//! The engine without a disk, for tests and campaigns.
//!
//! Deterministic: sorted maps behind one lock, no await inside, so that one seed gives the same history byte for byte.
//! What must never happen here: an answer that depends on anything but the calls made so far.

mod agenda;
mod numbers;
mod outbox;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_messages::{Envelope, EventId, MigrationId, Service};
use uuid::Uuid;

use self::agenda::Agenda;
use self::numbers::Numbers;
use self::outbox::Outbox;
use crate::rows::time_of;
use crate::tables::{Kept, Ledger, Tables, Touched, Work, WorkKey};
use crate::{
    Backlog, CallCount, CallRow, Changes, Committed, EventRow, LedgerChange, LedgerRow, LoggedCall,
    LoggedDeadLetter, OutboxRow, RecordRow, Store, StoreError, Unit, WorkRow,
};

/// Everything in memory. It lives as long as the value: share it in an `Arc`, and "restart" a process by dropping all
/// but the store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    agenda: Agenda,
    outbox: Outbox,
    /// Position = index + 1.
    log: Vec<Arc<[u8]>>,
    by_subject: BTreeMap<Uuid, Vec<u64>>,
    logged: BTreeSet<EventId>,
    numbers: Numbers,
    /// Position = index + 1.
    calls: Vec<CallRow>,
    call_counts: BTreeMap<String, CallCount>,
    /// By position.
    dead_letters: BTreeMap<u64, LoggedDeadLetter>,
    buried: u64,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock fails the test that caused it; the others may go on reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(&mut self, unit: Unit) -> Committed {
        let mut touched = Touched::default();
        let committed = self.tables.apply(&unit, &mut touched);
        if committed == Committed::Done {
            for key in touched.work {
                self.agenda.note(&key, self.tables.work.get(&key));
            }
            for key in touched.ledgers {
                self.numbers.note(key);
            }
            if let Some(event) = &unit.heard
                && !self.logged.contains(&event.id)
            {
                self.log(event);
            }
            for event in &unit.events {
                let (position, bytes) = self.log(event);
                self.outbox.push(unit.service, OutboxRow { position, id: event.id, bytes });
            }
            if let Some(letter) = unit.dead_letter {
                self.buried += 1;
                self.dead_letters.insert(self.buried, LoggedDeadLetter::of(self.buried, letter));
            }
        }
        committed
    }

    fn log(&mut self, event: &Envelope) -> (u64, Arc<[u8]>) {
        let bytes: Arc<[u8]> = event.to_bytes().into();
        self.log.push(Arc::clone(&bytes));
        let position = self.log.len() as u64;
        self.by_subject.entry(event.subject).or_default().push(position);
        self.logged.insert(event.id);
        (position, bytes)
    }

    fn claim(&mut self, key: WorkKey, lease_until: Timestamp) -> Option<WorkRow> {
        let row = self.tables.work.get_mut(&key)?;
        row.interrupted |= row.lease.is_some();
        row.lease = Some(lease_until);
        self.agenda.note(&key, Some(row));
        Some(work_row(&key, row))
    }

    fn cut_off(&mut self) {
        for (key, row) in &mut self.tables.work {
            if row.lease.take().is_some() {
                row.interrupted = true;
                self.agenda.note(key, Some(row));
            }
        }
        self.outbox.release_all();
    }

    fn log_call(&mut self, call: CallRow) {
        let count = self.call_counts.entry(call.family.clone()).or_insert_with(|| CallCount {
            family: call.family.clone(),
            calls: 0,
            throttled: 0,
            failed: 0,
        });
        count.calls += 1;
        count.throttled += u64::from(call.throttled());
        count.failed += u64::from(call.failed());
        self.calls.push(call);
    }
}

fn work_row((service, migration, part): &WorkKey, row: &Work) -> WorkRow {
    WorkRow {
        service: *service,
        migration: *migration,
        part: part.clone(),
        version: row.version,
        body: row.body.clone(),
        due: row.due,
        interrupted: row.interrupted,
    }
}

fn ledger_row(migration: MigrationId, row: &Ledger) -> LedgerRow {
    LedgerRow {
        migration,
        customer: row.customer,
        version: row.version,
        sequence: row.sequence,
        stage: row.stage.clone(),
        instruction: match &row.instruction {
            Kept::Here(instruction) => Some(Arc::clone(instruction)),
            Kept::Nowhere | Kept::Stored(_) => None,
        },
    }
}

/// Index of the first entry of a log above this position.
fn index(after: u64) -> usize {
    usize::try_from(after).unwrap_or(usize::MAX)
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError> {
        let mut state = self.state();
        Ok(units.into_iter().map(|unit| state.commit(unit)).collect())
    }

    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError> {
        let state = self.state();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let rows = ids
            .into_iter()
            .filter_map(|id| state.tables.ledgers.get(&(service, id)).map(|row| ledger_row(id, row)));
        Ok(rows.collect())
    }

    async fn consumed(&self, service: Service, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let state = self.state();
        let mut seen: Vec<EventId> =
            ids.iter().copied().filter(|id| state.tables.consumed.contains_key(&(service, *id))).collect();
        seen.sort_unstable();
        seen.dedup();
        Ok(seen)
    }

    async fn claim_work(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkRow>, StoreError> {
        let mut state = self.state();
        let keys = state.agenda.claimable(service, now, limit);
        Ok(keys.into_iter().filter_map(|key| state.claim(key, lease_until)).collect())
    }

    async fn next_due(&self, service: Service) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().agenda.next(service))
    }

    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError> {
        let state = self.state();
        let rows = state.tables.work.range((service, migration, String::new())..);
        Ok(rows
            .take_while(|(key, _)| (key.0, key.1) == (service, migration))
            .map(|(key, row)| work_row(key, row))
            .collect())
    }

    async fn claim_outbox(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.state().outbox.claim(service, now, lease_until, limit))
    }

    async fn clear_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.state().outbox.clear(service, positions);
        Ok(())
    }

    async fn release_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.state().outbox.release(service, positions);
        Ok(())
    }

    async fn backlog(&self, service: Service, now: Timestamp) -> Result<Backlog, StoreError> {
        let state = self.state();
        let (outbox, oldest) = state.outbox.waiting(service);
        let mut backlog = Backlog { outbox, oldest_event: oldest.and_then(time_of), ..Backlog::default() };
        for (key, row) in &state.tables.work {
            let Some(due) = row.due.filter(|_| key.0 == service) else { continue };
            if row.lease.is_some_and(|lease| lease > now) {
                backlog.work_held += 1;
            } else if due <= now {
                backlog.work_due += 1;
                backlog.oldest_due = Some(backlog.oldest_due.map_or(due, |oldest| oldest.min(due)));
            }
        }
        backlog.dead_letters =
            state.dead_letters.values().filter(|letter| letter.service == service).count() as u64;
        Ok(backlog)
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        self.state().cut_off();
        Ok(())
    }

    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let state = self.state();
        let rows = state.tables.records.range((kind.to_owned(), after.unwrap_or_default().to_owned())..);
        Ok(rows
            .take_while(|(key, _)| key.0 == kind)
            .filter(|(key, _)| after.is_none_or(|after| key.1.as_str() > after))
            .take(limit)
            .map(|(key, row)| record_row(key, row.version, &row.body))
            .collect())
    }

    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError> {
        let key = (kind.to_owned(), key.to_owned());
        Ok(self.state().tables.records.get(&key).map(|row| record_row(&key, row.version, &row.body)))
    }

    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<Uuid>,
    ) -> Result<Vec<EventRow>, StoreError> {
        let state = self.state();
        let row = |position: u64| EventRow { position, bytes: Arc::clone(&state.log[index(position - 1)]) };
        Ok(match subject {
            None => (after.saturating_add(1)..=state.log.len() as u64).take(limit).map(row).collect(),
            Some(subject) => {
                let positions = state.by_subject.get(&subject).map_or(&[][..], Vec::as_slice);
                let first = positions.partition_point(|position| *position <= after);
                positions[first..].iter().copied().take(limit).map(row).collect()
            }
        })
    }

    async fn append_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError> {
        let mut state = self.state();
        calls.into_iter().for_each(|call| state.log_call(call));
        Ok(())
    }

    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        let state = self.state();
        let rows = state.calls.iter().zip(1_u64..).skip(index(after));
        Ok(rows
            .filter(|(call, _)| migration.is_none() || call.migration == migration)
            .take(limit)
            .map(|(call, position)| LoggedCall { position, call: call.clone() })
            .collect())
    }

    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError> {
        Ok(self.state().call_counts.values().cloned().collect())
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        Ok(self.state().dead_letters.values().take(limit).cloned().collect())
    }

    async fn remove_dead_letter(&self, service: Service, position: u64) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.dead_letters.get(&position).is_some_and(|letter| letter.service == service) {
            state.dead_letters.remove(&position);
        }
        Ok(())
    }
}

/// Here every service's changes are numbered.
#[async_trait]
impl Changes for MemoryStore {
    async fn changed_ledgers(
        &self,
        service: Service,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LedgerChange>, StoreError> {
        let state = self.state();
        let changes = state.numbers.after(service, after).take(limit);
        let row = |(number, migration)| {
            let version = state.tables.ledgers.get(&(service, migration))?.version;
            Some(LedgerChange { number, migration, version })
        };
        Ok(changes.filter_map(row).collect())
    }

    async fn last_change(&self, service: Service) -> Result<u64, StoreError> {
        Ok(self.state().numbers.last(service))
    }
}

fn record_row((kind, key): &(String, String), version: u64, body: &str) -> RecordRow {
    RecordRow { kind: kind.clone(), key: key.clone(), version, body: body.to_owned() }
}

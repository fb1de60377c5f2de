//! Which piece of work comes next: an index over the work rows, so that a claim does not walk through all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatshift_messages::{MigrationId, Service};

use crate::tables::{Work, WorkKey};

/// Service, moment, migration, part: sorts as work is handed out.
type Entry = (Service, Timestamp, MigrationId, String);

#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Rows that nobody holds, by due time.
    free: BTreeSet<Entry>,
    /// Rows that somebody holds, by the end of the lease; with their due time.
    held: BTreeMap<Entry, Timestamp>,
    /// Where a row is entered: due and lease.
    entered: BTreeMap<WorkKey, (Timestamp, Option<Timestamp>)>,
}

impl Agenda {
    /// Enters a row as it now stands; `None` when it is gone.
    pub(super) fn note(&mut self, key: &WorkKey, row: Option<&Work>) {
        let (service, migration, part) = key;
        let entry = |moment: Timestamp| (*service, moment, *migration, part.clone());
        match self.entered.remove(key) {
            Some((_, Some(lease))) => drop(self.held.remove(&entry(lease))),
            Some((due, None)) => drop(self.free.remove(&entry(due))),
            None => {}
        }
        let Some((due, lease)) = row.and_then(|row| row.due.map(|due| (due, row.lease))) else { return };
        match lease {
            Some(lease) => drop(self.held.insert(entry(lease), due)),
            None => drop(self.free.insert(entry(due))),
        }
        self.entered.insert(key.clone(), (due, lease));
    }

    /// Rows that are due and that nobody holds any more, oldest due first.
    pub(super) fn claimable(&self, service: Service, now: Timestamp, limit: usize) -> Vec<WorkKey> {
        let free = of(service, self.free.range(from(service)..), now).take(limit);
        let free = free.map(|(_, due, migration, part)| (*due, *migration, part.clone()));
        let expired = self.held.range(from(service)..);
        let expired = expired
            .take_while(|((of, lease, ..), _)| *of == service && *lease <= now)
            .filter(|(_, due)| **due <= now)
            .map(|((_, _, migration, part), due)| (*due, *migration, part.clone()));
        let mut rows: Vec<_> = free.chain(expired).collect();
        rows.sort_unstable();
        rows.truncate(limit);
        rows.into_iter().map(|(_, migration, part)| (service, migration, part)).collect()
    }

    /// When the next row can be claimed: a held one counts from the end of its lease.
    pub(super) fn next(&self, service: Service) -> Option<Timestamp> {
        let free = of(service, self.free.range(from(service)..), Timestamp::MAX).next().map(|entry| entry.1);
        let held = self.held.range(from(service)..).take_while(|((of, ..), _)| *of == service);
        let held = held.map(|((_, lease, ..), due)| *lease.max(due)).min();
        free.into_iter().chain(held).min()
    }
}

fn from(service: Service) -> Entry {
    (service, Timestamp::MIN, MigrationId(uuid::Uuid::nil()), String::new())
}

fn of<'a>(
    service: Service,
    entries: impl Iterator<Item = &'a Entry>,
    until: Timestamp,
) -> impl Iterator<Item = &'a Entry> {
    entries.take_while(move |(of, moment, ..)| *of == service && *moment <= until)
}

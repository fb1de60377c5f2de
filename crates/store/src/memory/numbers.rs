//! Which ledger was changed when.

use std::collections::BTreeMap;

use seatshift_messages::{MigrationId, Service};

use crate::tables::LedgerKey;

#[derive(Debug, Default)]
pub(super) struct Numbers {
    count: u64,
    by_number: BTreeMap<(Service, u64), MigrationId>,
    by_ledger: BTreeMap<LedgerKey, u64>,
}

impl Numbers {
    /// This ledger has just been changed.
    pub(super) fn note(&mut self, key: LedgerKey) {
        self.count += 1;
        if let Some(before) = self.by_ledger.insert(key, self.count) {
            self.by_number.remove(&(key.0, before));
        }
        self.by_number.insert((key.0, self.count), key.1);
    }

    pub(super) fn after(&self, service: Service, after: u64) -> impl Iterator<Item = (u64, MigrationId)> {
        let rows = self.by_number.range((service, after.saturating_add(1))..=(service, u64::MAX));
        rows.map(|((_, number), id)| (*number, *id))
    }

    pub(super) fn last(&self, service: Service) -> u64 {
        let mut rows = self.by_number.range((service, 0)..=(service, u64::MAX));
        rows.next_back().map_or(0, |((_, number), _)| *number)
    }
}

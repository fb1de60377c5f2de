//! Events that wait to be published, in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_messages::Service;

use crate::OutboxRow;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: BTreeMap<(Service, u64), (OutboxRow, Option<Timestamp>)>,
}

impl Outbox {
    pub(super) fn push(&mut self, service: Service, row: OutboxRow) {
        self.rows.insert((service, row.position), (row, None));
    }

    pub(super) fn claim(
        &mut self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Vec<OutboxRow> {
        let rows = self.rows.range_mut((service, 0)..=(service, u64::MAX));
        rows.filter(|(_, (_, lease))| lease.is_none_or(|lease| lease <= now))
            .take(limit)
            .map(|(_, (row, lease))| {
                *lease = Some(lease_until);
                row.clone()
            })
            .collect()
    }

    /// How many wait, and the bytes of the first.
    pub(super) fn waiting(&self, service: Service) -> (u64, Option<&[u8]>) {
        let rows = self.rows.range((service, 0)..=(service, u64::MAX));
        let first = rows.clone().next().map(|(_, (row, _))| &*row.bytes);
        (rows.count() as u64, first)
    }

    pub(super) fn clear(&mut self, service: Service, positions: &[u64]) {
        for position in positions {
            self.rows.remove(&(service, *position));
        }
    }

    pub(super) fn release(&mut self, service: Service, positions: &[u64]) {
        for position in positions {
            if let Some((_, lease)) = self.rows.get_mut(&(service, *position)) {
                *lease = None;
            }
        }
    }

    pub(super) fn release_all(&mut self) {
        self.rows.values_mut().for_each(|(_, lease)| *lease = None);
    }
}

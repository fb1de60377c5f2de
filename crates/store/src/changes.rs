//! Following what other processes commit.

use async_trait::async_trait;
use seatshift_messages::{MigrationId, Service};

use crate::StoreError;

/// That a ledger has changed. What it says now is asked for with [`Store::without_instructions`](crate::Store::without_instructions), by those who do not know it already:
/// most of what is committed was committed by whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerChange {
    pub number: u64,
    pub migration: MigrationId,
    /// Of the ledger, after this change.
    pub version: u64,
}

/// Ledgers in the order in which they were committed, so that a process that keeps a picture of them in memory can keep it
/// up to date whoever writes.
///
/// The numbers are without holes **as seen by a reader**: when a change with number *n* can be read, no smaller one comes
/// up later. So "everything after the last I saw" misses nothing. That has its price, a lock that all writers pass one by
/// one, and only control has a picture to keep: for the other services nothing is numbered.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Ledgers whose last change has a number above `after`, by that number, at most `limit`. A ledger that changes again
    /// comes again under its new number.
    async fn changed_ledgers(
        &self,
        service: Service,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LedgerChange>, StoreError>;

    /// The number of the last change; 0 = none yet.
    async fn last_change(&self, service: Service) -> Result<u64, StoreError>;
}

//! Following what other processes commit.

use async_trait::async_trait;
use seatshift_messages::Service;

use crate::{LedgerRow, StoreError};

/// Ledgers in the order in which they were committed, so that a process that keeps a picture of them in memory can keep it
/// up to date whoever writes.
///
/// The numbers are without holes **as seen by a reader**: when a change with number *n* can be read, no smaller one comes
/// up later. So "everything after the last I saw" misses nothing. That has its price, a lock that all writers pass one by
/// one, and only control has a picture to keep: for the other services nothing is numbered.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Ledgers whose last change has a number above `after`, with that number, by number, at most `limit`. A ledger that
    /// changes again comes again under its new number.
    async fn changed_ledgers(
        &self,
        service: Service,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, LedgerRow)>, StoreError>;

    /// The number of the last change; 0 = none yet.
    async fn last_change(&self, service: Service) -> Result<u64, StoreError>;
}

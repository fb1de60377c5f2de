//! What replicas of control need of each other: to see what the others committed, and to agree on who acts.
//!
//! All replicas hear and decide; each decision is fenced by its ledger's version, so any number may. What looks at many
//! migrations at once (admission, the stop rule, last looks, commands, `apply`) is done by whoever holds one lock, with a
//! picture that is whole. What must never happen: that something rests on the lock alone. A lost lock is noticed late, so
//! ledgers have versions and a customer's slot is a record.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use seatshift_store::{LedgerChange, StoreError};

/// The lock under which one replica acts for all.
pub const ACTS: &str = "control-acts";

/// What the replicas of control have in common.
#[async_trait]
pub trait Shared: Send + Sync + Debug {
    /// Control's ledgers that changed after this change, in the order of their commits, at most so many; a ledger that
    /// changed twice comes once.
    async fn changed(&self, after: u64, limit: usize) -> Result<Vec<LedgerChange>, StoreError>;

    /// The number of the last change.
    async fn last_change(&self) -> Result<u64, StoreError>;

    /// Takes the lock of this name; none while another replica holds it.
    async fn lock(&self, name: &str) -> Result<Option<Box<dyn Holding>>, StoreError>;
}

/// A lock that is held; let go of when dropped.
pub trait Holding: Send + Sync + Debug {
    /// Resolves when it is not certain any more that it is held.
    fn lost(&self) -> BoxFuture<'_, ()>;
}

/// Waits in real time, whatever the clock shows: a replica looks at its neighbors, and a database does not run on
/// compressed time.
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

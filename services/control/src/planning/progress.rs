//! How far a discovery is. Showing it, counting calls and forecasting are the caller's.

use std::fmt::Debug;

/// A stretch of the discovery with a total of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Listing the partner's customers. The total is not known before the end.
    Customers,
    /// The cheap pass: one list of subscriptions for each customer.
    Subscriptions,
    /// The deep pass: customers with something to move.
    Details,
    /// Licenses of users of those customers, within the deep pass. The total grows.
    Users,
}

/// Hears how far a discovery is.
pub trait Progress: Send + Sync + Debug {
    /// So many more items are known to belong to the phase.
    fn expect(&self, phase: Phase, more: u64);
    /// So many items are done.
    fn done(&self, phase: Phase, items: u64);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn expect(&self, _: Phase, _: u64) {}
    fn done(&self, _: Phase, _: u64) {}
}

//! The license pool of one SKU in one tenant: the units of all its subscriptions against all who hold the SKU.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Customer, Status};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) active: u32,
    /// Units of expired subscriptions, in their days of grace.
    pub(crate) warning: u32,
    pub(crate) suspended: u32,
    pub(crate) consumed: u32,
}

impl Pool {
    pub(crate) fn total(self) -> u32 {
        self.active + self.warning
    }

    /// Below zero where more users hold the SKU than there are units.
    pub(crate) fn available(self) -> i64 {
        i64::from(self.total()) - i64::from(self.consumed)
    }

    pub(crate) fn capability(self) -> &'static str {
        match self {
            Self { active: 1.., .. } => "Enabled",
            Self { warning: 1.., .. } => "Warning",
            Self { suspended: 1.., .. } => "Suspended",
            _ => "Deleted",
        }
    }
}

/// Every SKU that the tenant knows. A SKU whose only units are not assignable yet is not known yet.
pub(crate) fn pools(customer: &Customer) -> BTreeMap<Uuid, Pool> {
    let mut pools: BTreeMap<Uuid, Pool> = BTreeMap::new();
    for subscription in customer.subscriptions.values() {
        let (active, warning, suspended) = match subscription.status {
            Status::Active => (subscription.active_units, 0, 0),
            Status::Expired => (0, subscription.quantity, 0),
            Status::Suspended | Status::Disabled => (0, 0, subscription.quantity),
            Status::Pending | Status::Deleted => (0, 0, 0),
        };
        if active + warning + suspended > 0 {
            let pool = pools.entry(subscription.sku).or_default();
            pool.active += active;
            pool.warning += warning;
            pool.suspended += suspended;
        }
    }
    for (sku, holders) in &customer.consumed {
        if *holders > 0 {
            pools.entry(*sku).or_default().consumed = *holders;
        }
    }
    pools
}

/// The pool of one SKU, or none where the tenant does not know it.
pub(crate) fn pool(customer: &Customer, sku: Uuid) -> Option<Pool> {
    pools(customer).remove(&sku)
}

//! How many seats of a SKU are left without one subscription: the arithmetic of invariant I3.
//!
//! No subscription may be suspended while the seats left would not cover the users who hold its SKU. The pool alone
//! cannot always answer that, since a license hangs on the SKU and not on the subscription, and the pool does not say
//! which subscription its units are from:
//!
//! - Taking the subscription's units from the pool's active ones gives the **least** that can be left. Where that
//!   covers the holders, one call has answered the question.
//! - It is too low when the subscription's units are not in the pool at all: not yet (a purchase that is being
//!   provisioned) or no longer (suspended already). Then the units of the customer's *other* active subscriptions on
//!   this SKU are added up one by one, each as its provisioning status shows it.
//! - That sum is never trusted beyond the pool's own active units (units that have not come yet cover nobody), nor
//!   below the least (units that the customer bought elsewhere show in the pool only).

use uuid::Uuid;

use crate::error::CallError;
use crate::model::{BillingType, ProvisioningState, ProvisioningStatus, Status, SubscribedSku, Subscription};
use crate::operation;
use crate::reader::Reader;

/// What would be left of a SKU's pool without one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatsWithout {
    /// Active units that remain when this subscription's units are gone.
    pub active_elsewhere: i64,
    /// Users who hold the SKU, directly or through a group.
    pub holders: i64,
}

impl SeatsWithout {
    /// Whether everybody who holds the SKU keeps service.
    pub fn covers_all(&self) -> bool {
        self.active_elsewhere >= self.holders
    }

    /// The least that can be left: all units of the subscription are taken to be in the pool. `None` = the tenant has
    /// no such pool, so nothing is left and nobody holds it.
    pub fn at_least(pool: Option<&SubscribedSku>, quantity: u32) -> Self {
        let Some(pool) = pool else { return Self { active_elsewhere: 0, holders: 0 } };
        Self { active_elsewhere: (pool.active - i64::from(quantity)).max(0), holders: pool.consumed }
    }

    /// The exact number, from the least and the units counted on the other active subscriptions.
    pub fn counted(pool: &SubscribedSku, least: Self, counted_elsewhere: i64) -> Self {
        Self { active_elsewhere: counted_elsewhere.min(pool.active).max(least.active_elsewhere), ..least }
    }
}

/// Units that a subscription's provisioning shows to be in the pool of `sku`.
fn units_in(sku: Uuid, status: &ProvisioningStatus, subscription: &Subscription) -> i64 {
    if status.sku != Some(sku) || status.state != ProvisioningState::Success {
        return 0;
    }
    i64::from(status.quantity.map_or(subscription.quantity, |quantity| quantity.min(subscription.quantity)))
}

/// Whether a subscription can have units in a pool at all.
fn may_feed_a_pool(subscription: &Subscription) -> bool {
    subscription.status == Status::Active
        && !matches!(subscription.billing_type, Some(BillingType::Usage | BillingType::None))
}

impl Reader {
    /// How many active units of `sku` remain in the customer's tenant when the `quantity` units of `subscription` are
    /// gone, and how many users hold the SKU. One call where the pool is ample; otherwise the customer's
    /// subscriptions, and the provisioning status of each other active one.
    ///
    /// What cannot be read counts as nothing left: an error is an error, and a subscription whose provisioning
    /// Microsoft does not know is not counted. Trials count while they are active.
    pub async fn seats_without(
        &self,
        customer: Uuid,
        sku: Uuid,
        subscription: Uuid,
        quantity: u32,
    ) -> Result<SeatsWithout, CallError> {
        let pools = self.subscribed_skus(customer).await?;
        let pool = pools.items.iter().find(|pool| pool.sku == sku);
        if let (None, Some(entry)) = (pool, pools.unreadable.first()) {
            // It may be the very pool that is asked for, and "nobody holds it" would be a guess.
            return Err(self.incomplete(&operation::SUBSCRIBED_SKUS, entry.problem));
        }
        let least = SeatsWithout::at_least(pool, quantity);
        let Some(pool) = pool.filter(|_| !least.covers_all()) else { return Ok(least) };
        let mut elsewhere = 0;
        for other in self.subscriptions(customer).await?.items {
            if other.id == subscription || !may_feed_a_pool(&other) {
                continue;
            }
            match self.provisioning_status(customer, other.id).await {
                Ok(status) => elsewhere += units_in(sku, &status, &other),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(SeatsWithout::counted(pool, least, elsewhere))
    }
}

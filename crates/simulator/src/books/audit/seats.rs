//! What became of the seats that the engine bought: what was ordered is standing, undone, or on its way.
//!
//! Beside the figures, for it says what was paid for rather than who was harmed. Legacy seats are undone by suspension, for
//! then nobody is billed; those of new commerce by deletion alone, for suspended they are billed on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::purchases::Order;
use super::tenant::Tenant;

/// Seats of the engine's orders, over all customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seats {
    pub ordered: u64,
    /// Added to and taken from what was bought, in all.
    pub changed: i64,
    /// Billed at the end.
    pub standing: u64,
    /// Suspended or deleted so that they are billed no longer.
    pub undone: u64,
    /// Ordered, and no subscription yet.
    pub on_their_way: u64,
    /// Of none of these: not zero means that the books do not add up.
    pub astray: u64,
    /// Subscriptions of new commerce that were bought and cancelled.
    pub cancelled_subscriptions: u64,
    /// Subscriptions of new commerce that were bought and stand suspended: billed, and of use to nobody.
    pub billed_while_suspended: u64,
}

impl Seats {
    /// Adds one customer's.
    pub(super) fn add(&mut self, tenant: &Tenant, orders: &[Order]) {
        // Two lines of one order may name the same offer.
        let mut wanted: BTreeMap<(Uuid, Uuid), (Order, u64)> = BTreeMap::new();
        for order in orders {
            wanted.entry((order.id, order.offer)).or_insert((*order, 0)).1 += u64::from(order.quantity);
        }
        for (order, ordered) in wanted.into_values() {
            self.add_order(tenant, order, ordered);
        }
    }

    fn add_order(&mut self, tenant: &Tenant, order: Order, ordered: u64) {
        let (mut standing, mut undone, mut changed, mut any) = (0, 0, 0_i64, false);
        for (_, subscription) in order.subscriptions(tenant) {
            any = true;
            changed += subscription.changed;
            let seats = u64::from(subscription.quantity);
            if order.stands(subscription) {
                standing += seats;
                self.billed_while_suspended += u64::from(order.modern && subscription.status == "suspended");
            } else {
                undone += seats;
                self.cancelled_subscriptions += u64::from(order.modern && subscription.status == "deleted");
            }
        }
        let on_their_way = if any { 0 } else { ordered };
        let wanted = ordered.saturating_add_signed(changed);
        self.astray += wanted.abs_diff(standing + undone + on_their_way);
        self.ordered += ordered;
        self.changed += changed;
        self.standing += standing;
        self.undone += undone;
        self.on_their_way += on_their_way;
    }
}

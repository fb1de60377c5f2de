//! Orders of the engine, and whether there were more than were wanted.

use uuid::Uuid;

use super::tenant::Tenant;
use super::{Figure, Finding, Findings};
use crate::books::IntendedRow;

#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) id: Uuid,
    pub(super) offer: Uuid,
    pub(super) quantity: u32,
    /// Of new commerce, where only what is deleted is billed no longer.
    pub(super) modern: bool,
    pub(super) request_id: Option<Uuid>,
}

impl Order {
    pub(super) fn subscriptions<'t>(
        &self,
        tenant: &'t Tenant,
    ) -> impl Iterator<Item = (Uuid, &'t super::tenant::Subscription)> {
        let (id, offer) = (self.id, self.offer);
        tenant
            .subscriptions
            .iter()
            .filter(move |(_, s)| s.order == id && s.offer == offer)
            .map(|(id, s)| (*id, s))
    }

    /// Whether one of its subscriptions is billed on.
    pub(super) fn stands(&self, subscription: &super::tenant::Subscription) -> bool {
        subscription.active() || (self.modern && subscription.status == "suspended")
    }

    /// Nothing of it is billed any more. An order that has no subscription yet still stands.
    fn undone(&self, tenant: &Tenant) -> bool {
        let mut any = false;
        for (_, subscription) in self.subscriptions(tenant) {
            if self.stands(subscription) {
                return false;
            }
            any = true;
        }
        any
    }
}

/// To be called with the orders before this one.
pub(super) fn judge(
    customer: Uuid,
    tenant: &Tenant,
    rows: &[&IntendedRow],
    before: &[Order],
    (new, entry): (&Order, u64),
    findings: &mut Findings,
) {
    findings.looked(Figure::DoublePurchases, 1);
    let allowed: u32 = rows
        .iter()
        .filter(|row| row.approved && row.target_offer == Some(new.offer))
        .map(|row| 1 + row.retries)
        .sum();
    let standing = before.iter().filter(|order| order.offer == new.offer && !order.undone(tenant)).count();
    if standing as u64 + 1 > u64::from(allowed) {
        let why = format!("{} orders of this offer stand, {allowed} were wanted", standing + 1);
        let finding = Finding { customer, subject: new.id, row: None, entry, why };
        findings.found(Figure::DoublePurchases, finding);
    }
}

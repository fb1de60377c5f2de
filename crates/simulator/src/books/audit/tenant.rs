//! A customer's tenant as the books have it so far: subscriptions, pools, and who holds what.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Facts;
use crate::books::{Actor, Change};
use crate::world::Truth;

/// SKUs held, each with the service plans that are switched off.
pub(super) type Licenses = BTreeMap<Uuid, Vec<Uuid>>;

#[derive(Debug, Default)]
pub(super) struct Tenant {
    pub(super) subscriptions: BTreeMap<Uuid, Subscription>,
    pub(super) pools: BTreeMap<Uuid, Pool>,
    pub(super) licenses: BTreeMap<Uuid, Licenses>,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) sku: Uuid,
    pub(super) offer: Uuid,
    pub(super) order: Uuid,
    pub(super) status: String,
    pub(super) quantity: u32,
    /// By how many seats it was changed since it came to be.
    pub(super) changed: i64,
    pub(super) add_on: bool,
    pub(super) truth: Option<Truth>,
    /// It is over because the engine suspended or deleted it.
    pub(super) ended_by_engine: bool,
    units: u32,
}

impl Subscription {
    pub(super) fn active(&self) -> bool {
        self.status == "active"
    }
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) active_units: u64,
    pub(super) holders: BTreeSet<Uuid>,
}

impl Pool {
    /// Enough seats for everybody who holds the SKU; with too few, nobody can say who goes without.
    pub(super) fn covers(&self) -> bool {
        self.active_units >= self.holders.len() as u64
    }
}

impl Tenant {
    /// Whether the user has service through one of these SKUs.
    pub(super) fn serves(&self, user: Uuid, skus: &BTreeSet<Uuid>) -> bool {
        self.licenses.get(&user).is_some_and(|held| {
            held.keys().any(|sku| skus.contains(sku) && self.pools.get(sku).is_some_and(Pool::covers))
        })
    }

    pub(super) fn holds(&self, user: Uuid, sku: Uuid) -> bool {
        self.licenses.get(&user).is_some_and(|held| held.contains_key(&sku))
    }

    /// Applies a change. Faults and orders change nothing here.
    pub(super) fn apply(&mut self, change: &Change, actor: &Actor, by_engine: bool) {
        match change {
            Change::SubscriptionAdded {
                subscription,
                order,
                offer,
                sku,
                quantity,
                status,
                parent,
                truth,
                ..
            } => {
                self.subscriptions.insert(
                    *subscription,
                    Subscription {
                        sku: *sku,
                        offer: *offer,
                        order: *order,
                        status: status.clone(),
                        quantity: *quantity,
                        changed: 0,
                        add_on: parent.is_some(),
                        truth: truth.clone(),
                        ended_by_engine: false,
                        units: 0,
                    },
                );
                // What was there when the world began gives its seats from the start; what is bought gives them later.
                if *actor == Actor::World && status == "active" {
                    self.set_units(*subscription, *quantity);
                }
            }
            Change::SubscriptionChanged { subscription, status: (from, to), quantity, .. } => {
                self.change_quantity(*subscription, *quantity);
                self.change_status(*subscription, from, to, by_engine);
            }
            Change::UnitsChanged { subscription, active_units: (_, now), .. } => {
                self.set_units(*subscription, *now)
            }
            Change::LicenseSet { user, sku, disabled, .. } => {
                self.licenses.entry(*user).or_default().insert(*sku, disabled.clone());
                self.pools.entry(*sku).or_default().holders.insert(*user);
            }
            Change::LicenseRemoved { user, sku, .. } => {
                if let Some(held) = self.licenses.get_mut(user) {
                    held.remove(sku);
                }
                if let Some(pool) = self.pools.get_mut(sku) {
                    pool.holders.remove(user);
                }
            }
            Change::Sku { .. }
            | Change::Offer { .. }
            | Change::Customer { .. }
            | Change::User { .. }
            | Change::OrderPlaced { .. }
            | Change::FaultInjected { .. } => {}
        }
    }

    fn change_quantity(&mut self, id: Uuid, (from, to): (u32, u32)) {
        let Some(subscription) = self.subscriptions.get_mut(&id).filter(|_| from != to) else { return };
        subscription.changed += i64::from(to) - i64::from(from);
        subscription.quantity = to;
        // What is taken away is gone at once; the line about its units says the same again.
        if to < subscription.units {
            self.set_units(id, to);
        }
    }

    fn change_status(&mut self, id: Uuid, from: &str, to: &str, by_engine: bool) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        to.clone_into(&mut subscription.status);
        if to == "active" {
            subscription.ended_by_engine = false;
        } else if from == "active" {
            subscription.ended_by_engine = by_engine;
            self.set_units(id, 0);
        }
    }

    fn set_units(&mut self, id: Uuid, now: u32) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        let before = std::mem::replace(&mut subscription.units, now);
        let pool = self.pools.entry(subscription.sku).or_default();
        pool.active_units = pool.active_units + u64::from(now) - u64::from(before);
    }
}

/// The service plans that these licenses switch on.
pub(super) fn plans(facts: &Facts, licenses: &Licenses) -> BTreeSet<Uuid> {
    let of = |sku: &Uuid| facts.plans.get(sku).map(Vec::as_slice).unwrap_or_default();
    licenses
        .iter()
        .flat_map(|(sku, off)| of(sku).iter().filter(move |plan| !off.contains(plan)))
        .copied()
        .collect()
}

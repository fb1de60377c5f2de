//! One step: the lines of the books that one call, or one event of the clock, left at one customer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::tenant::{Pool, Tenant};
use crate::books::{Actor, Change, Entry};

#[derive(Debug)]
pub(super) struct Step<'a> {
    actor: &'a Actor,
    request_id: Option<Uuid>,
    at: Timestamp,
    pub(super) by_engine: bool,
    pub(super) last_entry: u64,
    /// Users whose licenses it changed.
    pub(super) users: BTreeSet<Uuid>,
    /// Pools it touched, with whether they covered their holders before.
    pub(super) pools: BTreeMap<Uuid, bool>,
    /// Active subscriptions it suspended, deleted or gave fewer seats, with the entry's number.
    pub(super) suspended: Vec<(Uuid, u64)>,
}

impl<'a> Step<'a> {
    pub(super) fn begin(entry: &'a Entry, by_engine: bool) -> Self {
        Self {
            actor: &entry.actor,
            request_id: entry.request_id,
            at: entry.at,
            by_engine,
            last_entry: entry.number,
            users: BTreeSet::new(),
            pools: BTreeMap::new(),
            suspended: Vec::new(),
        }
    }

    /// Lines without a request id stand alone, unless Microsoft's clock or the world's beginning wrote them at one time.
    pub(super) fn includes(&self, entry: &Entry) -> bool {
        let same_call = self.request_id.is_some() || !self.by_engine;
        same_call && self.request_id == entry.request_id && self.at == entry.at && *self.actor == entry.actor
    }

    /// Notes what the entry is about to change. To be called before the tenant applies it.
    pub(super) fn note(&mut self, tenant: &Tenant, entry: &Entry) {
        self.last_entry = entry.number;
        let sku = match &entry.change {
            Change::LicenseSet { user, sku, .. } | Change::LicenseRemoved { user, sku, .. } => {
                self.users.insert(*user);
                Some(*sku)
            }
            Change::UnitsChanged { sku, .. } => Some(*sku),
            Change::SubscriptionChanged {
                subscription, status: (from, to), quantity: (had, has), ..
            } => {
                let fewer = to == "active" && has < had;
                if from == "active" && (to == "suspended" || to == "deleted" || fewer) {
                    self.suspended.push((*subscription, entry.number));
                }
                tenant.subscriptions.get(subscription).map(|subscription| subscription.sku)
            }
            _ => None,
        };
        if let Some(sku) = sku {
            let covered = tenant.pools.get(&sku).is_none_or(Pool::covers);
            self.pools.entry(sku).or_insert(covered);
        }
    }

    /// Users whose service may differ from what it was before the step.
    pub(super) fn affected(&self, tenant: &Tenant) -> BTreeSet<Uuid> {
        let mut affected = self.users.clone();
        for (sku, covered) in &self.pools {
            if let Some(pool) = tenant.pools.get(sku).filter(|pool| pool.covers() != *covered) {
                affected.extend(&pool.holders);
            }
        }
        affected
    }
}

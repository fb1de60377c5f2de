//! What the simulator's books say of each tenant: how it stood when the world began, and how it stands.
//!
//! The audit judges the way; this judges the end. A verdict is compared with what stands at Microsoft, line by line of the
//! books, with nothing of the engine's in between (invariant I5).

use std::collections::{BTreeMap, BTreeSet};

use seatshift_control::standing::RowStanding;
use seatshift_control::tracker::VerdictKind;
use seatshift_simulator::books::{Actor, Change, Entry, IntendedRow, Intent};
use uuid::Uuid;

/// Service plans that are off, by SKU.
pub type Licenses = BTreeMap<Uuid, BTreeSet<Uuid>>;

/// One subscription as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub offer: Uuid,
    pub sku: Uuid,
    pub order: Uuid,
    pub status: String,
    pub quantity: u32,
    /// The last change was not the engine's.
    pub by_others: bool,
}

/// One customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenant {
    pub users: BTreeMap<Uuid, Licenses>,
    pub subscriptions: BTreeMap<Uuid, Held>,
}

/// All customers, at the beginning and now.
#[derive(Debug, Default)]
pub struct Tenants {
    pub before: BTreeMap<Uuid, Tenant>,
    pub now: BTreeMap<Uuid, Tenant>,
    /// Orders that the engine has placed.
    pub ordered: BTreeSet<Uuid>,
    /// Customers at whom something was refused for good, with the operation.
    pub refusals: BTreeSet<(Uuid, String)>,
    skus: BTreeMap<Uuid, Uuid>,
}

impl Tenants {
    pub fn read(books: &[Entry]) -> Self {
        let mut tenants = Tenants::default();
        for entry in books {
            tenants.line(entry);
        }
        tenants
    }

    fn line(&mut self, entry: &Entry) {
        let by_engine = matches!(entry.actor, Actor::Application { .. });
        match &entry.change {
            Change::Offer { offer, sku, .. } => drop(self.skus.insert(*offer, *sku)),
            Change::OrderPlaced { order, .. } if by_engine => drop(self.ordered.insert(*order)),
            Change::FaultInjected { customer: Some(customer), operation, refusal: true, .. } => {
                self.refusals.insert((*customer, operation.clone()));
            }
            _ => {}
        }
        apply(&mut self.now, &entry.change, by_engine);
        if entry.actor == Actor::World {
            apply(&mut self.before, &entry.change, false);
        }
    }

    /// Active subscriptions of an offer that the engine bought.
    pub fn active_of_ours(&self, customer: Uuid, offer: Uuid) -> usize {
        let held = self.now.get(&customer).into_iter().flat_map(|tenant| tenant.subscriptions.values());
        held.filter(|held| {
            held.offer == offer && self.ordered.contains(&held.order) && held.status == "active"
        })
        .count()
    }

    /// A user's licenses of one SKU: none = does not hold it.
    fn license(
        tenants: &BTreeMap<Uuid, Tenant>,
        customer: Uuid,
        user: Uuid,
        sku: Uuid,
    ) -> Option<&BTreeSet<Uuid>> {
        tenants.get(&customer)?.users.get(&user)?.get(&sku)
    }

    /// Where the standing verdicts are not what stands at Microsoft, in words.
    pub fn contradictions(&self, rows: &[RowStanding], intent: &Intent) -> Vec<String> {
        let intended: BTreeMap<&str, &IntendedRow> =
            intent.rows.iter().map(|row| (row.row_id.as_str(), row)).collect();
        let mut found = Vec::new();
        for row in rows.iter().filter(|row| !row.already) {
            let Some(wanted) = intended.get(row.row.row_id.as_str()) else { continue };
            let Some(verdict) = row.ledger.standing() else { continue };
            let say = |text: String| {
                format!("row {} ({}, {}): {text}", row.row.row_id, verdict.kind, verdict.cause.code)
            };
            match verdict.kind {
                VerdictKind::Completed => found.extend(self.not_moved(wanted).into_iter().map(say)),
                VerdictKind::RolledBack | VerdictKind::Refused | VerdictKind::Skipped => {
                    found.extend(self.not_as_before(wanted, intent).into_iter().map(say));
                }
                VerdictKind::Parked | VerdictKind::Accepted => {}
            }
        }
        found.extend(self.purchases(rows, &intended));
        found
    }

    fn not_moved(&self, row: &IntendedRow) -> Vec<String> {
        let mut found = Vec::new();
        let (Some(old), Some(target)) =
            (self.held(row), row.target_offer.and_then(|offer| self.skus.get(&offer)))
        else {
            return vec!["the books know neither the old subscription nor the target".to_owned()];
        };
        if old.status == "active" {
            found.push("the old subscription is active".to_owned());
        }
        for user in &row.users {
            if Self::license(&self.now, row.customer, user.user, *target).is_none() {
                found.push(format!("user {} does not hold the new plan", user.user));
            }
            if Self::license(&self.now, row.customer, user.user, old.sku).is_some() {
                found.push(format!("user {} still holds the old plan", user.user));
            }
        }
        found
    }

    fn not_as_before(&self, row: &IntendedRow, intent: &Intent) -> Vec<String> {
        let mut found = Vec::new();
        let Some(old) = self.held(row) else { return found };
        let before = &self.before[&row.customer].subscriptions[&row.old_subscription];
        if !old.by_others && (&old.status, old.quantity) != (&before.status, before.quantity) {
            found.push(format!(
                "the old subscription is {} {}, was {} {}",
                old.status, old.quantity, before.status, before.quantity
            ));
        }
        let target = row.target_offer.and_then(|offer| self.skus.get(&offer)).copied();
        for user in &row.users {
            let elsewhere = intent.rows.iter().any(|other| {
                other.row_id != row.row_id
                    && other.customer == row.customer
                    && other.users.iter().any(|one| one.user == user.user)
            });
            // Another row of the same user may have moved them meanwhile: then only this row's old plan is judged.
            let skus = [Some(old.sku), target.filter(|_| !elsewhere)];
            for sku in skus.into_iter().flatten() {
                let was = Self::license(&self.before, row.customer, user.user, sku);
                let is = Self::license(&self.now, row.customer, user.user, sku);
                if was != is {
                    found.push(format!("user {}: of SKU {sku} off was {was:?}, is {is:?}", user.user));
                }
            }
        }
        found
    }

    /// As many active subscriptions of ours as verdicts say.
    fn purchases(&self, rows: &[RowStanding], intended: &BTreeMap<&str, &IntendedRow>) -> Vec<String> {
        let mut counts: BTreeMap<(Uuid, Uuid), (usize, usize)> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row.already) {
            let wanted = intended.get(row.row.row_id.as_str());
            let Some((customer, offer)) =
                wanted.and_then(|wanted| Some((wanted.customer, wanted.target_offer?)))
            else {
                continue;
            };
            let (sure, perhaps) = counts.entry((customer, offer)).or_default();
            match row.ledger.standing().map(|verdict| verdict.kind) {
                Some(VerdictKind::Completed) => *sure += 1,
                Some(VerdictKind::Parked | VerdictKind::Accepted) | None => *perhaps += 1,
                Some(VerdictKind::RolledBack | VerdictKind::Refused | VerdictKind::Skipped) => {}
            }
        }
        let wrong = counts.into_iter().filter_map(|((customer, offer), (sure, perhaps))| {
            let stand = self.active_of_ours(customer, offer);
            (stand < sure || stand > sure + perhaps).then(|| {
                format!(
                    "customer {customer}: {stand} active purchases of {offer}, by the verdicts {sure} to {}",
                    sure + perhaps
                )
            })
        });
        wrong.collect()
    }

    fn held(&self, row: &IntendedRow) -> Option<&Held> {
        self.now.get(&row.customer)?.subscriptions.get(&row.old_subscription)
    }
}

fn apply(tenants: &mut BTreeMap<Uuid, Tenant>, change: &Change, by_engine: bool) {
    match change {
        Change::User { customer, user } => {
            tenants.entry(*customer).or_default().users.entry(*user).or_default();
        }
        Change::SubscriptionAdded { customer, subscription, order, offer, sku, quantity, status, .. } => {
            let held = Held {
                offer: *offer,
                sku: *sku,
                order: *order,
                status: status.clone(),
                quantity: *quantity,
                by_others: !by_engine,
            };
            tenants.entry(*customer).or_default().subscriptions.insert(*subscription, held);
        }
        Change::SubscriptionChanged { customer, subscription, status, quantity, .. } => {
            let tenant = tenants.entry(*customer).or_default();
            if let Some(held) = tenant.subscriptions.get_mut(subscription) {
                held.status.clone_from(&status.1);
                held.quantity = quantity.1;
                held.by_others = !by_engine;
            }
        }
        Change::LicenseSet { customer, user, sku, disabled, .. } => {
            let tenant = tenants.entry(*customer).or_default();
            tenant.users.entry(*user).or_default().insert(*sku, disabled.iter().copied().collect());
        }
        Change::LicenseRemoved { customer, user, sku } => {
            let tenant = tenants.entry(*customer).or_default();
            tenant.users.entry(*user).or_default().remove(sku);
        }
        Change::Sku { .. }
        | Change::Offer { .. }
        | Change::Customer { .. }
        | Change::OrderPlaced { .. }
        | Change::UnitsChanged { .. }
        | Change::FaultInjected { .. } => {}
    }
}

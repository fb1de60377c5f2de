//! Which pool of licenses the old subscription feeds, and who else feeds it.
//!
//! Licenses hang on the pool of a SKU, not on a subscription. Where something else feeds the same pool, "everyone who
//! holds the license" is not "everyone to move".

use seatshift_catalog::{Match, staying_offer};
use uuid::Uuid;

use super::{Case, sku_id};
use crate::planning::reasons::{Finding, Reason};
use crate::planning::row::PlanRow;
use crate::planning::seen::{Deep, Offers, SeenSku, SeenSubscription};

/// The SKU of a subscription: what its provisioning status says, else the product of its offer. None = neither says.
pub(crate) fn link(one: &SeenSubscription, deep: &Deep, offers: &Offers) -> Option<Uuid> {
    let provisioned = deep.links.get(&one.id).copied().flatten();
    let sold = || offers.get(&one.offer).and_then(|offer| offer.sku);
    let recorded = || staying_offer(&one.offer).map(|offer| offer.sku);
    provisioned.or_else(sold).or_else(recorded)
}

#[derive(Debug)]
pub(super) struct Pool<'a> {
    pub sku: Option<Uuid>,
    pub seen: Option<&'a SeenSku>,
    /// Others that feed the same pool.
    pub sharing: Vec<&'a SeenSubscription>,
    /// Only subscriptions that are retired for certain share it.
    pub only_retired: bool,
    /// Seats of active subscriptions of this partner.
    known_seats: i64,
}

impl<'a> Pool<'a> {
    pub(super) fn of(case: &Case<'a>, deep: &'a Deep) -> Pool<'a> {
        let sku = link(case.subscription, deep, case.offers);
        let feeds = |one: &&SeenSubscription| {
            one.feeds_a_pool() && !one.by_use && sku.is_some() && link(one, deep, case.offers) == sku
        };
        let feeding: Vec<&SeenSubscription> = case.subscriptions.iter().filter(feeds).collect();
        let sharing: Vec<&SeenSubscription> =
            feeding.iter().copied().filter(|one| one.id != case.subscription.id).collect();
        let certain = |one: &&SeenSubscription| {
            matches!(case.retired.get(&one.id), Some(Match::ExactById(_) | Match::ExactByName(_)))
        };
        Pool {
            sku,
            seen: sku.and_then(|sku| deep.skus.get(&sku)),
            only_retired: sharing.iter().all(certain),
            sharing,
            known_seats: feeding
                .iter()
                .filter(|one| one.is_active())
                .map(|one| i64::from(one.quantity))
                .sum(),
        }
    }

    pub(super) fn fill(&self, row: &mut PlanRow) {
        row.sku = sku_id(self.sku);
        row.pool_seats = self.seen.map(|seen| seen.active);
        row.pool_assigned = self.seen.map(|seen| seen.consumed);
        row.shares_sku_with = self.sharing.iter().map(|one| one.id.to_string()).collect::<Vec<_>>().join(" ");
    }

    /// More seats than this partner's subscriptions account for.
    pub(super) fn seats_from_elsewhere(&self) -> i64 {
        self.seen.map_or(0, |seen| (seen.active - self.known_seats).max(0))
    }

    /// Users must be told apart by a person.
    pub(super) fn mixed(&self) -> bool {
        !self.sharing.is_empty() || self.seats_from_elsewhere() > 0
    }

    pub(super) fn find(&self, case: &Case<'_>, same_sku: bool, findings: &mut Vec<Finding>) {
        let mut find = |reason, words: String| findings.push(Finding::new(reason, words));
        if self.sku.is_none() {
            find(Reason::SkuUnknown, "It is not known which product its licenses belong to".to_owned());
            return;
        }
        if self.seen.is_none() {
            find(
                Reason::SkuUnknown,
                "The customer has no pool of the licenses that it should provide".to_owned(),
            );
            return;
        }
        let trials = self.sharing.iter().filter(|one| one.is_trial).count();
        if trials > 0 {
            let words = format!("{trials} trial(s) feed the same licenses and will vanish by themselves");
            find(Reason::TrialInPool, words);
        }
        if same_sku || case.answers.moves.is_some() {
            return; // nobody is reassigned, or a person has said who belongs to it
        }
        let others: Vec<&str> =
            self.sharing.iter().filter(|one| !one.is_trial).map(|one| one.offer_name.as_str()).collect();
        if !others.is_empty() && self.only_retired {
            let words =
                format!("Other retired subscriptions provide the same licenses: {}", others.join("; "));
            find(Reason::SeveralRetired, words);
        } else if !others.is_empty() {
            let words =
                format!("A subscription that stays provides the same licenses: {}", others.join("; "));
            find(Reason::SharedWithStaying, words);
        }
        let elsewhere = self.seats_from_elsewhere();
        if elsewhere > 0 {
            let words = format!(
                "The customer has {elsewhere} more seats of this license than its subscriptions with you"
            );
            find(Reason::SeatsFromElsewhere, words);
        }
    }

    /// A same-SKU move must leave enough seats for everyone who holds the license.
    pub(super) fn find_overuse(&self, old: u32, bought: u32, findings: &mut Vec<Finding>) {
        let Some(seen) = self.seen else { return };
        let left = seen.active - i64::from(old) + i64::from(bought);
        if left < seen.consumed {
            let words = format!("{} users hold the license, and {left} seats would be left", seen.consumed);
            findings.push(Finding::new(Reason::PoolOverused, words));
        }
    }
}

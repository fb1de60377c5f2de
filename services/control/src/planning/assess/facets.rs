//! Which facts a row rests on. When one of them changes, a person has approved something else.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::pool::Pool;
use super::target::Chosen;
use super::users::Movers;
use super::{Case, active_add_ons};
use crate::planning::fingerprint::{Facet, Fingerprint};
use crate::planning::seen::{Deep, SeenSubscription};

pub(super) fn of_subscription(old: &SeenSubscription, fingerprint: &mut Fingerprint) {
    fingerprint.set(Facet::Status, &old.status);
    fingerprint.set(Facet::Seats, &old.quantity);
    fingerprint.set(Facet::Renewal, &old.auto_renew);
    fingerprint.set(Facet::End, &old.commitment_end);
    fingerprint.set(Facet::Terms, &(&old.offer, &old.billing_cycle, &old.reseller, &old.nickname));
}

pub(super) fn of_customer(case: &Case<'_>, deep: &Deep, fingerprint: &mut Fingerprint) {
    fingerprint.set(Facet::Customer, &(&deep.country, &deep.relationship));
    fingerprint.set(Facet::Agreement, &deep.agreement_signed);
    let add_ons: Vec<Uuid> =
        active_add_ons(case.subscription.id, case.subscriptions, deep).into_keys().collect();
    fingerprint.set(Facet::AddOns, &add_ons);
}

/// A same-SKU move rests on no user and on no neighbor: the pool decides at the time.
pub(super) fn of_pool(
    pool: &Pool<'_>,
    movers: &Movers<'_>,
    same_sku: bool,
    chosen: Option<&Chosen<'_>>,
    fingerprint: &mut Fingerprint,
) {
    fingerprint.set(Facet::Sku, &pool.sku);
    let mut sharing: Vec<(Uuid, &str, u32)> = if same_sku {
        Vec::new()
    } else {
        pool.sharing.iter().map(|one| (one.id, one.status.as_str(), one.quantity)).collect()
    };
    sharing.sort();
    fingerprint.set(Facet::Pool, &(sharing, !same_sku && pool.seats_from_elsewhere() > 0));
    let users: Vec<Uuid> = movers.holders().map(|holder| holder.user.id).collect();
    fingerprint.set(Facet::Users, &users);
    let plans: Vec<(Uuid, &BTreeSet<Uuid>)> =
        movers.holders().map(|holder| (holder.user.id, &holder.off)).collect();
    fingerprint.set(Facet::Plans, &plans);
    fingerprint.set(Facet::Choice, &chosen.map(|chosen| chosen.id.as_str()));
    let sold = chosen.and_then(|chosen| chosen.offer);
    fingerprint
        .set(Facet::Target, &sold.map(|offer| (offer.sku, offer.minimum, offer.maximum, &offer.cycles)));
}

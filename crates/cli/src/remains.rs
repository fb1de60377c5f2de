//! A simulated world as it stands, from the world as it was and the books of what was done since.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use seatshift_simulator::books::{Actor, Change, Entry};
use seatshift_simulator::world::{Catalogue, Customer, License, Subscription, World};
use uuid::Uuid;

/// The world at `now`. Faults stay as they were set; what was on its way (an order not provisioned yet) is not kept, so ask
/// when all is quiet.
pub(crate) fn as_it_stands(world: &World, books: &[Entry], now: Timestamp) -> World {
    let mut world = world.clone();
    world.start = now;
    // New ids are drawn from the seed and counted from the world's beginning: another beginning, another seed.
    world.seed = world.seed.wrapping_add(1);
    let catalogue = Catalogue::of(&world);
    let place: BTreeMap<Uuid, usize> =
        world.customers.iter().enumerate().map(|(at, customer)| (customer.id, at)).collect();
    for entry in books.iter().filter(|entry| entry.actor != Actor::World) {
        let Some(at) = customer_of(&entry.change).and_then(|id| place.get(&id)) else { continue };
        apply(&mut world.customers[*at], entry, &catalogue);
    }
    world
}

fn customer_of(change: &Change) -> Option<Uuid> {
    match change {
        Change::User { customer, .. }
        | Change::SubscriptionAdded { customer, .. }
        | Change::SubscriptionChanged { customer, .. }
        | Change::LicenseSet { customer, .. }
        | Change::LicenseRemoved { customer, .. } => Some(*customer),
        // An order stands in its subscription; units follow from it.
        Change::Sku { .. }
        | Change::Offer { .. }
        | Change::Customer { .. }
        | Change::OrderPlaced { .. }
        | Change::UnitsChanged { .. }
        | Change::FaultInjected { .. } => None,
    }
}

fn apply(customer: &mut Customer, entry: &Entry, catalogue: &Catalogue) {
    match &entry.change {
        Change::SubscriptionAdded { subscription, offer, quantity, status, parent, .. } => {
            let year = SignedDuration::from_hours(365 * 24);
            let cycle = catalogue.offers.get(offer).and_then(|offer| offer.billing_cycles.first().cloned());
            customer.subscriptions.push(Subscription {
                id: *subscription,
                offer: *offer,
                quantity: *quantity,
                status: status.clone(),
                auto_renew: true,
                commitment_end: entry.at.saturating_add(year).unwrap_or(entry.at),
                created: Some(entry.at),
                billing_cycle: cycle.unwrap_or_else(|| "monthly".to_owned()),
                nickname: None,
                reseller_mpn: None,
                parent: *parent,
                offer_name: None,
                traps: Vec::new(),
                truth: None,
            });
        }
        Change::SubscriptionChanged { subscription, status, quantity, auto_renew, nickname, .. } => {
            let found = customer.subscriptions.iter_mut().find(|one| one.id == *subscription);
            if let Some(found) = found {
                found.status.clone_from(&status.1);
                found.quantity = quantity.1;
                found.auto_renew = auto_renew.1;
                found.nickname.clone_from(&nickname.1);
            }
        }
        Change::LicenseSet { user, sku, disabled, group, .. } => {
            if let Some(user) = customer.users.iter_mut().find(|one| one.id == *user) {
                user.licenses.retain(|license| license.sku != *sku);
                user.licenses.push(License { sku: *sku, disabled: disabled.clone(), group: *group });
            }
        }
        Change::LicenseRemoved { user, sku, .. } => {
            if let Some(user) = customer.users.iter_mut().find(|one| one.id == *user) {
                user.licenses.retain(|license| license.sku != *sku);
            }
        }
        Change::User { .. }
        | Change::Sku { .. }
        | Change::Offer { .. }
        | Change::Customer { .. }
        | Change::OrderPlaced { .. }
        | Change::UnitsChanged { .. }
        | Change::FaultInjected { .. } => {}
    }
}

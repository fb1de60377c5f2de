//! A world as it stands: the state, told as a world file would tell it, so that it can begin again from there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Customer, Shared, Subscription, User};
use crate::books::Change;
use crate::lock;
use crate::world::{self, Catalogue, Truth, World};

/// The world at `now`. What is on its way (an order not provisioned yet, a lost call that still lands) is not in it: ask
/// when all is quiet. Seed and start are new ones, since ids are drawn from the seed and counted from the beginning.
pub(crate) fn world(shared: &Shared, now: Timestamp) -> World {
    let beginning = Beginning::of(shared);
    let customers =
        shared.customers.values().map(|customer| beginning.customer(shared, &lock(customer))).collect();
    World { seed: shared.world.seed.wrapping_add(1), start: now, customers, ..shared.world.clone() }
}

/// What only the first lines of the books know.
struct Beginning(BTreeMap<Uuid, (Option<Truth>, Vec<String>)>);

impl Beginning {
    fn of(shared: &Shared) -> Self {
        Self(shared.log.with(|entries| {
            let added = entries.iter().filter_map(|entry| match &entry.change {
                Change::SubscriptionAdded { subscription, truth, traps, .. } => {
                    Some((*subscription, (truth.clone(), traps.clone())))
                }
                _ => None,
            });
            added.collect()
        }))
    }

    fn customer(&self, shared: &Shared, customer: &Customer) -> world::Customer {
        world::Customer {
            id: customer.id,
            name: customer.name.clone(),
            domain: customer.domain.clone(),
            country: customer.country.clone(),
            segment: customer.segment.clone(),
            relationship: customer.relationship.clone(),
            agreement: customer.agreement,
            rights: customer.rights.clone(),
            purchasing: customer.purchasing.clone(),
            subscriptions: customer
                .subscriptions
                .values()
                .map(|one| self.subscription(&shared.catalog, one))
                .collect(),
            users: customer.users.values().map(user).collect(),
        }
    }

    fn subscription(&self, catalog: &Catalogue, one: &Subscription) -> world::Subscription {
        let (truth, traps) = self.0.get(&one.id).cloned().unwrap_or_default();
        let item = catalog.items.get(&one.offer).map(|item| &item.sku.title);
        let usual = catalog.offers.get(&one.offer).map(|offer| &offer.name).or(item);
        let usual = usual.is_some_and(|name| *name == one.offer_name);
        world::Subscription {
            id: one.id,
            offer: one.offer,
            quantity: one.quantity,
            status: one.status.name().into(),
            auto_renew: one.auto_renew,
            commitment_end: one.commitment_end,
            created: Some(one.created),
            billing_cycle: one.billing_cycle.clone(),
            nickname: one.nickname.clone(),
            reseller_mpn: one.reseller_mpn.clone(),
            parent: one.parent,
            order: Some(one.order),
            new_commerce: one.modern.as_ref().map(|modern| world::Commitment {
                catalog_item: modern.catalog_item(),
                term: modern.term.clone(),
                cancellable_until: modern.cancellable_until,
            }),
            offer_name: (!usual).then(|| one.offer_name.clone()),
            traps,
            truth,
        }
    }
}

fn user(user: &User) -> world::User {
    let direct = |sku: Uuid, off: &std::collections::BTreeSet<Uuid>, group: Option<Uuid>| world::License {
        sku,
        disabled: off.iter().copied().collect(),
        group,
    };
    let licenses = user.licenses.iter().flat_map(|(sku, held)| {
        let own = held.direct.as_ref().map(|off| direct(*sku, off, None));
        let inherited = held.group.as_ref().map(|(group, off)| direct(*sku, off, Some(*group)));
        own.into_iter().chain(inherited)
    });
    world::User {
        id: user.id,
        principal_name: user.principal_name.clone(),
        display_name: user.display_name.clone(),
        usage_location: user.usage_location.clone(),
        deleted: user.deleted,
        licenses: licenses.collect(),
    }
}

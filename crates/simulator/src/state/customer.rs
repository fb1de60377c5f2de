//! One customer: one tenant with everything in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::agenda::Agenda;
use super::carts::Cart;
use super::modern::{Modern, ModernLine};
use super::{Event, Held, Scene, Shared, Status, Subscription, User, ids, modern, subscriptions};
use crate::api::reply::Reply;
use crate::books::{Actor, Change};
use crate::faults::Tries;
use crate::world::{self, Purchasing, RepeatedRequestId};

#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) country: String,
    pub(crate) segment: String,
    pub(crate) relationship: String,
    pub(crate) agreement: bool,
    pub(crate) rights: String,
    pub(crate) subscriptions: BTreeMap<Uuid, Subscription>,
    /// In the order in which they were placed.
    pub(crate) orders: Vec<Order>,
    pub(crate) purchasing: Purchasing,
    pub(crate) carts: BTreeMap<Uuid, Cart>,
    /// How often a fault has changed an item's availabilities for this customer.
    pub(crate) shifts: BTreeMap<Uuid, u32>,
    pub(crate) users: BTreeMap<Uuid, User>,
    /// Users that hold each SKU.
    pub(crate) consumed: BTreeMap<Uuid, u32>,
    pub(crate) agenda: Agenda,
    pub(crate) tries: Tries,
    /// First answers by request id. Looked up, never walked.
    answered: HashMap<Uuid, Reply>,
    remembers: bool,
    /// Orders and subscriptions made so far: the next id is drawn from it.
    pub(crate) made: u64,
}

/// An order with its lines.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    pub(crate) placed: Timestamp,
    /// From when on the customer's order list shows it.
    pub(crate) listed: Timestamp,
    pub(crate) billing_cycle: String,
    pub(crate) completed: bool,
    pub(crate) provisioning_fails: bool,
    pub(crate) version: u64,
    /// Of new commerce: its id is shown in another form.
    pub(crate) modern: bool,
    pub(crate) lines: Vec<OrderLine>,
}

impl Order {
    /// The id on the wire.
    pub(crate) fn shown_id(&self) -> String {
        if self.modern { modern::order_id(self.id) } else { self.id.to_string() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct OrderLine {
    pub(crate) offer: Uuid,
    pub(crate) quantity: u32,
    pub(crate) friendly_name: Option<String>,
    pub(crate) reseller_mpn: Option<String>,
    pub(crate) parent: Option<Uuid>,
    /// What it names of new commerce; none for a legacy offer.
    pub(crate) modern: Option<ModernLine>,
    /// None until it is provisioned.
    pub(crate) subscription: Option<Uuid>,
}

impl Customer {
    /// The customer as the world file has it, written to the books as the state in which the world began.
    pub(crate) fn begin(shared: &Shared, given: world::Customer) -> Self {
        let scene = Scene { shared, at: shared.world.start, actor: Actor::World, request_id: None };
        scene.log(Change::Customer { customer: given.id });
        let mut customer = Self {
            id: given.id,
            name: given.name,
            domain: given.domain,
            country: given.country,
            segment: given.segment,
            relationship: given.relationship,
            agreement: given.agreement,
            rights: given.rights,
            subscriptions: BTreeMap::new(),
            orders: Vec::new(),
            purchasing: given.purchasing,
            carts: BTreeMap::new(),
            shifts: BTreeMap::new(),
            users: BTreeMap::new(),
            consumed: BTreeMap::new(),
            agenda: Agenda::default(),
            tries: Tries::default(),
            answered: HashMap::new(),
            remembers: shared.world.readings.repeated_request_id != RepeatedRequestId::Ignore,
            made: 0,
        };
        for subscription in given.subscriptions {
            customer.begin_subscription(&scene, subscription);
        }
        for user in given.users {
            customer.begin_user(&scene, user);
        }
        customer
    }

    fn begin_subscription(&mut self, scene: &Scene<'_>, given: world::Subscription) {
        let subscription = original(scene.shared, &given);
        let (id, quantity) = (subscription.id, subscription.quantity);
        scene.log(Change::SubscriptionAdded {
            customer: self.id,
            subscription: id,
            order: subscription.order,
            offer: subscription.offer,
            sku: subscription.sku,
            quantity,
            status: subscription.status.name().into(),
            trial: subscription.trial,
            parent: subscription.parent,
            truth: given.truth,
            traps: given.traps,
        });
        self.orders.push(order_of(&subscription));
        let (status, end) = (subscription.status, subscription.commitment_end);
        let units_changed_at = subscription.units_changed_at;
        self.subscriptions.insert(id, subscription);
        match status {
            Status::Active => {
                subscriptions::set_units(scene, self, id, quantity);
                // Units that were there all along are no change that `provisioningstatus` has yet to notice.
                if let Some(begun) = self.subscriptions.get_mut(&id) {
                    begun.units_changed_at = units_changed_at;
                }
                self.agenda.enter(subscriptions::end_of_day(end), Event::CommitmentEnd { subscription: id });
            }
            Status::Suspended => subscriptions::schedule_deletion(scene, self, id),
            Status::Pending | Status::Expired | Status::Disabled | Status::Deleted => {}
        }
    }

    pub(crate) fn begin_user(&mut self, scene: &Scene<'_>, given: world::User) {
        scene.log(Change::User { customer: self.id, user: given.id });
        let mut licenses: BTreeMap<Uuid, Held> = BTreeMap::new();
        for license in given.licenses {
            let held = licenses.entry(license.sku).or_default();
            let disabled: BTreeSet<Uuid> = license.disabled.into_iter().collect();
            match license.group {
                Some(group) => held.group = Some((group, disabled)),
                None => held.direct = Some(disabled),
            }
        }
        if given.deleted {
            // A deleted user holds nothing until restored.
            licenses.clear();
        }
        for (sku, held) in &licenses {
            *self.consumed.entry(*sku).or_default() += 1;
            scene.log(Change::LicenseSet {
                customer: self.id,
                user: given.id,
                sku: *sku,
                disabled: held.disabled().into_iter().collect(),
                group: held.group.as_ref().map(|(group, _)| *group),
            });
        }
        let user = User {
            id: given.id,
            principal_name: given.principal_name,
            display_name: given.display_name,
            usage_location: given.usage_location,
            deleted: given.deleted,
            licenses,
        };
        self.users.insert(user.id, user);
    }

    /// The next new id of this customer.
    pub(crate) fn next_id(&mut self, shared: &Shared, kind: &str) -> Uuid {
        self.made += 1;
        ids::id(shared.world.seed, kind, self.id, self.made)
    }

    pub(crate) fn order(&self, id: Uuid) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// The order that is called so on the wire, in any case of its letters.
    pub(crate) fn order_called(&self, text: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.shown_id().eq_ignore_ascii_case(text))
    }

    /// Keeps the first answer to a request id, unless request ids mean nothing in this world.
    pub(crate) fn remember(&mut self, request_id: Option<Uuid>, reply: &Reply) {
        if let (true, Some(id)) = (self.remembers, request_id) {
            self.answered.entry(id).or_insert_with(|| reply.clone());
        }
    }

    pub(crate) fn remembered(&self, request_id: Option<Uuid>) -> Option<&Reply> {
        self.answered.get(&request_id?)
    }
}

fn original(shared: &Shared, given: &world::Subscription) -> Subscription {
    let offer = shared.catalog.offers.get(&given.offer);
    let item = shared.catalog.items.get(&given.offer).map(|item| &item.sku);
    let year = SignedDuration::from_hours(365 * 24);
    let effective_start = given.commitment_end.saturating_sub(year).unwrap_or(given.commitment_end);
    let usual = || offer.map(|offer| offer.name.clone()).or_else(|| item.map(|sku| sku.title.clone()));
    Subscription {
        id: given.id,
        offer: given.offer,
        sku: shared.catalog.sku_of(given.offer).unwrap_or_default(),
        offer_name: given.offer_name.clone().or_else(usual).unwrap_or_default(),
        nickname: given.nickname.clone(),
        quantity: given.quantity,
        status: Status::named(&given.status).unwrap_or(Status::Active),
        auto_renew: given.auto_renew,
        trial: offer.is_some_and(|offer| offer.trial) || item.is_some_and(|sku| sku.trial),
        created: given.created.unwrap_or(effective_start),
        effective_start,
        commitment_end: given.commitment_end,
        billing_cycle: given.billing_cycle.clone(),
        reseller_mpn: given.reseller_mpn.clone(),
        parent: given.parent,
        // An add-on stands on the order of its base.
        order: given
            .order
            .unwrap_or_else(|| ids::id(shared.world.seed, "order", given.parent.unwrap_or(given.id), 0)),
        version: 1,
        active_units: 0,
        units_changed_at: effective_start,
        provisioning_failed: false,
        original: true,
        standing: 0,
        modern: Modern::original(shared, given),
    }
}

fn order_of(subscription: &Subscription) -> Order {
    Order {
        id: subscription.order,
        placed: subscription.created,
        listed: subscription.created,
        billing_cycle: subscription.billing_cycle.clone(),
        completed: true,
        provisioning_fails: false,
        version: 1,
        modern: subscription.modern.is_some(),
        lines: vec![OrderLine {
            offer: subscription.offer,
            quantity: subscription.quantity,
            friendly_name: subscription.nickname.clone(),
            reseller_mpn: subscription.reseller_mpn.clone(),
            parent: subscription.parent,
            modern: subscription.modern.as_ref().map(|modern| ModernLine {
                product: modern.product.clone(),
                sku: modern.sku.clone(),
                availability: modern.availability.clone(),
                term: modern.term.clone(),
            }),
            subscription: Some(subscription.id),
        }],
    }
}

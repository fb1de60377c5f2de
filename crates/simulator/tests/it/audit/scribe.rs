//! Books written by hand, for what no well-behaved API would let happen.

use jiff::{SignedDuration, Timestamp};
use seatshift_simulator::books::{Actor, Audit, Change, Entry, IntendedRow, IntendedUser, Intent, audit};
use seatshift_simulator::world::{Act, Truth};
use uuid::Uuid;

pub(super) const ENGINE: Uuid = Uuid::from_u128(0xe);
pub(super) const CUSTOMER: Uuid = Uuid::from_u128(0xc);
pub(super) const OLD: Uuid = Uuid::from_u128(0x10);
pub(super) const OLD_SKU: Uuid = Uuid::from_u128(0x11);
pub(super) const OLD_OFFER: Uuid = Uuid::from_u128(0x12);
pub(super) const NEW: Uuid = Uuid::from_u128(0x20);
pub(super) const NEW_SKU: Uuid = Uuid::from_u128(0x21);
pub(super) const NEW_OFFER: Uuid = Uuid::from_u128(0x22);

/// The n-th user.
pub(super) fn user(n: u32) -> Uuid {
    Uuid::from_u128(0x1000 + u128::from(n))
}

pub(super) fn engine() -> Actor {
    Actor::Application { client_id: ENGINE }
}

pub(super) fn truth(act: Act) -> Option<Truth> {
    Some(Truth { act, reason: "the test says so".into() })
}

/// A log in the making. Each line of the engine has a request of its own unless `same_call` is used.
#[derive(Debug)]
pub(super) struct Scribe {
    pub(super) entries: Vec<Entry>,
    at: Timestamp,
    calls: u128,
}

impl Scribe {
    /// A world of one customer with `users` users on the old subscription of `seats` seats.
    pub(super) fn new(seats: u32, users: u32) -> Self {
        let at = "2019-03-01T08:00:00Z".parse().expect("a time");
        let mut scribe = Self { entries: Vec::new(), at, calls: 0 };
        scribe.world(Change::Sku { sku: OLD_SKU, plans: vec![] });
        scribe.world(Change::Sku { sku: NEW_SKU, plans: vec![] });
        scribe.world(Change::Offer {
            offer: OLD_OFFER,
            sku: OLD_SKU,
            add_on: false,
            retired: true,
            new_commerce: false,
        });
        scribe.world(Change::Offer {
            offer: NEW_OFFER,
            sku: NEW_SKU,
            add_on: false,
            retired: false,
            new_commerce: false,
        });
        scribe.world(Change::Customer { customer: CUSTOMER });
        scribe.world(subscription(OLD, (OLD_OFFER, OLD_SKU), seats, truth(Act::Move)));
        for n in 0..users {
            scribe.world(set(user(n), OLD_SKU));
        }
        scribe
    }

    pub(super) fn world(&mut self, change: Change) {
        self.line(Actor::World, None, change);
    }

    pub(super) fn line(&mut self, actor: Actor, request_id: Option<Uuid>, change: Change) {
        let number = self.entries.len() as u64 + 1;
        self.entries.push(Entry { number, at: self.at, actor, change, request_id });
    }

    pub(super) fn engine(&mut self, change: Change) {
        self.call(vec![change]);
    }

    /// The lines of one call of the engine.
    pub(super) fn call(&mut self, changes: Vec<Change>) {
        self.calls += 1;
        self.at = self.at.checked_add(SignedDuration::from_secs(1)).expect("a time");
        let request = Some(Uuid::from_u128(0xca11_0000 + self.calls));
        for change in changes {
            self.line(engine(), request, change);
        }
    }

    pub(super) fn by(&mut self, actor: Actor, change: Change) {
        self.at = self.at.checked_add(SignedDuration::from_secs(1)).expect("a time");
        self.line(actor, None, change);
    }

    /// The new subscription, ordered by the engine and provisioned with this many seats.
    pub(super) fn buy(&mut self, seats: u32) {
        let order = Uuid::from_u128(0x23);
        self.engine(Change::OrderPlaced { customer: CUSTOMER, order, offer: NEW_OFFER, quantity: seats });
        let mut added = subscription(NEW, (NEW_OFFER, NEW_SKU), seats, None);
        if let Change::SubscriptionAdded { order: of, .. } = &mut added {
            *of = order;
        }
        self.by(Actor::Clock, added);
        self.by(Actor::Clock, units(NEW, NEW_SKU, 0, seats));
    }

    /// An atomic swap, its removal written first: a worse order than the simulator's own.
    pub(super) fn swap(&mut self, user: Uuid) {
        self.call(vec![removed(user, OLD_SKU), set(user, NEW_SKU)]);
    }

    pub(super) fn suspend(&mut self, subscription: Uuid, sku: Uuid, seats: u32) {
        self.call(vec![status(subscription, "active", "suspended"), units(subscription, sku, seats, 0)]);
    }

    pub(super) fn judge(&self, rows: Vec<IntendedRow>) -> Audit {
        audit(&self.entries, &Intent { engine: ENGINE, rows })
    }
}

/// The row that moves this many users.
pub(super) fn row(users: u32) -> IntendedRow {
    let users = (0..users).map(|n| IntendedUser { user: user(n), disabled: vec![], named_changes: vec![] });
    IntendedRow {
        row_id: "row-1".into(),
        customer: CUSTOMER,
        old_subscription: OLD,
        approved: true,
        target_offer: Some(NEW_OFFER),
        retries: 0,
        decision_given: false,
        stopped_by_person: false,
        users: users.collect(),
        add_ons: vec![],
    }
}

pub(super) fn subscription(
    id: Uuid,
    (offer, sku): (Uuid, Uuid),
    quantity: u32,
    truth: Option<Truth>,
) -> Change {
    Change::SubscriptionAdded {
        customer: CUSTOMER,
        subscription: id,
        order: Uuid::from_u128(id.as_u128() + 0xffff_0000),
        offer,
        sku,
        quantity,
        status: "active".into(),
        trial: false,
        parent: None,
        truth,
        traps: vec![],
    }
}

pub(super) fn set(user: Uuid, sku: Uuid) -> Change {
    Change::LicenseSet { customer: CUSTOMER, user, sku, disabled: vec![], group: None }
}

pub(super) fn removed(user: Uuid, sku: Uuid) -> Change {
    Change::LicenseRemoved { customer: CUSTOMER, user, sku }
}

pub(super) fn units(subscription: Uuid, sku: Uuid, from: u32, to: u32) -> Change {
    Change::UnitsChanged { customer: CUSTOMER, subscription, sku, active_units: (from, to) }
}

pub(super) fn status(subscription: Uuid, from: &str, to: &str) -> Change {
    Change::SubscriptionChanged {
        customer: CUSTOMER,
        subscription,
        status: (from.into(), to.into()),
        quantity: (1, 1),
        auto_renew: (false, false),
        nickname: (None, None),
        by_base: false,
    }
}

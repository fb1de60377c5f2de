//! What all customers share: settings, catalogue, books, tokens, budgets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use uuid::Uuid;

use super::budgets::Budgets;
use super::tokens::Tokens;
use super::{Customer, clockwork};
use crate::books::{Actor, Change, Intent, Log};
use crate::clock::Clock;
use crate::faults::Tries;
use crate::lock;
use crate::world::catalogue::Catalogue;
use crate::world::{Injection, World};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    /// The world file without its customers: seed, partner, readings, faults, lags.
    pub(crate) world: World,
    pub(crate) catalog: Catalogue,
    pub(crate) customers: BTreeMap<Uuid, Mutex<Customer>>,
    pub(crate) log: Log,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) budgets: Budgets,
    /// Tries of calls that name no customer.
    pub(crate) partner_tries: Mutex<Tries>,
    pub(crate) injections: Mutex<Vec<Injection>>,
    pub(crate) intent: Mutex<Option<Intent>>,
    /// Calls by operation, the refused ones included.
    pub(crate) calls: Mutex<BTreeMap<&'static str, u64>>,
    /// Bodies of the offer lists, by country and by how many offers have ended: they rarely change and are large.
    pub(crate) offer_lists: Mutex<BTreeMap<(String, usize), bytes::Bytes>>,
    pub(crate) census: Census,
}

/// How big the world was when it began.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct Census {
    pub(crate) customers: usize,
    pub(crate) users: usize,
    pub(crate) subscriptions: usize,
    pub(crate) retired: usize,
    pub(crate) by_trap: BTreeMap<String, usize>,
}

impl Shared {
    pub(crate) fn new(mut world: World, clock: Arc<dyn Clock>) -> Self {
        let catalog = Catalogue::of(&world);
        let customers = std::mem::take(&mut world.customers);
        let census = Census::of(&customers, &catalog);
        let mut shared = Self {
            clock,
            catalog,
            customers: BTreeMap::new(),
            log: Log::default(),
            tokens: Mutex::new(Tokens::new(&world.partner)),
            budgets: Budgets::new(&world.budgets_per_minute),
            partner_tries: Mutex::default(),
            injections: Mutex::new(world.faults.injections.clone()),
            intent: Mutex::default(),
            calls: Mutex::default(),
            offer_lists: Mutex::default(),
            census,
            world,
        };
        shared.log_catalog();
        let mut states = BTreeMap::new();
        for customer in customers {
            states.insert(customer.id, Mutex::new(Customer::begin(&shared, customer)));
        }
        shared.customers = states;
        shared
    }

    fn log_catalog(&self) {
        let scene = Scene { shared: self, at: self.world.start, actor: Actor::World, request_id: None };
        for sku in self.catalog.skus.values() {
            let plans = sku.service_plans.iter().filter(|plan| !plan.tenant).map(|plan| plan.id).collect();
            scene.log(Change::Sku { sku: sku.id, plans });
        }
        for offer in self.catalog.offers.values() {
            scene.log(Change::Offer {
                offer: offer.id,
                sku: offer.sku,
                add_on: offer.add_on,
                retired: offer.retired,
                new_commerce: false,
            });
        }
        for (id, item) in &self.catalog.items {
            let (offer, sku) = (*id, item.sku.license_sku);
            scene.log(Change::Offer { offer, sku, add_on: false, retired: false, new_commerce: true });
        }
    }

    /// Brings every customer up to the present.
    pub(crate) fn settle(&self) {
        let now = self.clock.now();
        for customer in self.customers.values() {
            clockwork::settle(self, &mut lock(customer), now);
        }
    }
}

impl Census {
    fn of(customers: &[crate::world::Customer], catalog: &Catalogue) -> Self {
        let mut census = Self { customers: customers.len(), ..Self::default() };
        for customer in customers {
            census.users += customer.users.len();
            census.subscriptions += customer.subscriptions.len();
            for subscription in &customer.subscriptions {
                census.retired +=
                    usize::from(catalog.offers.get(&subscription.offer).is_some_and(|offer| offer.retired));
                for trap in &subscription.traps {
                    *census.by_trap.entry(trap.clone()).or_default() += 1;
                }
            }
        }
        census
    }
}

/// Who does something, when, and by which request: what a line of the books needs beside the change itself.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor,
    pub(crate) request_id: Option<Uuid>,
}

impl Scene<'_> {
    pub(crate) fn log(&self, change: Change) {
        self.shared.log.append(self.at, self.actor.clone(), self.request_id, change);
    }
}

//! The replay of one customer.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::intended::Rows;
use super::purchases::{self, Order};
use super::rows::{self, Refusal};
use super::services::{self, Touched};
use super::step::Step;
use super::tenant::{Pool, Tenant};
use super::watch::Watch;
use super::{Facts, Figure, Finding, Findings};
use crate::books::{Change, Entry, IntendedRow};

pub(super) struct Ledger<'a> {
    pub(super) customer: Uuid,
    pub(super) rows: Rows<'a>,
    pub(super) tenant: Tenant,
    pub(super) orders: Vec<Order>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) last_entry: u64,
    /// Entries that the engine caused.
    pub(super) changes: u64,
    touched_users: BTreeMap<Uuid, Touched>,
    touched_subscriptions: BTreeSet<Uuid>,
    bystanders: BTreeSet<Uuid>,
    lost_add_ons: BTreeSet<Uuid>,
    watch: Option<Watch>,
    step: Option<Step<'a>>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(customer: Uuid, rows: Vec<&'a IntendedRow>) -> Self {
        Self {
            customer,
            rows: Rows::new(rows),
            tenant: Tenant::default(),
            orders: Vec::new(),
            refusals: Vec::new(),
            last_entry: 0,
            changes: 0,
            touched_users: BTreeMap::new(),
            touched_subscriptions: BTreeSet::new(),
            bystanders: BTreeSet::new(),
            lost_add_ons: BTreeSet::new(),
            watch: None,
            step: None,
        }
    }

    pub(super) fn entry(
        &mut self,
        facts: &Facts,
        entry: &'a Entry,
        by_engine: bool,
        findings: &mut Findings,
    ) {
        self.last_entry = entry.number;
        if let Change::FaultInjected { resource, refusal, .. } = &entry.change {
            if *refusal {
                self.refusals.push(Refusal { resource: resource.clone(), request_id: entry.request_id });
            }
            return;
        }
        if !self.step.as_ref().is_some_and(|step| step.includes(entry)) {
            self.close_step(findings);
        }
        if by_engine {
            self.changes += 1;
            if self.watch.is_none() {
                self.watch = Some(Watch::begin(facts, &self.tenant, &self.rows.all));
            }
        }
        if self.watch.is_some() {
            let mut step = self.step.take().unwrap_or_else(|| Step::begin(entry, by_engine));
            step.note(&self.tenant, entry);
            self.step = Some(step);
        }
        if by_engine {
            self.by_engine(facts, entry, findings);
        } else {
            self.by_others(&entry.change);
        }
        self.tenant.apply(&entry.change, &entry.actor, by_engine);
    }

    fn close_step(&mut self, findings: &mut Findings) {
        let (Some(step), Some(watch)) = (self.step.take(), &mut self.watch) else { return };
        watch.step(self.customer, &self.tenant, &step, findings);
        if !step.by_engine {
            return;
        }
        for (id, entry) in step.suspended {
            findings.looked(Figure::EarlySuspensions, 1);
            let Some(subscription) = self.tenant.subscriptions.get(&id) else { continue };
            let Some(pool) = self.tenant.pools.get(&subscription.sku).filter(|pool| !pool.covers()) else {
                continue;
            };
            let Pool { active_units, holders } = pool;
            let why =
                format!("{active_units} seats are left for the {} users who hold its SKU", holders.len());
            let finding = Finding { customer: self.customer, subject: id, row: None, entry, why };
            findings.found(Figure::EarlySuspensions, finding);
        }
    }

    /// Notes what the engine is about to change.
    fn by_engine(&mut self, facts: &Facts, entry: &Entry, findings: &mut Findings) {
        match &entry.change {
            Change::OrderPlaced { order, offer, quantity, .. } => {
                let new = Order {
                    id: *order,
                    offer: *offer,
                    quantity: *quantity,
                    modern: facts.new_commerce.contains(offer),
                    request_id: entry.request_id,
                };
                let (tenant, rows, before) = (&self.tenant, &self.rows.all, &self.orders);
                purchases::judge(self.customer, tenant, rows, before, (&new, entry.number), findings);
                self.orders.push(new);
            }
            Change::SubscriptionChanged { subscription, status, by_base, .. } => {
                self.subscription_by_engine(*subscription, status, *by_base, entry.number, findings);
            }
            Change::LicenseSet { user, sku, .. } => {
                self.license_by_engine(*user, *sku, false, entry.number, findings)
            }
            Change::LicenseRemoved { user, sku, .. } => {
                self.license_by_engine(*user, *sku, true, entry.number, findings)
            }
            _ => {}
        }
    }

    fn subscription_by_engine(
        &mut self,
        id: Uuid,
        (from, to): &(String, String),
        by_base: bool,
        entry: u64,
        findings: &mut Findings,
    ) {
        let first = self.touched_subscriptions.insert(id);
        let subscription = self.tenant.subscriptions.get(&id);
        let add_on = subscription.is_some_and(|subscription| subscription.add_on);
        let ours = subscription.is_some_and(|s| self.orders.iter().any(|order| order.id == s.order));
        let named_add_on = self.rows.names_add_on(id);
        let named = named_add_on || self.rows.names_old(id);
        let customer = self.customer;
        let finding = |why: &str| Finding { customer, subject: id, row: None, entry, why: why.to_owned() };
        if add_on && !ours {
            findings.looked(Figure::ServicesLost, u64::from(first));
            let lost = from == "active" && to != "active" && !named_add_on;
            if lost && self.lost_add_ons.insert(id) {
                findings.found(Figure::ServicesLost, finding("an add-on that no row names was suspended"));
            }
        }
        if !by_base {
            findings.looked(Figure::BystandersTouched, u64::from(first));
            if !named && !ours && self.bystanders.insert(id) {
                let why = "a subscription in no row was changed";
                findings.found(Figure::BystandersTouched, finding(why));
            }
        }
    }

    fn license_by_engine(
        &mut self,
        user: Uuid,
        sku: Uuid,
        removed: bool,
        entry: u64,
        findings: &mut Findings,
    ) {
        let licenses = &self.tenant.licenses;
        let touched = self.touched_users.entry(user).or_insert_with(|| {
            findings.looked(Figure::BystandersTouched, 1);
            Touched {
                otherwise: licenses.get(&user).cloned().unwrap_or_default(),
                last_by_engine: BTreeSet::new(),
                removed_by_engine: BTreeSet::new(),
                last_entry: entry,
            }
        });
        touched.last_entry = entry;
        touched.last_by_engine.insert(sku);
        if removed {
            touched.removed_by_engine.insert(sku);
        }
        if self.rows.of_user(user).is_empty() && self.bystanders.insert(user) {
            let why = "the licenses of a user in no row were changed".to_owned();
            let finding = Finding { customer: self.customer, subject: user, row: None, entry, why };
            findings.found(Figure::BystandersTouched, finding);
        }
    }

    /// What others do to a user whom the engine has touched would have happened without the engine too.
    fn by_others(&mut self, change: &Change) {
        match change {
            Change::LicenseSet { user, sku, disabled, .. } => {
                if let Some(touched) = self.touched_users.get_mut(user) {
                    touched.otherwise.insert(*sku, disabled.clone());
                    touched.last_by_engine.remove(sku);
                }
            }
            Change::LicenseRemoved { user, sku, .. } => {
                if let Some(touched) = self.touched_users.get_mut(user) {
                    touched.otherwise.remove(sku);
                    touched.last_by_engine.remove(sku);
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(&mut self, facts: &Facts, findings: &mut Findings) {
        self.close_step(findings);
        if let Some(watch) = &self.watch {
            let watched: BTreeSet<Uuid> = watch.protected().collect();
            findings.looked(Figure::UsersInGap, watched.len() as u64);
        }
        services::judge(self.customer, facts, &self.tenant, &self.rows, &self.touched_users, findings);
        rows::judge(self, facts, findings);
    }

    /// Whether the engine has taken this license from this user at some time.
    pub(super) fn took_away(&self, user: Uuid, sku: Uuid) -> bool {
        self.touched_users.get(&user).is_some_and(|touched| touched.removed_by_engine.contains(&sku))
    }

    pub(super) fn users_examined(&self) -> usize {
        let mut users: BTreeSet<Uuid> = self.touched_users.keys().copied().collect();
        users.extend(self.watch.iter().flat_map(Watch::protected));
        users.len()
    }

    pub(super) fn rows_touched(&self) -> usize {
        let bought =
            |row: &IntendedRow| self.orders.iter().any(|order| Some(order.offer) == row.target_offer);
        let touched = |row: &IntendedRow| {
            self.touched_subscriptions.contains(&row.old_subscription)
                || row.users.iter().any(|user| self.touched_users.contains_key(&user.user))
                || bought(row)
        };
        self.rows.all.iter().filter(|row| touched(row)).count()
    }
}

//! What must hold in a world beyond its shape: ids that are unique and known, licenses that something gives, dates and
//! words that mean something. Everything found is reported, not just the first.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::problem::{Problem, WorldError};
use super::trap::Trap;
use super::validate_commerce::ITEM_CYCLES;
use super::{Catalogue, Customer, Fault, Subscription, User, World};

pub(super) const SEGMENTS: [&str; 4] = ["commercial", "education", "government", "nonprofit"];
const OFFER_SEGMENTS: [&str; 5] = ["commercial", "faculty", "students", "government", "nonprofit"];
const RELATIONS: [&str; 5] = ["none", "reseller", "advisor", "syndication", "microsoft_support"];
const RIGHTS: [&str; 3] = ["none", "read", "full"];
const STATUSES: [&str; 6] = ["active", "suspended", "expired", "disabled", "deleted", "pending"];
const CYCLES: [&str; 3] = ["monthly", "annual", "none"];
const FAMILIES: [&str; 7] = ["customers", "subscriptions", "orders", "offers", "users", "licenses", "skus"];

/// Checks a world.
///
/// # Errors
/// All that is wrong with it, each with place, cause and remedy.
pub fn validate(world: &World) -> Result<(), WorldError> {
    let mut check = Check { world, catalogue: Catalogue::of(world), problems: Vec::new() };
    check.top();
    check.catalogue_entries();
    check.products();
    check.unique_across_customers();
    for (position, customer) in world.customers.iter().enumerate() {
        check.customer(&format!("customers[{position}]"), customer);
    }
    if check.problems.is_empty() {
        Ok(())
    } else {
        Err(WorldError { source_name: "the world".to_owned(), problems: check.problems })
    }
}

/// What has been found so far. What is about sales stands in `validate_commerce`.
pub(super) struct Check<'a> {
    pub(super) world: &'a World,
    pub(super) catalogue: Catalogue,
    problems: Vec<Problem>,
}

impl Check<'_> {
    pub(super) fn say(
        &mut self,
        place: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem::new(place, cause, remedy));
    }

    pub(super) fn word(&mut self, place: String, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            self.say(
                place,
                format!("`{value}` is not known here"),
                format!("write one of: {}", known.join(", ")),
            );
        }
    }

    fn once(&mut self, seen: &mut BTreeMap<Uuid, String>, id: Uuid, place: String) {
        if let Some(first) = seen.get(&id) {
            let cause = format!("the id {id} is already that of {first}");
            self.say(place, cause, "give each its own id");
        } else {
            seen.insert(id, place);
        }
    }

    fn top(&mut self) {
        let world = self.world;
        if world.version != 1 {
            let cause = format!("this is version {} of the schema", world.version);
            self.say("version", cause, "write 1, the only version there is");
        }
        for (family, calls) in &world.budgets_per_minute {
            self.word(format!("budgets_per_minute.{family}"), family, &FAMILIES);
            if *calls == 0 {
                let place = format!("budgets_per_minute.{family}");
                self.say(place, "no call would ever be allowed", "write at least 1, or leave the family out");
            }
        }
        if world.lags.order_visible > 900 {
            self.say(
                "lags.order_visible",
                "it is above 900 s",
                "write at most 900: Microsoft names 15 minutes",
            );
        }
        let (from, to) = world.lags.deletion_days;
        if from > to || from == 0 {
            self.say(
                "lags.deletion_days",
                format!("{from} to {to} days is no range"),
                "write [90, 120], the smaller first",
            );
        }
        self.countries("partner.countries", &world.partner.countries);
        for (position, injection) in world.faults.injections.iter().enumerate() {
            let place = format!("faults.injections[{position}]");
            if injection.from_try == 0 {
                self.say(
                    format!("{place}.from_try"),
                    "tries are counted from 1",
                    "write 1 for the first try",
                );
            }
            if injection.customer.is_some_and(|id| world.customers.iter().all(|customer| customer.id != id)) {
                self.say(
                    format!("{place}.customer"),
                    "there is no such customer",
                    "use an id of this file, or leave it out",
                );
            }
            if matches!(injection.fault, Fault::LostLate { seconds } if seconds > 240) {
                let remedy = "write at most 240: an engine may count on lost calls having landed by then";
                self.say(format!("{place}.fault.seconds"), "it is above 240 s", remedy);
            }
        }
    }

    fn catalogue_entries(&mut self) {
        let world = self.world;
        let mut seen = BTreeMap::new();
        for (position, sku) in world.skus.iter().enumerate() {
            self.once(&mut seen, sku.id, format!("skus[{position}]"));
            let plans: BTreeSet<Uuid> = sku.service_plans.iter().map(|plan| plan.id).collect();
            if plans.len() < sku.service_plans.len() || plans.is_empty() {
                let place = format!("skus[{position}].service_plans");
                self.say(place, "a SKU has at least one service plan, and each once", "list each plan once");
            }
        }
        let mut seen = BTreeMap::new();
        for (position, offer) in world.offers.iter().enumerate() {
            let place = format!("offers[{position}]");
            self.once(&mut seen, offer.id, place.clone());
            if !self.catalogue.skus.contains_key(&offer.sku) {
                let cause = format!("the SKU {} is neither shipped nor in `skus`", offer.sku);
                self.say(format!("{place}.sku"), cause, "add it to `skus`, or use the id of a shipped one");
            }
            self.word(format!("{place}.segment"), &offer.segment, &OFFER_SEGMENTS);
            for cycle in &offer.billing_cycles {
                self.word(format!("{place}.billing_cycles"), cycle, &CYCLES);
            }
            if offer.minimum_quantity == 0 || offer.minimum_quantity > offer.maximum_quantity {
                let cause =
                    format!("{} to {} seats is no range", offer.minimum_quantity, offer.maximum_quantity);
                self.say(
                    format!("{place}.minimum_quantity"),
                    cause,
                    "write at least 1 and at most the maximum",
                );
            }
            self.offer_sales(&place, offer);
            for base in &offer.prerequisite_offers {
                if !self.catalogue.offers.contains_key(base) {
                    let cause = format!("the offer {base} is neither shipped nor in `offers`");
                    self.say(
                        format!("{place}.prerequisite_offers"),
                        cause,
                        "add it to `offers`, or leave it out",
                    );
                }
            }
        }
    }

    fn unique_across_customers(&mut self) {
        let world = self.world;
        let (mut tenants, mut subscriptions) = (BTreeMap::new(), BTreeMap::new());
        let (mut users, mut domains) = (BTreeMap::new(), BTreeMap::new());
        for (position, customer) in world.customers.iter().enumerate() {
            let place = format!("customers[{position}]");
            self.once(&mut tenants, customer.id, place.clone());
            if let Some(first) = domains.insert(customer.domain.to_lowercase(), position) {
                let cause = format!("customers[{first}] has the domain {} already", customer.domain);
                self.say(format!("{place}.domain"), cause, "give each customer a domain of its own");
            }
            for (position, subscription) in customer.subscriptions.iter().enumerate() {
                self.once(&mut subscriptions, subscription.id, format!("{place}.subscriptions[{position}]"));
            }
            for (position, user) in customer.users.iter().enumerate() {
                self.once(&mut users, user.id, format!("{place}.users[{position}]"));
            }
        }
    }

    fn customer(&mut self, place: &str, customer: &Customer) {
        for (field, value) in [("name", &customer.name), ("domain", &customer.domain)] {
            if value.trim().is_empty() {
                self.say(
                    format!("{place}.{field}"),
                    "it is empty",
                    "people find a customer by it: write one",
                );
            }
        }
        if customer.country.len() != 2 || !customer.country.bytes().all(|letter| letter.is_ascii_uppercase())
        {
            let cause = format!("`{}` is no country code", customer.country);
            self.say(format!("{place}.country"), cause, "write two capital letters, such as SE");
        }
        self.word(format!("{place}.segment"), &customer.segment, &SEGMENTS);
        self.word(format!("{place}.relationship"), &customer.relationship, &RELATIONS);
        self.word(format!("{place}.rights"), &customer.rights, &RIGHTS);
        self.purchasing(place, customer);
        for (position, subscription) in customer.subscriptions.iter().enumerate() {
            self.subscription(&format!("{place}.subscriptions[{position}]"), customer, subscription);
        }
        // With an unknown offer nobody can say which SKUs are given; that fault is told already.
        let given: Option<BTreeSet<Uuid>> =
            customer.subscriptions.iter().map(|s| self.catalogue.sku_of(s.offer)).collect();
        let mut names = BTreeSet::new();
        for (position, user) in customer.users.iter().enumerate() {
            let place = format!("{place}.users[{position}]");
            if !names.insert(user.principal_name.to_lowercase()) {
                let cause = format!("`{}` is the principal name of another user too", user.principal_name);
                self.say(format!("{place}.principal_name"), cause, "give each user of a customer its own");
            }
            self.user(&place, user, given.as_ref());
        }
    }

    fn subscription(&mut self, place: &str, customer: &Customer, subscription: &Subscription) {
        self.word(format!("{place}.status"), &subscription.status, &STATUSES);
        let modern = self.catalogue.items.contains_key(&subscription.offer);
        let cycles: &[&str] = if modern { &ITEM_CYCLES } else { &CYCLES };
        self.word(format!("{place}.billing_cycle"), &subscription.billing_cycle, cycles);
        if subscription.quantity == 0 {
            self.say(format!("{place}.quantity"), "a subscription has at least one seat", "write 1 or more");
        }
        for trap in &subscription.traps {
            self.word(format!("{place}.traps"), trap, &Trap::ALL.map(Trap::name));
        }
        let end = subscription.commitment_end;
        if subscription.created.is_some_and(|created| created >= end) {
            let remedy = "write a date of creation before the end, or leave it out";
            self.say(format!("{place}.created"), "it was created after its commitment ended", remedy);
        }
        // An end date is the last day of service.
        let day = |at: jiff::Timestamp| at.as_second().div_euclid(86_400);
        if subscription.status == "active" && day(end) < day(self.world.start) {
            let cause = format!("it is active, yet ended before the world begins at {}", self.world.start);
            self.say(format!("{place}.commitment_end"), cause, "write a later end, or the status `expired`");
        }
        if let Some(item) = self.catalogue.items.get(&subscription.offer).cloned() {
            self.commitment(place, subscription, &item);
            return;
        }
        let Some(offer) = self.catalogue.offers.get(&subscription.offer).cloned() else {
            let cause = format!("the offer {} is neither shipped nor in `offers`", subscription.offer);
            self.say(format!("{place}.offer"), cause, "add it to `offers`, or use the id of a shipped one");
            return;
        };
        if subscription.new_commerce.is_some() {
            let remedy = "leave it out, or write the product:sku of new commerce in `offer`";
            self.say(format!("{place}.new_commerce"), "its offer is a legacy one", remedy);
        }
        self.parent(place, customer, subscription, &offer);
    }

    fn parent(
        &mut self,
        place: &str,
        customer: &Customer,
        subscription: &Subscription,
        offer: &super::Offer,
    ) {
        let place = format!("{place}.parent");
        let Some(parent) = subscription.parent else {
            if offer.add_on {
                let cause = format!("`{}` is an add-on and hangs on nothing", offer.name);
                self.say(place, cause, "write the id of a subscription of the same customer");
            }
            return;
        };
        let Some(base) = customer.subscriptions.iter().find(|s| s.id == parent) else {
            let cause = format!("the customer has no subscription {parent}");
            self.say(place, cause, "write the id of a subscription of the same customer");
            return;
        };
        if !offer.add_on {
            let cause = format!("`{}` is not an add-on", offer.name);
            self.say(place, cause, "leave `parent` out, or use the offer of an add-on");
        } else if !offer.prerequisite_offers.is_empty() && !offer.prerequisite_offers.contains(&base.offer) {
            let cause = format!("`{}` cannot hang on the offer {}", offer.name, base.offer);
            self.say(place, cause, "use a base that is among the add-on's prerequisite offers");
        }
    }

    fn user(&mut self, place: &str, user: &User, given: Option<&BTreeSet<Uuid>>) {
        if user.principal_name.trim().is_empty() {
            self.say(
                format!("{place}.principal_name"),
                "it is empty",
                "write one, such as ada@contoso.example",
            );
        }
        if user.deleted && !user.licenses.is_empty() {
            let remedy = "leave out its licenses, or `deleted`";
            self.say(format!("{place}.licenses"), "a deleted user holds no license", remedy);
        }
        let mut held = BTreeSet::new();
        for (position, license) in user.licenses.iter().enumerate() {
            let place = format!("{place}.licenses[{position}]");
            if !held.insert((license.sku, license.group.is_some())) {
                let cause = format!("the user holds the SKU {} twice in the same way", license.sku);
                let remedy =
                    "write it once directly and at most once by a group, with all its disabled plans";
                self.say(format!("{place}.sku"), cause, remedy);
            }
            if given.is_some_and(|given| !given.contains(&license.sku)) {
                let cause = format!("no subscription of the customer gives the SKU {}", license.sku);
                self.say(
                    format!("{place}.sku"),
                    cause,
                    "add a subscription whose offer has this SKU, or leave the license out",
                );
                continue;
            }
            let plans = self.catalogue.user_plans(license.sku);
            for plan in license.disabled.iter().filter(|plan| !plans.contains(plan)) {
                let cause = format!("the SKU has no service plan {plan} that a user could be without");
                self.say(
                    format!("{place}.disabled"),
                    cause,
                    "use ids of the SKU's own plans that are not the tenant's",
                );
            }
        }
    }
}

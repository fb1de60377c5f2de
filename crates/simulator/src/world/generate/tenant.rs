//! A customer in the making.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use uuid::Uuid;

use super::Plan;
use super::deck::Card;
use super::draw::Draw;
use super::names;
use crate::world::catalogue::Catalogue;
use crate::world::name::Family;
use crate::world::trap::Trap;
use crate::world::{Customer, License, Offer, Purchasing, Subscription, User};

const COUNTRIES: [&str; 14] =
    ["US", "US", "US", "US", "SE", "SE", "DE", "DE", "GB", "GB", "FR", "NL", "NO", "CA"];
const RESELLERS: [&str; 4] = ["4100001", "4100002", "4100003", "4100004"];

#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) draw: Draw,
    pub(super) customer: Customer,
    start: Timestamp,
    reseller: Option<String>,
}

impl Tenant {
    pub(super) fn new(plan: &Plan, index: usize) -> Self {
        let mut draw = Draw::new(plan.seed, index as u64);
        let (name, domain) = names::company(&mut draw, index);
        let customer = Customer {
            id: draw.id(),
            name,
            domain,
            country: (*draw.pick(&COUNTRIES)).to_owned(),
            segment: "commercial".to_owned(),
            relationship: "reseller".to_owned(),
            agreement: true,
            rights: "full".to_owned(),
            purchasing: Purchasing::default(),
            subscriptions: Vec::new(),
            users: Vec::new(),
        };
        let reseller = plan.indirect.then(|| (*draw.pick(&RESELLERS)).to_owned());
        Self { draw, customer, start: plan.start, reseller }
    }

    /// The customer's segment, which must fit what it has bought.
    pub(super) fn set_segment(&mut self, card: Card) {
        let segment = match card {
            Card::Trap(Trap::NoTargetInSegment, 0 | 1) => "education",
            Card::Trap(Trap::NoTargetInSegment, _) => "government",
            Card::Unrelated => {
                *self.draw.pick(&["commercial", "commercial", "commercial", "education", "nonprofit"])
            }
            Card::Sales | Card::Plan if self.draw.percent(12) => "nonprofit",
            _ => "commercial",
        };
        segment.clone_into(&mut self.customer.segment);
        if segment == "government" {
            "US".clone_into(&mut self.customer.country);
        }
    }

    /// Customers without retired subscriptions have their troubles too; the engine must not stumble over them.
    pub(super) fn mishaps_of_unrelated_customers(&mut self) {
        match self.draw.between(1, 20) {
            1 => "none".clone_into(&mut self.customer.relationship),
            2 => "none".clone_into(&mut self.customer.rights),
            3 => self.customer.agreement = false,
            _ => {}
        }
    }

    /// A retired subscription of this family with users of its own. Returns its place.
    pub(super) fn retired(&mut self, family: Family, users: u32) -> usize {
        let offer = self.retired_offer(family, "commercial");
        self.retired_of(offer, users)
    }

    pub(super) fn retired_offer(&mut self, family: Family, segment: &str) -> &'static Offer {
        let word = match family {
            Family::Sales => "for Sales",
            Family::Plan => "Customer Engagement Plan",
        };
        let all = Catalogue::shipped().offers.values();
        let fitting: Vec<&'static Offer> = all
            .filter(|offer| offer.retired && offer.segment == segment && offer.name.contains(word))
            .collect();
        self.draw.pick::<&'static Offer>(&fitting)
    }

    pub(super) fn retired_of(&mut self, offer: &Offer, users: u32) -> usize {
        let seats = users + self.draw.between(0, users / 5 + 1);
        let place = self.subscribe(offer, seats);
        // The API of 2019 showed such names without "Edition", and now and then with a comma.
        let shown = match self.draw.between(1, 10) {
            1 | 2 => Some(offer.name.replace("Enterprise Edition", "Enterprise")),
            3 => Some(offer.name.replace(" Enterprise Edition", ", Enterprise Edition")),
            _ => None,
        };
        let subscription = &mut self.customer.subscriptions[place];
        subscription.auto_renew = false;
        subscription.offer_name = shown;
        self.license(offer.sku, users);
        if offer.sku == crate::world::catalogue::ENGAGEMENT_PLAN {
            self.mark(place, Trap::SameSku);
        }
        place
    }

    /// An active subscription that ends in 30 to 300 days. Returns its place.
    pub(super) fn subscribe(&mut self, offer: &Offer, quantity: u32) -> usize {
        let days = self.draw_days();
        let end = self.day(i64::from(days));
        let cycle = if offer.billing_cycles.len() > 1 {
            self.draw.pick(&offer.billing_cycles).clone()
        } else {
            offer.billing_cycles.first().cloned().unwrap_or_else(|| "none".to_owned())
        };
        let nickname =
            self.draw.percent(15).then(|| format!("{} {}", self.customer.country, self.draw.between(1, 99)));
        let created = end.checked_sub(jiff::SignedDuration::from_hours(24 * 365)).ok();
        self.customer.subscriptions.push(Subscription {
            id: self.draw.id(),
            offer: offer.id,
            quantity: quantity.clamp(offer.minimum_quantity, offer.maximum_quantity),
            status: "active".to_owned(),
            auto_renew: self.draw.percent(85),
            commitment_end: end,
            created,
            billing_cycle: cycle,
            nickname,
            reseller_mpn: self.reseller.clone(),
            parent: None,
            order: None,
            offer_name: None,
            new_commerce: None,
            traps: Vec::new(),
            truth: None,
        });
        self.customer.subscriptions.len() - 1
    }

    /// Never near the two days within which nobody begins a migration, nor used up while a run takes its days.
    fn draw_days(&mut self) -> u32 {
        self.draw.between(30, 300)
    }

    /// Midnight this many days after the start.
    pub(super) fn day(&self, days: i64) -> Timestamp {
        let today = self.start.to_zoned(TimeZone::UTC).date();
        today
            .checked_add(Span::new().days(days))
            .and_then(|date| date.to_zoned(TimeZone::UTC))
            .map_or(self.start, |midnight| midnight.timestamp())
    }

    /// New users who hold this SKU.
    pub(super) fn license(&mut self, sku: Uuid, users: u32) {
        for _ in 0..users {
            let user = self.user();
            self.customer.users[user].licenses.push(License { sku, disabled: Vec::new(), group: None });
        }
    }

    /// A new user without licenses. Returns its place.
    pub(super) fn user(&mut self) -> usize {
        let place = self.customer.users.len();
        let (display_name, principal) = names::person(&mut self.draw, place + 1);
        self.customer.users.push(User {
            id: self.draw.id(),
            principal_name: format!("{principal}@{}", self.customer.domain),
            display_name,
            usage_location: Some(self.customer.country.clone()),
            deleted: false,
            licenses: Vec::new(),
        });
        place
    }

    /// The places of users who hold this SKU.
    pub(super) fn holders(&self, sku: Uuid) -> Vec<usize> {
        let users = self.customer.users.iter().enumerate();
        users.filter(|(_, user)| user.licenses.iter().any(|l| l.sku == sku)).map(|(place, _)| place).collect()
    }

    pub(super) fn license_of(&mut self, user: usize, sku: Uuid) -> Option<&mut License> {
        self.customer.users[user].licenses.iter_mut().find(|license| license.sku == sku)
    }

    pub(super) fn mark(&mut self, subscription: usize, trap: Trap) {
        let traps = &mut self.customer.subscriptions[subscription].traps;
        if !traps.iter().any(|name| name == trap.name()) {
            traps.push(trap.name().to_owned());
        }
    }

    /// Subscriptions and users in an order that says nothing about how they came to be.
    pub(super) fn finish(mut self) -> Customer {
        self.draw.shuffle(&mut self.customer.subscriptions);
        self.draw.shuffle(&mut self.customer.users);
        self.customer
    }
}

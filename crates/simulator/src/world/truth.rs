//! The hidden truth: what a careful person would do with each retired subscription when nothing goes wrong.
//!
//! It is computed from the world alone, by the table of [`RULES`], so that a world written by hand need not say it; where
//! a file does say it, the file is right. Only the books read it. It shares nothing with the engine that is judged by it:
//! both are written from the same rules of the job, each on its own.
//!
//! The table in words. A subscription is *about the job* when its name is one of the 24 (case, commas and the word
//! "Edition" do not count) or comes near one. Everything else has no truth: it is to be left alone.
//!
//! | when | do |
//! | --- | --- |
//! | it is not active, or ends within two days | leave |
//! | its name is only nearly one of the 24 | ask |
//! | no reseller relation, no agreement, no rights that the move needs | ask |
//! | no replacement is known for its segment, or it is not sold to the customer, in legacy or in new commerce | ask |
//! | a hold, a cap or a sandbox stops the purchase | ask |
//! | active add-ons hang on it, or an active trial is in its pool | ask |
//! | users must be reassigned and another active subscription gives the same SKU | ask |
//! | users must be reassigned and one has the license from a group, no usage location, or an excluded plan without counterpart | ask |
//! | otherwise | move |
//!
//! Users must be reassigned for the Sales offers (to Sales Professional). The Customer Engagement Plan keeps its SKU: there
//! nobody's license is touched, and a shared pool decides by its seats. Renewal that was switched on again, or seats far
//! from use, change nothing.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::catalogue::Catalogue;
use super::name::{self, Family, Recognised};
use super::replacement::{self, Target};
use super::{
    Act, Customer, License, Offer, SANDBOX_SEATS, SANDBOX_SUBSCRIPTIONS, Subscription, Truth, World,
};

/// Fills in the truth wherever the world does not say it.
pub fn fill(world: &mut World) {
    let catalogue = Catalogue::of(world);
    for customer in 0..world.customers.len() {
        for subscription in 0..world.customers[customer].subscriptions.len() {
            if world.customers[customer].subscriptions[subscription].truth.is_none() {
                let truth = judge(world, &catalogue, customer, subscription);
                world.customers[customer].subscriptions[subscription].truth = truth;
            }
        }
    }
}

/// The truth about one subscription, whatever the world says of it. None = it has nothing to do with the job, or there is
/// no such customer or subscription.
#[must_use]
pub fn of(world: &World, customer: Uuid, subscription: Uuid) -> Option<Truth> {
    let customer = world.customers.iter().position(|c| c.id == customer)?;
    let subscription = world.customers[customer].subscriptions.iter().position(|s| s.id == subscription)?;
    judge(world, &Catalogue::of(world), customer, subscription)
}

fn judge(world: &World, catalogue: &Catalogue, customer: usize, subscription: usize) -> Option<Truth> {
    let customer = &world.customers[customer];
    let case = Case::of(world, catalogue, customer, &customer.subscriptions[subscription])?;
    let (act, reason) = RULES
        .iter()
        .find(|(applies, _, _)| applies(&case))
        .map_or((Act::Move, "nothing stands against it"), |(_, act, reason)| (*act, *reason));
    Some(Truth { act, reason: reason.to_owned() })
}

/// One rule: when it applies, what to do, why.
type Rule = (fn(&Case<'_>) -> bool, Act, &'static str);

/// The first rule that applies decides.
const RULES: &[Rule] = &[
    (|c| c.old.status != "active", Act::Leave, "it is no longer active"),
    (|c| c.ends_within_two_days(), Act::Leave, "it ends within two days"),
    (|c| c.family.is_none(), Act::Ask, "its name is only nearly that of a retired offer"),
    (|c| c.customer.relationship != "reseller", Act::Ask, "there is no reseller relation with the customer"),
    (|c| c.target.is_none(), Act::Ask, "no replacement is known for its segment"),
    (|c| !c.target_is_sold(), Act::Ask, "the replacement is not sold to this customer"),
    (|c| c.lacks_agreement(), Act::Ask, "an agreement is missing, so nothing can be bought"),
    (|c| c.cannot_buy(), Act::Ask, "a hold, a cap or a sandbox stops every purchase"),
    (|c| c.lacks_rights(), Act::Ask, "the partner lacks rights in the tenant"),
    (|c| c.has_active_add_ons(), Act::Ask, "add-ons would be suspended with it"),
    (|c| c.has_trial_in_pool(), Act::Ask, "a trial inflates its pool of licenses"),
    (
        |c| c.reassigns && c.shares(false),
        Act::Ask,
        "its users cannot be told from those of a subscription that stays",
    ),
    (
        |c| c.reassigns && c.shares(true),
        Act::Ask,
        "its users cannot be told from those of another retired one",
    ),
    (
        |c| c.reassigns && c.any_license(|_, l| l.group.is_some()),
        Act::Ask,
        "a license is inherited from a group",
    ),
    (|c| c.lacks_usage_location(), Act::Ask, "a user has no usage location"),
    (|c| c.has_unmapped_exclusion(), Act::Ask, "an excluded service plan has no counterpart in the new plan"),
    (|c| c.exceeds_the_target(), Act::Ask, "more users than the replacement has seats to sell"),
];

/// Everything the rules look at.
struct Case<'a> {
    world: &'a World,
    catalogue: &'a Catalogue,
    customer: &'a Customer,
    old: &'a Subscription,
    sku: Uuid,
    /// None = a near miss.
    family: Option<Family>,
    target: Option<Target>,
    /// The target has another SKU: users must be moved.
    reassigns: bool,
    holders: Vec<(&'a super::User, &'a License)>,
}

impl<'a> Case<'a> {
    fn of(
        world: &'a World,
        catalogue: &'a Catalogue,
        customer: &'a Customer,
        old: &'a Subscription,
    ) -> Option<Self> {
        let offer = catalogue.offers.get(&old.offer)?;
        let family = match recognise(offer, old)? {
            Recognised::Retired(family) => Some(family),
            Recognised::NearMiss => None,
        };
        let sku = offer.sku;
        let target =
            family.and_then(|family| replacement::target(world, catalogue, customer, offer, old, family));
        let holders = customer
            .users
            .iter()
            .filter(|user| !user.deleted)
            .flat_map(|user| user.licenses.iter().filter(|l| l.sku == sku).map(move |l| (user, l)))
            .collect();
        let reassigns = target.is_none_or(|target| target.sku != sku);
        Some(Self { world, catalogue, customer, old, sku, family, target, reassigns, holders })
    }

    /// Two days by the calendar; an end date is the last day of service.
    fn ends_within_two_days(&self) -> bool {
        let last = self.old.commitment_end.to_zoned(TimeZone::UTC).date();
        let today = self.world.start.to_zoned(TimeZone::UTC).date();
        last.since(today).is_ok_and(|left| left.get_days() <= 2)
    }

    fn target_is_sold(&self) -> bool {
        self.target.is_some_and(|target| target.sold)
    }

    fn lacks_agreement(&self) -> bool {
        let partner = &self.world.partner;
        let reseller = self.old.reseller_mpn.as_ref();
        let reseller_lacks_it = reseller.is_some_and(|mpn| partner.resellers_without_agreement.contains(mpn));
        !self.customer.agreement || !partner.agreement_accepted || reseller_lacks_it
    }

    /// Whatever is bought for this customer, somebody has to be called first.
    fn cannot_buy(&self) -> bool {
        let (partner, limits) = (&self.world.partner, &self.customer.purchasing);
        let standing = self.customer.subscriptions.iter().filter(|s| s.status != "deleted").count();
        let too_many = |cap: Option<u32>| cap.is_some_and(|cap| standing >= cap as usize);
        let too_big = |cap: Option<u32>| cap.is_some_and(|cap| self.holders.len() > cap as usize);
        limits.hold.is_some()
            || !(partner.countries.is_empty() || partner.countries.contains(&self.customer.country))
            || too_many(limits.max_subscriptions)
            || too_big(limits.max_seats)
            || (partner.sandbox && (too_many(Some(SANDBOX_SUBSCRIPTIONS)) || too_big(Some(SANDBOX_SEATS))))
    }

    /// Reading the pool needs rights always, changing licenses only where somebody is reassigned.
    fn lacks_rights(&self) -> bool {
        match self.customer.rights.as_str() {
            "full" => false,
            "read" => self.reassigns && !self.holders.is_empty(),
            _ => true,
        }
    }

    fn has_active_add_ons(&self) -> bool {
        self.customer.subscriptions.iter().any(|s| s.parent == Some(self.old.id) && s.status == "active")
    }

    /// The other active subscriptions of the customer that give this SKU.
    /// Their offers are none where they are of new commerce.
    fn pool_mates(&self) -> impl Iterator<Item = (Option<&'a Offer>, &'a Subscription)> {
        self.customer
            .subscriptions
            .iter()
            .filter(|s| s.id != self.old.id && s.status == "active")
            .filter(|s| self.catalogue.sku_of(s.offer) == Some(self.sku))
            .map(|s| (self.catalogue.offers.get(&s.offer), s))
    }

    fn has_trial_in_pool(&self) -> bool {
        let item_is_trial =
            |s: &Subscription| self.catalogue.items.get(&s.offer).is_some_and(|i| i.sku.trial);
        self.pool_mates().any(|(offer, s)| offer.map_or_else(|| item_is_trial(s), |offer| offer.trial))
    }

    fn shares(&self, retired: bool) -> bool {
        let is_retired = |offer, s| matches!(recognise(offer, s), Some(Recognised::Retired(_)));
        self.pool_mates().any(|(offer, s)| offer.is_some_and(|offer| is_retired(offer, s)) == retired)
    }

    fn any_license(&self, is: impl Fn(&super::User, &License) -> bool) -> bool {
        self.holders.iter().any(|(user, license)| is(user, license))
    }

    fn lacks_usage_location(&self) -> bool {
        self.reassigns && self.any_license(|user, _| user.usage_location.as_deref().is_none_or(str::is_empty))
    }

    fn has_unmapped_exclusion(&self) -> bool {
        let Some(target) = self.target else { return false };
        self.reassigns
            && self.any_license(|_, license| {
                license
                    .disabled
                    .iter()
                    .any(|plan| !has_counterpart(self.catalogue, self.sku, *plan, target.sku))
            })
    }

    fn exceeds_the_target(&self) -> bool {
        self.target.is_some_and(|target| self.holders.len() > target.maximum_quantity as usize)
    }
}

/// By the name that the API shows. A retired offer under a name that is none of the 24 is a near miss too: nobody
/// outside Microsoft knows the ids.
fn recognise(offer: &Offer, subscription: &Subscription) -> Option<Recognised> {
    let shown = subscription.offer_name.as_deref().unwrap_or(&offer.name);
    name::recognise(shown).or(offer.retired.then_some(Recognised::NearMiss))
}

/// Plans that mean the same under another name in Sales Professional.
const COUNTERPARTS: [(&str, &str); 2] =
    [("POWERAPPS_DYN_APPS", "POWERAPPS_SALES_PRO"), ("FLOW_DYN_APPS", "FLOW_SALES_PRO")];
/// Plans that the new product simply does not have: who had it off gains nothing.
const WITHOUT_SUCCESSOR: [&str; 1] = ["NBENTERPRISE"];

fn has_counterpart(catalogue: &Catalogue, from: Uuid, plan: Uuid, to: Uuid) -> bool {
    if catalogue.user_plans(to).contains(&plan) {
        return true;
    }
    let named = |name: &str| catalogue.plan(from, name) == Some(plan);
    WITHOUT_SUCCESSOR.iter().any(|name| named(name))
        || COUNTERPARTS.iter().any(|(old, new)| named(old) && catalogue.plan(to, new).is_some())
}

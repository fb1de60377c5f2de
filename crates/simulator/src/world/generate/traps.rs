//! The traps: each turns an ordinary retired subscription into one on which a naive migration comes to grief.

use uuid::{Uuid, uuid};

use super::Plan;
use super::tenant::Tenant;
use crate::world::catalogue::{Catalogue, SALES_ENTERPRISE};
use crate::world::name::Family;
use crate::world::trap::Trap;

/// "Dynamics 365 for Sales Enterprise CRMOL Professional (Qualified Offer)": not retired, same SKU as the Sales family.
const SALES_STAYING: Uuid = uuid!("bb9c9324-55d1-42e4-9014-45801c1fbe46");
/// "Dynamics 365 Customer Engagement Plan CRMOL Professional (Qualified Offer)": the same for the Plan family.
const PLAN_STAYING: Uuid = uuid!("696a7e6b-4017-49b9-89d6-028e9d1aeb26");
const PLAN_TRIAL: Uuid = uuid!("f7d11014-c85b-485c-96f8-ae7280bafbd9");
const STORAGE: Uuid = uuid!("fbf0328a-8b0f-47a6-9483-dc2b36183fce");
const PORTAL: Uuid = uuid!("67b82638-fdf8-456b-8d36-32737a3b2a9b");

/// Gives the tenant what the card says, and marks it.
pub(super) fn lay(tenant: &mut Tenant, plan: &mut Plan, trap: Trap, variant: u8) {
    let users = plan.retired_sizes.next();
    match trap {
        Trap::SharedPoolRetired => shared_retired(tenant, users, plan.retired_sizes.next()),
        Trap::SharedPoolStaying => shared_staying(tenant, variant, users, plan.retired_sizes.next()),
        Trap::SameSku => drop(tenant.retired(Family::Plan, users)),
        Trap::GroupAssigned => on_some_users(tenant, trap, users, group_assigned),
        Trap::MissingUsageLocation => on_some_users(tenant, trap, users, missing_location),
        Trap::ExcludedPlans => excluded_plans(tenant, variant, users),
        Trap::AddOns => add_ons(tenant, variant, users),
        Trap::TrialInPool => trial_in_pool(tenant, users),
        Trap::MissingAgreement => {
            let subscription = either(tenant, users);
            tenant.customer.agreement = false;
            tenant.mark(subscription, trap);
        }
        Trap::MissingRights => missing_rights(tenant, variant, users),
        Trap::SuspendedAlready => ended(tenant, trap, "suspended", None, users),
        Trap::ExpiredAlready => ended(tenant, trap, "expired", Some(-20), users),
        Trap::EndingTomorrow => ended(tenant, trap, "active", Some(1), users),
        Trap::NoTargetInSegment => no_target(tenant, variant, users),
        Trap::QuantityFarFromUse => quantity_far_from_use(tenant, variant, users),
        Trap::NearMissName => near_miss(tenant, variant, users),
        Trap::AutoRenewOn => {
            let subscription = tenant.retired(Family::Sales, users);
            tenant.customer.subscriptions[subscription].auto_renew = true;
            tenant.mark(subscription, trap);
        }
    }
}

/// A retired subscription of one family or the other.
fn either(tenant: &mut Tenant, users: u32) -> usize {
    let family = if tenant.draw.percent(70) { Family::Sales } else { Family::Plan };
    tenant.retired(family, users)
}

fn shared_retired(tenant: &mut Tenant, users: u32, more: u32) {
    for users in [users, more] {
        let subscription = tenant.retired(Family::Sales, users);
        tenant.mark(subscription, Trap::SharedPoolRetired);
    }
}

/// Variant 0: users would have to be told apart. Variant 1: nobody is reassigned, the pool decides.
fn shared_staying(tenant: &mut Tenant, variant: u8, users: u32, more: u32) {
    let (family, staying) =
        if variant == 0 { (Family::Sales, SALES_STAYING) } else { (Family::Plan, PLAN_STAYING) };
    let subscription = tenant.retired(family, users);
    tenant.mark(subscription, Trap::SharedPoolStaying);
    let offer = &Catalogue::shipped().offers[&staying];
    tenant.subscribe(offer, more + 1);
    tenant.license(offer.sku, more);
}

fn on_some_users(tenant: &mut Tenant, trap: Trap, users: u32, change: fn(&mut Tenant, usize)) {
    let subscription = tenant.retired(Family::Sales, users);
    tenant.mark(subscription, trap);
    for user in some(tenant) {
        change(tenant, user);
    }
}

/// One holder of the Sales SKU in five, at least one.
fn some(tenant: &mut Tenant) -> Vec<usize> {
    let mut holders = tenant.holders(SALES_ENTERPRISE);
    tenant.draw.shuffle(&mut holders);
    holders.truncate((holders.len() / 5).max(1));
    holders
}

fn group_assigned(tenant: &mut Tenant, user: usize) {
    let group = tenant.draw.id();
    if let Some(license) = tenant.license_of(user, SALES_ENTERPRISE) {
        license.group = Some(group);
    }
}

fn missing_location(tenant: &mut Tenant, user: usize) {
    tenant.customer.users[user].usage_location = None;
}

/// Variant 0: every plan that is off has a counterpart in the new product, or nothing to gain. Variant 1: one user has
/// the product itself off, and nobody can say what that should become.
fn excluded_plans(tenant: &mut Tenant, variant: u8, users: u32) {
    const MAPPED: [&str; 6] = [
        "FLOW_DYN_APPS",
        "POWERAPPS_DYN_APPS",
        "PROJECT_ESSENTIALS",
        "SHAREPOINTENTERPRISE",
        "SHAREPOINTWAC",
        "NBENTERPRISE",
    ];
    let subscription = tenant.retired(Family::Sales, users);
    tenant.mark(subscription, Trap::ExcludedPlans);
    let holders = tenant.holders(SALES_ENTERPRISE);
    for (number, user) in holders.into_iter().enumerate() {
        if number > 0 && tenant.draw.percent(50) {
            continue;
        }
        let mut names = MAPPED.to_vec();
        tenant.draw.shuffle(&mut names);
        names.truncate(tenant.draw.between(1, 3) as usize);
        if variant == 1 && number == 0 {
            names.push("DYN365_ENTERPRISE_SALES");
        }
        let mut off: Vec<Uuid> =
            names.iter().filter_map(|name| Catalogue::shipped().plan(SALES_ENTERPRISE, name)).collect();
        off.sort_unstable();
        if let Some(license) = tenant.license_of(user, SALES_ENTERPRISE) {
            license.disabled = off;
        }
    }
}

fn add_ons(tenant: &mut Tenant, variant: u8, users: u32) {
    let base = either(tenant, users);
    tenant.mark(base, Trap::AddOns);
    let offers: &[Uuid] = if variant == 0 { &[STORAGE] } else { &[STORAGE, PORTAL] };
    for offer in offers {
        let quantity = tenant.draw.between(1, 20);
        let add_on = tenant.subscribe(&Catalogue::shipped().offers[offer], quantity);
        let parent = tenant.customer.subscriptions[base].id;
        let end = tenant.customer.subscriptions[base].commitment_end;
        let add_on = &mut tenant.customer.subscriptions[add_on];
        add_on.parent = Some(parent);
        add_on.commitment_end = end;
    }
}

/// Only the Customer Engagement Plan has a trial of its SKU.
fn trial_in_pool(tenant: &mut Tenant, users: u32) {
    let subscription = tenant.retired(Family::Plan, users);
    tenant.mark(subscription, Trap::TrialInPool);
    let trial = tenant.subscribe(&Catalogue::shipped().offers[&PLAN_TRIAL], 25);
    let end = tenant.day(45);
    let trial = &mut tenant.customer.subscriptions[trial];
    trial.auto_renew = false;
    trial.commitment_end = end;
    trial.created = None;
}

/// Variant 0: users and licenses cannot be seen. Variant 1: the licenses cannot be changed, or nothing at all can be
/// read because the reseller relation has ended.
fn missing_rights(tenant: &mut Tenant, variant: u8, users: u32) {
    let subscription = tenant.retired(Family::Sales, users);
    tenant.mark(subscription, Trap::MissingRights);
    if variant == 0 {
        "none".clone_into(&mut tenant.customer.rights);
    } else if tenant.draw.percent(50) {
        "read".clone_into(&mut tenant.customer.rights);
    } else {
        "none".clone_into(&mut tenant.customer.relationship);
    }
}

/// A subscription that is over, or nearly: with this status, and its end this many days from the start.
fn ended(tenant: &mut Tenant, trap: Trap, status: &str, days: Option<i64>, users: u32) {
    let subscription = either(tenant, users);
    tenant.mark(subscription, trap);
    let end = days.map(|days| tenant.day(days));
    let subscription = &mut tenant.customer.subscriptions[subscription];
    status.clone_into(&mut subscription.status);
    if let Some(end) = end {
        subscription.commitment_end = end;
        subscription.created = end.checked_sub(jiff::SignedDuration::from_hours(24 * 365)).ok();
    }
}

fn no_target(tenant: &mut Tenant, variant: u8, users: u32) {
    let segment = match variant {
        0 => "faculty",
        1 => "students",
        _ => "government",
    };
    let family = if tenant.draw.percent(50) { Family::Sales } else { Family::Plan };
    let offer = tenant.retired_offer(family, segment);
    let subscription = tenant.retired_of(offer, users);
    tenant.mark(subscription, Trap::NoTargetInSegment);
}

/// Variant 0: hundreds of seats for a few users. Variant 1: fewer seats than users, as after a careless reduction.
fn quantity_far_from_use(tenant: &mut Tenant, variant: u8, users: u32) {
    let users = users.max(4);
    let subscription = tenant.retired(Family::Sales, users);
    tenant.mark(subscription, Trap::QuantityFarFromUse);
    let quantity = if variant == 0 { users * 6 + 50 } else { users - users / 4 };
    tenant.customer.subscriptions[subscription].quantity = quantity;
}

fn near_miss(tenant: &mut Tenant, variant: u8, users: u32) {
    let near: Vec<_> = Catalogue::shipped()
        .offers
        .values()
        .filter(|offer| offer.id.to_string().starts_with("5ea75a1f-2500"))
        .collect();
    // Half of the known near misses for each variant.
    let half = near.len() / 2;
    let offer = *tenant.draw.pick(if variant == 0 { &near[..half] } else { &near[half..] });
    let subscription = tenant.subscribe(offer, users + 1);
    tenant.customer.subscriptions[subscription].auto_renew = false;
    tenant.license(offer.sku, users);
    tenant.mark(subscription, Trap::NearMissName);
}

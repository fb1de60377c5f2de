//! What surrounds the job: subscriptions and users that have nothing to do with it, and must come out untouched.
//!
//! Each customer gets at least as many unrelated users as it has users of the job, and at least as many unrelated
//! subscriptions, so that "at least half" holds for every world, small or large.

use super::Plan;
use super::tenant::Tenant;
use crate::world::License;
use crate::world::catalogue::Catalogue;

/// What the whole company works with: name, and how many customers in a hundred have it.
const MAIN: [&str; 4] =
    ["Office 365 Enterprise E3", "Office 365 Enterprise E1", "Office 365 Enterprise E5", "Microsoft 365 E3"];
/// What some of the people have besides. Two are qualified offers with "CRM Basic" in their names that were never retired.
const FURTHER: [&str; 12] = [
    "Dynamics 365 Team Members",
    "Dynamics 365 for Customer Service Enterprise",
    "Dynamics 365 for Customer Service Enterprise Add-On for CRM Basic (Qualified Offer)",
    "Dynamics 365 for Sales Professional Add-On for CRM Basic (Qualified Offer)",
    "Dynamics 365 for Field Service",
    "Power BI Pro",
    "Visio Online Plan 1",
    "Project Online Essentials",
    "Project Online Professional",
    "Windows 10 Enterprise E3",
    "Azure Active Directory Premium P1",
    "Office 365 Cloud App Security",
];

pub(super) fn surround(tenant: &mut Tenant, plan: &mut Plan) {
    let of_the_job = tenant.customer.subscriptions.len();
    let related = tenant.customer.users.len();
    let own = (plan.other_sizes.next() as usize).max(related);
    for _ in 0..own {
        tenant.user();
    }
    main_subscription(tenant, related);
    let extra = tenant.draw.between(0, 2) as usize;
    for _ in 1..of_the_job.max(1) + extra {
        further_subscription(tenant, plan.other_sizes.next(), related);
    }
    departed(tenant);
}

/// Everybody who is not of the job has it, and most of the others.
fn main_subscription(tenant: &mut Tenant, related: usize) {
    let name = *tenant.draw.pick(&MAIN);
    let Some(offer) = named(name) else { return };
    let mut holders = 0;
    // A group hands out what everybody has; that concerns the job only where it is the job's SKU.
    let by_group = tenant.draw.id();
    for user in 0..tenant.customer.users.len() {
        if user >= related || tenant.draw.percent(60) {
            let group = tenant.draw.percent(10).then_some(by_group);
            tenant.customer.users[user].licenses.push(License {
                sku: offer.sku,
                disabled: Vec::new(),
                group,
            });
            holders += 1;
        }
    }
    let spare = tenant.draw.between(0, holders / 10 + 2);
    tenant.subscribe(offer, holders + spare);
}

/// Some people of the unrelated part hold it. One in twelve of these subscriptions is over, and nobody holds it.
fn further_subscription(tenant: &mut Tenant, size: u32, related: usize) {
    let name = *tenant.draw.pick(&FURTHER);
    let Some(offer) = named(name) else { return };
    let over = tenant.draw.percent(8);
    let mut candidates: Vec<usize> = (related..tenant.customer.users.len())
        .filter(|user| !over && tenant.customer.users[*user].licenses.iter().all(|l| l.sku != offer.sku))
        .collect();
    tenant.draw.shuffle(&mut candidates);
    candidates.truncate(size as usize);
    let seats = size.max(1) + tenant.draw.between(0, 2);
    for user in candidates {
        tenant.customer.users[user].licenses.push(License {
            sku: offer.sku,
            disabled: Vec::new(),
            group: None,
        });
    }
    let place = tenant.subscribe(offer, seats);
    if over {
        let status = *tenant.draw.pick(&["suspended", "expired"]);
        let end = tenant.day(-15);
        let subscription = &mut tenant.customer.subscriptions[place];
        status.clone_into(&mut subscription.status);
        subscription.auto_renew = false;
        if status == "expired" {
            subscription.commitment_end = end;
            subscription.created = None;
        }
    }
}

/// People without usage location or already deleted, who hold nothing of the job.
fn departed(tenant: &mut Tenant) {
    for _ in 0..tenant.draw.between(0, 2) {
        let user = tenant.user();
        tenant.customer.users[user].deleted = tenant.draw.percent(60);
        tenant.customer.users[user].usage_location = None;
    }
}

fn named(name: &str) -> Option<&'static crate::world::Offer> {
    Catalogue::shipped().offers.values().find(|offer| offer.name == name)
}

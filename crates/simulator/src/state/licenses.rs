//! Assigning and removing licenses.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::command::{Half, LicenseUpdate};
use super::{Customer, Held, Problem, Scene, User, pool};
use crate::api::reply::Reply;
use crate::api::wire;
use crate::books::Change;

/// Assigns and removes in one call. Every rule is checked before anything is changed.
pub(crate) fn update(
    scene: &Scene<'_>,
    customer: &mut Customer,
    wanted: &LicenseUpdate,
) -> Result<Reply, Problem> {
    check(scene, customer, wanted)?;
    if wanted.half != Half::RemoveOnly {
        for (sku, disabled) in &wanted.assign {
            assign(scene, customer, wanted.user, *sku, disabled);
        }
    }
    if wanted.half != Half::AssignOnly {
        for sku in &wanted.remove {
            remove(scene, customer, wanted.user, *sku);
        }
    }
    Ok(Reply::json(201, &wire::license_update(wanted)))
}

/// Whether every rule lets the change through.
pub(crate) fn check(scene: &Scene<'_>, customer: &Customer, wanted: &LicenseUpdate) -> Result<(), Problem> {
    let readings = &scene.shared.world.readings;
    let user = live_user(customer, wanted.user)?;
    if wanted.assign.is_empty() && wanted.remove.is_empty() {
        return Err(Problem::new(400, 800_002, "There is neither a license to assign nor one to remove."));
    }
    for sku in &wanted.remove {
        check_removal(readings, user, *sku)?;
    }
    if !wanted.assign.is_empty() && user.usage_location.as_ref().is_none_or(String::is_empty) {
        let text = "License assignment cannot be done for user with invalid usage location.";
        return Err(Problem::of_directory(text));
    }
    for (sku, disabled) in &wanted.assign {
        check_plans(scene, *sku, disabled)?;
        check_pool(customer, user, *sku, wanted.remove.contains(sku))?;
    }
    Ok(())
}

/// A user who is there and not deleted.
pub(crate) fn live_user(customer: &Customer, id: Uuid) -> Result<&User, Problem> {
    customer
        .users
        .get(&id)
        .filter(|user| !user.deleted)
        .ok_or_else(|| Problem::new(404, 60_002, format!("The user {id} was not found.")))
}

fn check_removal(readings: &crate::world::Readings, user: &User, sku: Uuid) -> Result<(), Problem> {
    match user.licenses.get(&sku) {
        None if readings.removing_missing_sku_refused => {
            Err(Problem::of_directory("User does not have a corresponding license."))
        }
        Some(held) if held.direct.is_none() && readings.group_removal_refused => Err(Problem::of_directory(
            "User license is inherited from a group membership and it cannot be removed directly from the user.",
        )),
        _ => Ok(()),
    }
}

fn check_plans(scene: &Scene<'_>, sku: Uuid, disabled: &BTreeSet<Uuid>) -> Result<(), Problem> {
    if !scene.shared.world.readings.unknown_excluded_plan_refused {
        return Ok(());
    }
    let Some(known) = scene.shared.catalog.skus.get(&sku) else { return Ok(()) };
    let excludable = |plan: &Uuid| known.service_plans.iter().any(|own| own.id == *plan && !own.tenant);
    match disabled.iter().find(|plan| !excludable(plan)) {
        Some(plan) => Err(Problem::of_directory(format!(
            "The service plan {plan} is not part of license {sku} and cannot be disabled."
        ))),
        None => Ok(()),
    }
}

fn check_pool(customer: &Customer, user: &User, sku: Uuid, freed: bool) -> Result<(), Problem> {
    let Some(pool) = pool::pool(customer, sku) else {
        let text = format!("License {sku} does not correspond to a valid company License.");
        return Err(Problem::of_directory(text));
    };
    if freed || user.licenses.contains_key(&sku) || pool.available() > 0 {
        return Ok(());
    }
    let data = format!(
        "LicenseQuotaExceededException : Subscription with Account {} and SKU {sku} does not have any available \
         licenses left.",
        customer.id
    );
    let text =
        "We&#39;re sorry, it looks like you've run out of licenses. Buy more licenses, and then try again.";
    Err(Problem::new(400, 60_012, text).with_data(data))
}

/// Assigns directly. A SKU that is held already keeps its unit; its set of switched-off plans is replaced.
pub(crate) fn assign(
    scene: &Scene<'_>,
    customer: &mut Customer,
    user: Uuid,
    sku: Uuid,
    disabled: &BTreeSet<Uuid>,
) {
    let excludable = plans_of(scene, sku);
    let Some(held_by) = customer.users.get_mut(&user) else { return };
    let new = !held_by.licenses.contains_key(&sku);
    let held = held_by.licenses.entry(sku).or_default();
    // Plans that are not the SKU's own are ignored in worlds that do not refuse them.
    held.direct = Some(disabled.intersection(&excludable).copied().collect());
    if new {
        *customer.consumed.entry(sku).or_default() += 1;
    }
    log_set(scene, customer.id, user, sku, &customer.users[&user].licenses[&sku]);
}

fn plans_of(scene: &Scene<'_>, sku: Uuid) -> BTreeSet<Uuid> {
    let plans =
        scene.shared.catalog.skus.get(&sku).map(|sku| sku.service_plans.as_slice()).unwrap_or_default();
    plans.iter().filter(|plan| !plan.tenant).map(|plan| plan.id).collect()
}

/// Removes the direct assignment; what a group gives stays, unless the reading lets it be removed like any other.
pub(crate) fn remove(scene: &Scene<'_>, customer: &mut Customer, user: Uuid, sku: Uuid) {
    let Some(held_by) = customer.users.get_mut(&user) else { return };
    let Some(held) = held_by.licenses.get_mut(&sku) else { return };
    if held.direct.take().is_some() && held.group.is_some() {
        log_set(scene, customer.id, user, sku, &customer.users[&user].licenses[&sku]);
        return;
    }
    held_by.licenses.remove(&sku);
    if let Some(holders) = customer.consumed.get_mut(&sku) {
        *holders = holders.saturating_sub(1);
    }
    scene.log(Change::LicenseRemoved { customer: customer.id, user, sku });
}

fn log_set(scene: &Scene<'_>, customer: Uuid, user: Uuid, sku: Uuid, held: &Held) {
    scene.log(Change::LicenseSet {
        customer,
        user,
        sku,
        disabled: held.disabled().into_iter().collect(),
        group: held.group.as_ref().map(|(group, _)| *group),
    });
}

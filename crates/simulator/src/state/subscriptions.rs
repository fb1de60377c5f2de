//! How a subscription may change, and what follows from it.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::command::Patch;
use super::{Customer, Event, Problem, Scene, Status, ids, modern, purchases};
use crate::api::reply::Reply;
use crate::api::wire;
use crate::books::Change;
use crate::world;

/// A PATCH: the full resource, of which status, quantity, renewal and nickname may differ from what stands.
pub(crate) fn change(scene: &Scene<'_>, customer: &mut Customer, patch: &Patch) -> Result<Reply, Problem> {
    check(scene, customer, patch)?;
    let id = patch.subscription;
    let standing = Standing::of(customer, id);
    let target = patch.status.unwrap_or(standing.status);
    if let Some(subscription) = customer.subscriptions.get_mut(&id) {
        subscription.quantity = u32::try_from(patch.quantity).unwrap_or(u32::MAX);
        if let Some(modern) = &mut subscription.modern {
            modern.seats_changed(scene.shared, (standing.quantity, subscription.quantity), scene.at);
        }
        subscription.auto_renew = patch.auto_renew.unwrap_or(subscription.auto_renew);
        if patch.nickname.is_some() && patch.nickname.as_deref() != Some(subscription.shown_name()) {
            subscription.nickname.clone_from(&patch.nickname);
        }
        subscription.version += 1;
    }
    set_status(scene, customer, id, target, &standing, false);
    follow_base(scene, customer, id, standing.status, target);
    match customer.subscriptions.get(&id) {
        Some(subscription) => Ok(Reply::json(200, &wire::subscription(scene.shared, customer, subscription))),
        None => Err(unknown(id)),
    }
}

/// What stood before a change, for the books.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    status: Status,
    quantity: u32,
    auto_renew: bool,
    nickname: Option<String>,
}

impl Standing {
    pub(crate) fn of(customer: &Customer, id: Uuid) -> Self {
        match customer.subscriptions.get(&id) {
            Some(now) => Self {
                status: now.status,
                quantity: now.quantity,
                auto_renew: now.auto_renew,
                nickname: now.nickname.clone(),
            },
            None => Self { status: Status::Deleted, quantity: 0, auto_renew: false, nickname: None },
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }
}

fn unknown(id: Uuid) -> Problem {
    Problem::new(404, 20_003, format!("Subscription {id} was not found."))
}

/// Whether every rule lets the change through.
pub(crate) fn check(scene: &Scene<'_>, customer: &Customer, patch: &Patch) -> Result<(), Problem> {
    let readings = &scene.shared.world.readings;
    let now = customer.subscriptions.get(&patch.subscription).ok_or_else(|| unknown(patch.subscription))?;
    let etag = now.etag();
    let stale = patch.etags.iter().any(|sent| *sent != etag);
    let needs_etag =
        !readings.patch_without_etag && now.shown_etag(scene.shared).is_some_and(|e| !e.is_empty());
    if stale || (patch.etags.is_empty() && needs_etag) {
        let status = if readings.stale_etag_is_412 { 412 } else { 400 };
        return Err(Problem::new(status, 2055, "The ETag is no longer valid."));
    }
    if now.status == Status::Deleted {
        return Err(Problem::new(400, 2011, "A deleted subscription cannot be updated."));
    }
    if world::offer_id(&patch.offer) != Some(now.offer) {
        return Err(Problem::new(400, 3000, "The property OfferId is invalid."));
    }
    if patch.billing_cycle.as_ref().is_some_and(|cycle| !cycle.eq_ignore_ascii_case(&now.billing_cycle)) {
        return Err(Problem::new(400, 2054, "Use the order to change the billing cycle."));
    }
    let target = patch.status.unwrap_or(now.status);
    check_status(scene, customer, now, target)?;
    check_quantity(scene, customer, now, patch.quantity)?;
    // Only an active subscription can be changed otherwise than by bringing it back.
    if now.status != Status::Active && target == now.status {
        return Err(match now.status {
            Status::Suspended if patch.status == Some(Status::Suspended) && unchanged(now, patch) => {
                no_way(now.status, target)
            }
            Status::Suspended => Problem::new(400, 800_091, "A suspended subscription cannot be updated."),
            _ => Problem::new(400, 800_012, "The subscription is not active."),
        });
    }
    Ok(())
}

fn unchanged(now: &super::Subscription, patch: &Patch) -> bool {
    patch.auto_renew.is_none_or(|renew| renew == now.auto_renew)
        && patch.nickname.as_deref().is_none_or(|name| name == now.shown_name())
}

fn no_way(from: Status, to: Status) -> Problem {
    let text = format!("The subscription status cannot be changed to {} from {}.", to.name(), from.name());
    Problem::new(400, 800_040, text)
}

fn check_status(
    scene: &Scene<'_>,
    customer: &Customer,
    now: &super::Subscription,
    target: Status,
) -> Result<(), Problem> {
    match (now.status, target) {
        (from, to) if from == to => Ok(()),
        (Status::Active | Status::Suspended, Status::Deleted) if let Some(of) = &now.modern => {
            modern::check_cancellation(scene, of)
        }
        (Status::Active, Status::Suspended) => Ok(()),
        (Status::Suspended, Status::Active) => {
            let base = now.parent.and_then(|parent| customer.subscriptions.get(&parent));
            if base.is_some_and(|base| base.status != Status::Active) {
                return Err(Problem::new(
                    409,
                    27_009,
                    "A child cannot be enabled while its parent is not active.",
                ));
            }
            Ok(())
        }
        (from, to) => Err(no_way(from, to)),
    }
}

fn check_quantity(
    scene: &Scene<'_>,
    customer: &Customer,
    now: &super::Subscription,
    quantity: u64,
) -> Result<(), Problem> {
    if quantity == u64::from(now.quantity) {
        return Ok(());
    }
    if now.status == Status::Suspended {
        return Err(Problem::new(
            400,
            2001,
            "The quantity cannot be changed while the subscription is suspended.",
        ));
    }
    let catalog = &scene.shared.catalog;
    let offer = catalog.offers.get(&now.offer).map(|offer| (offer.minimum_quantity, offer.maximum_quantity));
    let item = || catalog.items.get(&now.offer).map(|i| (i.sku.minimum_quantity, i.sku.maximum_quantity));
    let (least, most) = offer.or_else(item).unwrap_or((1, u32::MAX));
    if !(u64::from(least)..=u64::from(most)).contains(&quantity) {
        return Err(Problem::new(400, 2002, "The quantity is outside the range that the offer allows."));
    }
    if quantity > u64::from(now.quantity) {
        purchases::check_seats(scene, customer, quantity)?;
    }
    now.modern.as_ref().map_or(Ok(()), |of| modern::check_reduction(scene, now, of, quantity))
}

/// Sets the status and writes the line of the books, with the units that follow from it. Writes nothing where nothing
/// differs from `before`.
pub(crate) fn set_status(
    scene: &Scene<'_>,
    customer: &mut Customer,
    id: Uuid,
    target: Status,
    before: &Standing,
    by_base: bool,
) {
    let customer_id = customer.id;
    let Some(now) = customer.subscriptions.get_mut(&id) else { return };
    if before.status != target {
        now.status = target;
        now.standing += 1;
    }
    let differs = before.status != target
        || before.quantity != now.quantity
        || before.auto_renew != now.auto_renew
        || before.nickname != now.nickname;
    if !differs {
        return;
    }
    let (quantity, standing) = (now.quantity, now.standing);
    scene.log(Change::SubscriptionChanged {
        customer: customer_id,
        subscription: id,
        status: (before.status.name().into(), target.name().into()),
        quantity: (before.quantity, quantity),
        auto_renew: (before.auto_renew, now.auto_renew),
        nickname: (before.nickname.clone(), now.nickname.clone()),
        by_base,
    });
    match (before.status, target) {
        // More or fewer seats of a subscription whose units are there already.
        (Status::Active, Status::Active) if now.active_units > 0 => set_units(scene, customer, id, quantity),
        (from, Status::Active) if from != Status::Active => {
            now.units_changed_at = scene.at;
            let at = after_seconds(scene.at, scene.shared.world.lags.seats);
            let end = end_of_day(now.commitment_end);
            customer.agenda.enter(at, Event::UnitsReady { subscription: id, standing });
            customer.agenda.enter(end, Event::CommitmentEnd { subscription: id });
        }
        (Status::Active, _) => set_units(scene, customer, id, 0),
        _ => {}
    }
    if target == Status::Suspended && before.status != Status::Suspended {
        schedule_deletion(scene, customer, id);
    }
}

/// Add-ons are suspended with their base; they come back with it only in worlds that read it so.
pub(crate) fn follow_base(scene: &Scene<'_>, customer: &mut Customer, base: Uuid, from: Status, to: Status) {
    let wanted = match (from, to) {
        (from, to) if from == to => return,
        (_, Status::Suspended) => Status::Active,
        (Status::Suspended, Status::Active) if scene.shared.world.readings.reactivation_restores_add_ons => {
            Status::Suspended
        }
        (_, Status::Expired | Status::Deleted) => Status::Active,
        _ => return,
    };
    let children: Vec<Uuid> = customer
        .subscriptions
        .values()
        .filter(|child| child.parent == Some(base) && child.status == wanted)
        .map(|child| child.id)
        .collect();
    for child in children {
        let before = Standing::of(customer, child);
        if let Some(child) = customer.subscriptions.get_mut(&child) {
            child.version += 1;
        }
        set_status(scene, customer, child, to, &before, true);
    }
}

/// Sets the units that a subscription gives to its pool, and writes the line of the books where they differ.
pub(crate) fn set_units(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, units: u32) {
    let customer_id = customer.id;
    let Some(now) = customer.subscriptions.get_mut(&id) else { return };
    if now.active_units == units {
        return;
    }
    let before = std::mem::replace(&mut now.active_units, units);
    now.units_changed_at = scene.at;
    scene.log(Change::UnitsChanged {
        customer: customer_id,
        subscription: id,
        sku: now.sku,
        active_units: (before, units),
    });
}

/// A suspended subscription is deleted on a day drawn for it, or with its term where it does not renew.
pub(crate) fn schedule_deletion(scene: &Scene<'_>, customer: &mut Customer, id: Uuid) {
    let Some(now) = customer.subscriptions.get(&id) else { return };
    if now.modern.is_some() {
        // Not what was suspended is deleted in new commerce: its term goes on, and is billed.
        customer.agenda.enter(end_of_day(now.commitment_end), Event::CommitmentEnd { subscription: id });
        return;
    }
    let (low, high) = scene.shared.world.lags.deletion_days;
    let days = ids::between(scene.shared.world.seed, "deletion", id, low, high);
    let drawn = after_seconds(scene.at, days.saturating_mul(86_400));
    let end = end_of_day(now.commitment_end);
    let at = if now.auto_renew || end <= scene.at { drawn } else { drawn.min(end) };
    let standing = now.standing;
    customer.agenda.enter(at, Event::Deletion { subscription: id, standing });
}

pub(crate) fn after_seconds(at: Timestamp, seconds: u32) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(at)
}

/// End dates are inclusive: a commitment is over when its last day is.
pub(crate) fn end_of_day(date: Timestamp) -> Timestamp {
    let day = date.as_second().div_euclid(86_400);
    Timestamp::from_second((day + 1) * 86_400).unwrap_or(date)
}

//! Microsoft's own clock: what happens at a customer without anybody asking for it now.
//!
//! Applied when the customer is next looked at, in the order of time and with the time at which it happened, so that no
//! background task is needed and a world of thousands of customers costs nothing while nobody looks.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::modern::last_day;
use super::subscriptions::{Standing, after_seconds, end_of_day, follow_base, set_status, set_units};
use super::{Customer, Due, Event, Scene, Shared, Status, Subscription, command, orders};
use crate::books::Actor;

/// Brings the customer up to `now`.
pub(crate) fn settle(shared: &Shared, customer: &mut Customer, now: Timestamp) {
    while let Some(Due { at, event }) = customer.agenda.take_due(now) {
        let scene = Scene { shared, at, actor: Actor::Clock, request_id: None };
        happen(&scene, customer, event);
    }
}

fn happen(scene: &Scene<'_>, customer: &mut Customer, event: Event) {
    match event {
        Event::Provisioned { order } => orders::provision(scene, customer, order),
        Event::UnitsReady { subscription, standing } => units_ready(scene, customer, subscription, standing),
        Event::CommitmentEnd { subscription } => commitment_end(scene, customer, subscription),
        Event::Deletion { subscription, standing } => deletion(scene, customer, subscription, standing),
        Event::Decay { subscription, standing } => decay(scene, customer, subscription, standing),
        Event::Late(late) => {
            command::execute_late(scene, customer, *late);
        }
    }
}

fn units_ready(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, standing: u32) {
    let Some(now) = customer.subscriptions.get(&id) else { return };
    if now.standing == standing && now.status == Status::Active && !now.provisioning_failed {
        let units = now.quantity;
        set_units(scene, customer, id, units);
    }
}

/// Renews the term, or lets the subscription expire. A suspended one is left to its deletion; of new commerce it expires.
fn commitment_end(scene: &Scene<'_>, customer: &mut Customer, id: Uuid) {
    let Some(now) = customer.subscriptions.get_mut(&id) else { return };
    let suspended = now.status == Status::Suspended && now.modern.is_some();
    if !(now.status == Status::Active || suspended) || end_of_day(now.commitment_end) > scene.at {
        return;
    }
    now.version += 1;
    if now.auto_renew && !suspended {
        renew(scene, now);
        let next = end_of_day(now.commitment_end);
        if next > scene.at {
            customer.agenda.enter(next, Event::CommitmentEnd { subscription: id });
        }
        return;
    }
    end(scene, customer, id, Status::Expired);
    enter_decay(scene, customer, id, EXPIRED_DAYS);
}

fn renew(scene: &Scene<'_>, now: &mut Subscription) {
    let Some(modern) = &mut now.modern else {
        let year = SignedDuration::from_hours(365 * 24);
        now.effective_start = now.commitment_end;
        now.commitment_end = now.commitment_end.saturating_add(year).unwrap_or(now.commitment_end);
        return;
    };
    now.effective_start = end_of_day(now.commitment_end);
    now.commitment_end = last_day(now.effective_start, &modern.term);
    modern.renewed(scene.shared, now.quantity, scene.at);
}

/// New commerce alone decays: expired for 30 days, disabled for 90, then deleted (contract, section 5.3).
const EXPIRED_DAYS: u32 = 30;
const DISABLED_DAYS: u32 = 90;

fn enter_decay(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, days: u32) {
    let Some(now) = customer.subscriptions.get(&id).filter(|now| now.modern.is_some()) else { return };
    let (at, standing) = (after_seconds(scene.at, days * 86_400), now.standing);
    customer.agenda.enter(at, Event::Decay { subscription: id, standing });
}

fn decay(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, standing: u32) {
    let Some(now) = customer.subscriptions.get_mut(&id).filter(|now| now.standing == standing) else {
        return;
    };
    now.version += 1;
    match now.status {
        Status::Expired => {
            end(scene, customer, id, Status::Disabled);
            enter_decay(scene, customer, id, DISABLED_DAYS);
        }
        Status::Disabled => end(scene, customer, id, Status::Deleted),
        Status::Active | Status::Pending | Status::Suspended | Status::Deleted => {}
    }
}

fn deletion(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, standing: u32) {
    let Some(now) = customer.subscriptions.get_mut(&id) else { return };
    if now.standing == standing && now.status == Status::Suspended {
        now.version += 1;
        end(scene, customer, id, Status::Deleted);
    }
}

fn end(scene: &Scene<'_>, customer: &mut Customer, id: Uuid, target: Status) {
    let before = Standing::of(customer, id);
    let from = before.status();
    set_status(scene, customer, id, target, &before, false);
    follow_base(scene, customer, id, from, target);
}

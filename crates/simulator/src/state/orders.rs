//! Buying: an order, and the subscription that comes of it after a while.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::command::NewOrder;
use super::customer::OrderLine;
use super::modern::{Modern, last_day};
use super::subscriptions::{after_seconds, end_of_day};
use super::{Customer, Event, Order, Problem, Scene, Status, Subscription, clockwork, purchases};
use crate::api::reply::Reply;
use crate::api::wire;
use crate::books::Change;

/// Places an order. Its lines have no subscription yet unless the world provisions without delay.
pub(crate) fn place(scene: &Scene<'_>, customer: &mut Customer, new: &NewOrder) -> Result<Reply, Problem> {
    let lines = check(scene, customer, new)?;
    let id = record(scene, customer, lines, &new.billing_cycle, new.provisioning_fails);
    match customer.order(id) {
        Some(order) => Ok(Reply::json(201, &wire::order(scene.shared, customer, order))),
        None => Err(Problem::new(500, 800_005, "The order could not be created.")),
    }
}

/// Writes an order down, and what becomes of it into the agenda. Everything has been checked.
pub(crate) fn record(
    scene: &Scene<'_>,
    customer: &mut Customer,
    lines: Vec<OrderLine>,
    billing_cycle: &str,
    provisioning_fails: bool,
) -> Uuid {
    let lags = &scene.shared.world.lags;
    let id = customer.next_id(scene.shared, "order");
    for line in &lines {
        let (offer, quantity) = (line.offer, line.quantity);
        scene.log(Change::OrderPlaced { customer: customer.id, order: id, offer, quantity });
    }
    let modern = lines.iter().any(|line| line.modern.is_some());
    customer.orders.push(Order {
        id,
        placed: scene.at,
        listed: after_seconds(scene.at, lags.order_visible),
        billing_cycle: billing_cycle.to_owned(),
        completed: false,
        provisioning_fails,
        version: 1,
        modern,
        lines,
    });
    let at_once = modern && scene.shared.world.readings.new_commerce.subscription_id_at_once;
    let lag = if at_once { 0 } else { lags.provisioning };
    customer.agenda.enter(after_seconds(scene.at, lag), Event::Provisioned { order: id });
    if lag == 0 {
        clockwork::settle(scene.shared, customer, scene.at);
    }
    id
}

/// The order's lines, if every rule lets it through.
pub(crate) fn check(
    scene: &Scene<'_>,
    customer: &Customer,
    new: &NewOrder,
) -> Result<Vec<OrderLine>, Problem> {
    purchases::check_parties(scene, customer)?;
    check_numbers(new)?;
    let lines = new.lines.iter().map(|line| purchases::check_line(scene, customer, line));
    let lines: Vec<OrderLine> = lines.collect::<Result<_, _>>()?;
    // A cart would make two orders of it.
    if lines.iter().any(|line| line.modern.is_some()) && lines.iter().any(|line| line.modern.is_none()) {
        return Err(Problem::new(400, 4018, "Legacy and new commerce cannot be bought in one order."));
    }
    purchases::check_room(scene, customer, lines.len())?;
    Ok(lines)
}

fn check_numbers(new: &NewOrder) -> Result<(), Problem> {
    if new.lines.is_empty() {
        return Err(Problem::new(400, 800_002, "The order has no line items."));
    }
    let mut numbers: Vec<Option<u64>> = new.lines.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    if numbers.iter().zip(0_u64..).any(|(number, expected)| *number != Some(expected)) {
        return Err(Problem::new(400, 800_071, "Line item numbers must run from 0 to the count less one."));
    }
    Ok(())
}

/// The subscriptions of an order come to be; their units become assignable a while later.
pub(crate) fn provision(scene: &Scene<'_>, customer: &mut Customer, order: Uuid) {
    let Some(index) = customer.orders.iter().position(|placed| placed.id == order) else { return };
    for line in 0..customer.orders[index].lines.len() {
        let id = customer.next_id(scene.shared, "subscription");
        let subscription = bought(scene, &customer.orders[index], line, id);
        customer.orders[index].lines[line].subscription = Some(id);
        scene.log(Change::SubscriptionAdded {
            customer: customer.id,
            subscription: id,
            order,
            offer: subscription.offer,
            sku: subscription.sku,
            quantity: subscription.quantity,
            status: subscription.status.name().into(),
            trial: subscription.trial,
            parent: subscription.parent,
            truth: None,
            traps: Vec::new(),
        });
        let end = end_of_day(subscription.commitment_end);
        let ready = after_seconds(scene.at, scene.shared.world.lags.seats);
        customer.subscriptions.insert(id, subscription);
        customer.agenda.enter(ready, Event::UnitsReady { subscription: id, standing: 0 });
        customer.agenda.enter(end, Event::CommitmentEnd { subscription: id });
    }
    let order = &mut customer.orders[index];
    order.completed = true;
    order.version += 1;
}

fn bought(scene: &Scene<'_>, order: &Order, line: usize, id: Uuid) -> Subscription {
    let line = &order.lines[line];
    let catalog = &scene.shared.catalog;
    let offer = catalog.offers.get(&line.offer);
    let item = catalog.items.get(&line.offer).map(|item| &item.sku);
    let name = offer.map(|offer| &offer.name).or(item.map(|sku| &sku.title));
    let trial = offer.is_some_and(|offer| offer.trial) || item.is_some_and(|sku| sku.trial);
    let start = start_of_day(order.placed);
    let modern =
        line.modern.as_ref().map(|named| Modern::bought(scene.shared, named, line.quantity, order.placed));
    Subscription {
        id,
        offer: line.offer,
        sku: catalog.sku_of(line.offer).unwrap_or_default(),
        offer_name: name.cloned().unwrap_or_default(),
        nickname: line.friendly_name.clone(),
        quantity: line.quantity,
        status: Status::Active,
        auto_renew: !trial,
        trial,
        created: order.placed,
        effective_start: start,
        commitment_end: modern.as_ref().map_or_else(|| a_year_after(start), |of| last_day(start, &of.term)),
        billing_cycle: order.billing_cycle.clone(),
        reseller_mpn: line.reseller_mpn.clone(),
        parent: line.parent,
        order: order.id,
        version: 1,
        active_units: 0,
        units_changed_at: scene.at,
        provisioning_failed: order.provisioning_fails,
        original: false,
        standing: 0,
        modern,
    }
}

fn start_of_day(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(86_400) * 86_400).unwrap_or(at)
}

/// The last day of a term that begins on this day.
fn a_year_after(start: Timestamp) -> Timestamp {
    start.saturating_add(SignedDuration::from_hours(364 * 24)).unwrap_or(start)
}

//! Buying: an order, and the subscription that comes of it after a while.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::catalog::{sold_in, sold_to};
use super::command::{NewLine, NewOrder};
use super::customer::OrderLine;
use super::subscriptions::{after_seconds, end_of_day};
use super::{Customer, Event, Order, Problem, Scene, Status, Subscription, clockwork};
use crate::api::reply::Reply;
use crate::api::wire;
use crate::books::Change;
use crate::world::Offer;

/// Places an order. Its lines have no subscription yet unless the world provisions without delay.
pub(crate) fn place(scene: &Scene<'_>, customer: &mut Customer, new: &NewOrder) -> Result<Reply, Problem> {
    let lines = check(scene, customer, new)?;
    let lags = &scene.shared.world.lags;
    let id = customer.next_id(scene.shared, "order");
    for line in &lines {
        let (offer, quantity) = (line.offer, line.quantity);
        scene.log(Change::OrderPlaced { customer: customer.id, order: id, offer, quantity });
    }
    customer.orders.push(Order {
        id,
        placed: scene.at,
        listed: after_seconds(scene.at, lags.order_visible),
        billing_cycle: new.billing_cycle.clone(),
        completed: false,
        provisioning_fails: new.provisioning_fails,
        version: 1,
        lines,
    });
    let at = after_seconds(scene.at, lags.provisioning);
    customer.agenda.enter(at, Event::Provisioned { order: id });
    if lags.provisioning == 0 {
        clockwork::settle(scene.shared, customer, scene.at);
    }
    match customer.order(id) {
        Some(order) => Ok(Reply::json(201, &wire::order(scene.shared, customer, order))),
        None => Err(Problem::new(500, 800_005, "The order could not be created.")),
    }
}

/// The order's lines, if every rule lets it through.
pub(crate) fn check(
    scene: &Scene<'_>,
    customer: &Customer,
    new: &NewOrder,
) -> Result<Vec<OrderLine>, Problem> {
    check_parties(scene, customer)?;
    check_numbers(new)?;
    new.lines.iter().map(|line| check_line(scene, customer, new, line)).collect()
}

fn check_parties(scene: &Scene<'_>, customer: &Customer) -> Result<(), Problem> {
    if !scene.shared.world.partner.agreement_accepted {
        return Err(Problem::new(403, 900_124, "The Microsoft Partner Agreement has not been accepted."));
    }
    if !customer.agreement {
        let text = "The customer has not confirmed the Microsoft Customer Agreement.";
        return Err(Problem::new(403, 13_605, text));
    }
    Ok(())
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

fn check_line(
    scene: &Scene<'_>,
    customer: &Customer,
    new: &NewOrder,
    line: &NewLine,
) -> Result<OrderLine, Problem> {
    let offers = &scene.shared.catalog.offers;
    let id = Uuid::parse_str(&line.offer).ok();
    let Some(offer) = id.and_then(|id| offers.get(&id)) else {
        return Err(Problem::new(400, 800_004, "The offer id is invalid."));
    };
    check_sale(customer, offer)?;
    check_reseller(scene, line)?;
    if !offer.billing_cycles.contains(&new.billing_cycle) {
        return Err(Problem::new(400, 6001, "The offer does not support the billing cycle."));
    }
    let range = u64::from(offer.minimum_quantity)..=u64::from(offer.maximum_quantity);
    let quantity = u32::try_from(line.quantity).ok().filter(|_| range.contains(&line.quantity));
    let Some(quantity) = quantity else {
        let number = line.number.unwrap_or_default();
        let text = format!("The quantity of line item {number} is outside the allowed range.");
        return Err(Problem::new(400, 900_275, text));
    };
    if offer.trial && customer.subscriptions.values().any(|held| held.offer == offer.id) {
        return Err(Problem::new(400, 27_006, "The use limit of the offer is exceeded."));
    }
    Ok(OrderLine {
        offer: offer.id,
        quantity,
        friendly_name: line.friendly_name.clone(),
        reseller_mpn: line.reseller_mpn.clone(),
        parent: line.parent,
        subscription: None,
    })
}

fn check_sale(customer: &Customer, offer: &Offer) -> Result<(), Problem> {
    if !offer.on_sale {
        return Err(Problem::new(403, 2091, "The offer is no longer available for purchase."));
    }
    if !sold_in(offer, &customer.country) {
        return Err(Problem::new(400, 800_070, "The offer is not available in the customer's country."));
    }
    if !sold_to(offer, &customer.segment) {
        return Err(match offer.segment.as_str() {
            "faculty" | "students" | "government" => {
                Problem::new(400, 800_086, "The customer tenant lacks the tags that the offer requires.")
            }
            _ => Problem::new(403, 2085, "The offer is not eligible for purchase by this customer."),
        });
    }
    if offer.add_on {
        // Add-ons are bought by a PATCH of the base's order, which is not part of this simulator yet.
        return Err(Problem::new(400, 800_029, "The add-on does not belong to a parent of this order."));
    }
    Ok(())
}

fn check_reseller(scene: &Scene<'_>, line: &NewLine) -> Result<(), Problem> {
    let Some(mpn) = &line.reseller_mpn else { return Ok(()) };
    let partner = &scene.shared.world.partner;
    if *mpn == partner.mpn_id {
        return Err(Problem::new(404, 2072, "The provider's own MPN id cannot be the partner on record."));
    }
    if !mpn.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::new(404, 800_015, "The MPN id was not found."));
    }
    if !partner.indirect_provider {
        return Err(Problem::new(400, 800_016, "The MPN id is not that of a valid indirect reseller."));
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
    let offer = scene.shared.catalog.offers.get(&line.offer);
    Subscription {
        id,
        offer: line.offer,
        sku: offer.map_or(Uuid::nil(), |offer| offer.sku),
        offer_name: offer.map(|offer| offer.name.clone()).unwrap_or_default(),
        nickname: line.friendly_name.clone(),
        quantity: line.quantity,
        status: Status::Active,
        auto_renew: offer.is_none_or(|offer| !offer.trial),
        trial: offer.is_some_and(|offer| offer.trial),
        created: order.placed,
        effective_start: start_of_day(order.placed),
        commitment_end: a_year_after(start_of_day(order.placed)),
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
    }
}

fn start_of_day(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(86_400) * 86_400).unwrap_or(at)
}

/// The last day of a term that begins on this day.
fn a_year_after(start: Timestamp) -> Timestamp {
    start.saturating_add(SignedDuration::from_hours(364 * 24)).unwrap_or(start)
}

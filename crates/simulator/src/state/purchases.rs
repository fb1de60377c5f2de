//! Who may buy what: the same rules for an order and for the line of a cart.

use uuid::Uuid;

use super::catalog::{sold_in, sold_to};
use super::command::NewLine;
use super::customer::OrderLine;
use super::items;
use super::modern::ModernLine;
use super::{Customer, Problem, Scene, Status};
use crate::world::{Item, Offer, SANDBOX_SEATS, SANDBOX_SUBSCRIPTIONS, Triple};

/// Whether anything can be bought for this customer at all: agreements, countries, holds.
pub(crate) fn check_parties(scene: &Scene<'_>, customer: &Customer) -> Result<(), Problem> {
    let partner = &scene.shared.world.partner;
    if !partner.agreement_accepted {
        return Err(Problem::new(403, 900_124, "The Microsoft Partner Agreement has not been accepted."));
    }
    if !partner.countries.is_empty() && !partner.countries.contains(&customer.country) {
        let text = format!("The partner is not onboarded to sell in the country {}.", customer.country);
        return Err(Problem::new(403, 2030, text));
    }
    if !customer.agreement {
        let text = "The customer has not confirmed the Microsoft Customer Agreement.";
        return Err(Problem::new(403, 13_605, text));
    }
    check_hold(customer)
}

fn check_hold(customer: &Customer) -> Result<(), Problem> {
    let (status, code, text) = match customer.purchasing.hold.as_deref() {
        None => return Ok(()),
        Some("credit") => (403, 800_022, "The purchase is refused because of the credit. Contact support."),
        Some("review") => (403, 800_073, "The customer account is under review."),
        Some("not_approved") => (403, 800_074, "The customer account is not approved."),
        Some("risk") => (403, 800_069, "The risk management check has failed."),
        Some(_) => (400, 900_121, "The customer is not eligible to purchase. Contact support."),
    };
    Err(Problem::new(status, code, text))
}

/// Whether so many more subscriptions fit.
pub(crate) fn check_room(scene: &Scene<'_>, customer: &Customer, more: usize) -> Result<(), Problem> {
    let standing = customer.subscriptions.values().filter(|one| one.status != Status::Deleted).count();
    let on_their_way = customer.orders.iter().flat_map(|order| &order.lines);
    let wanted = standing + on_their_way.filter(|line| line.subscription.is_none()).count() + more;
    let above = |cap: u32| wanted > cap as usize;
    if scene.shared.world.partner.sandbox && above(SANDBOX_SUBSCRIPTIONS) {
        return Err(sandbox());
    }
    if customer.purchasing.max_subscriptions.is_some_and(above) {
        let text = "The customer has as many subscriptions as are allowed.";
        return Err(Problem::new(403, 800_066, text));
    }
    Ok(())
}

/// Whether one subscription may have so many seats.
pub(crate) fn check_seats(scene: &Scene<'_>, customer: &Customer, quantity: u64) -> Result<(), Problem> {
    let above = |cap: u32| quantity > u64::from(cap);
    if scene.shared.world.partner.sandbox && above(SANDBOX_SEATS) {
        return Err(sandbox());
    }
    if customer.purchasing.max_seats.is_some_and(above) {
        return Err(Problem::new(403, 800_067, "A subscription may not have so many seats."));
    }
    Ok(())
}

fn sandbox() -> Problem {
    Problem::new(400, 800_018, "The limit of the sandbox is met.")
}

/// The line of an order, if every rule lets it through.
pub(crate) fn check_line(
    scene: &Scene<'_>,
    customer: &Customer,
    line: &NewLine,
) -> Result<OrderLine, Problem> {
    match Triple::read(&line.offer) {
        Some(triple) => item_line(scene, customer, line, &triple),
        None => offer_line(scene, customer, line),
    }
}

fn offer_line(scene: &Scene<'_>, customer: &Customer, line: &NewLine) -> Result<OrderLine, Problem> {
    let offers = &scene.shared.catalog.offers;
    let id = Uuid::parse_str(&line.offer).ok();
    let Some(offer) = id.and_then(|id| offers.get(&id)) else {
        return Err(Problem::new(400, 800_004, "The offer id is invalid."));
    };
    check_sale(scene, customer, offer)?;
    check_reseller(scene, line)?;
    if !offer.billing_cycles.contains(&line.billing_cycle) {
        return Err(Problem::new(400, 6001, "The offer does not support the billing cycle."));
    }
    let quantity = quantity(line, (offer.minimum_quantity, offer.maximum_quantity))?;
    check_seats(scene, customer, line.quantity)?;
    if reaches_its_limit(customer, offer) {
        return Err(Problem::new(400, 27_006, "The use limit of the offer is exceeded."));
    }
    Ok(order_line(line, offer.id, quantity, None))
}

fn item_line(
    scene: &Scene<'_>,
    customer: &Customer,
    line: &NewLine,
    triple: &Triple<'_>,
) -> Result<OrderLine, Problem> {
    let (item, availability) = items::on_sale(scene.shared, customer, triple, scene.at)?;
    check_reseller(scene, line)?;
    let term = term(item, line)?;
    let quantity = quantity(line, (item.sku.minimum_quantity, item.sku.maximum_quantity))?;
    check_seats(scene, customer, line.quantity)?;
    let modern = ModernLine { product: item.product.clone(), sku: item.sku.id.clone(), availability, term };
    Ok(order_line(line, triple.item(), quantity, Some(modern)))
}

fn order_line(line: &NewLine, offer: Uuid, quantity: u32, modern: Option<ModernLine>) -> OrderLine {
    OrderLine {
        offer,
        quantity,
        friendly_name: line.friendly_name.clone(),
        reseller_mpn: line.reseller_mpn.clone(),
        parent: line.parent,
        modern,
        subscription: None,
    }
}

/// The term that was asked for; where none was, the only one that is paid in this cycle.
fn term(item: &Item, line: &NewLine) -> Result<String, Problem> {
    let terms = item.sku.terms.iter().filter(|term| term.billing_cycle == line.billing_cycle);
    let mut fitting = terms
        .filter(|term| line.term.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(&term.duration)));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.duration.clone()),
        (Some(_), Some(_)) => Err(Problem::new(400, 800_002, "The term duration is required.")),
        (None, _) => Err(Problem::new(400, 6001, "The item is not sold for this term and billing cycle.")),
    }
}

fn quantity(line: &NewLine, (least, most): (u32, u32)) -> Result<u32, Problem> {
    let range = u64::from(least)..=u64::from(most);
    let quantity = u32::try_from(line.quantity).ok().filter(|_| range.contains(&line.quantity));
    quantity.ok_or_else(|| {
        let number = line.number.unwrap_or_default();
        let text = format!("The quantity of line item {number} is outside the allowed range.");
        Problem::new(400, 900_275, text)
    })
}

/// A trial without a limit of its own is for once in a lifetime.
fn reaches_its_limit(customer: &Customer, offer: &Offer) -> bool {
    let held = |lifetime: bool| {
        let of_it = customer.subscriptions.values().filter(|held| held.offer == offer.id);
        of_it.filter(|held| lifetime || held.status != Status::Deleted).count()
    };
    match &offer.limit {
        Some(limit) => held(limit.unit == "lifetime") >= limit.count as usize,
        None => offer.trial && held(true) > 0,
    }
}

fn check_sale(scene: &Scene<'_>, customer: &Customer, offer: &Offer) -> Result<(), Problem> {
    if !offer.on_sale {
        return Err(Problem::new(403, 2091, "The offer is no longer available for purchase."));
    }
    let country = &customer.country;
    if let Some(end) = offer.withdrawn.iter().find(|end| end.applies(country, &customer.segment, scene.at)) {
        let text = match end.code() {
            2085 => "The offer is not eligible for purchase by this customer.",
            _ => "The offer is no longer available for purchase.",
        };
        let named = end.equivalent.as_deref();
        let equivalent = named.and_then(|named| items::equivalent(scene.shared, customer, named, scene.at));
        let instead = equivalent.map(|item| format!(" Purchase the equivalent product instead: {item}."));
        return Err(Problem::new(403, end.code(), format!("{text}{}", instead.unwrap_or_default())));
    }
    if !sold_in(offer, country) {
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
    if partner.resellers_without_agreement.contains(mpn) {
        let text = "The reseller has not accepted the Microsoft Partner Agreement.";
        return Err(Problem::new(403, 900_123, text));
    }
    Ok(())
}

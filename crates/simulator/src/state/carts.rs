//! Carts: what is about to be bought (contract, section 7.4). Nothing is bought by making one.
//!
//! A line that cannot be bought does not stop its cart from being made: it carries an error, and the cart cannot be checked
//! out. A cart lives for a quarter of an hour.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::command::{NewCart, NewLine};
use super::{Customer, Problem, Scene, Shared, purchases};
use crate::api::reply::Reply;
use crate::api::wire;
use crate::world::{PartiesChecked, StaleItem, Triple, offer_id};

#[derive(Debug, Clone)]
pub(crate) struct Cart {
    pub(crate) id: Uuid,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) lines: Vec<CartLine>,
    /// The orders it became; empty while it has not been checked out.
    pub(crate) orders: Vec<Uuid>,
}

#[derive(Debug, Clone)]
pub(crate) struct CartLine {
    pub(crate) asked: NewLine,
    /// Lines of one group become one order.
    pub(crate) group: usize,
    pub(crate) error: Option<LineError>,
    /// Its availability has been replaced since, by a fault.
    pub(crate) outdated: bool,
}

/// Why a line cannot be bought, in the words of carts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineError {
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) description: String,
    /// The code that an order would have been refused with; none where there is none.
    pub(crate) code: Option<u32>,
}

impl Cart {
    /// What was put into it, line by line.
    pub(crate) fn asked(&self) -> Vec<NewLine> {
        self.lines.iter().map(|line| line.asked.clone()).collect()
    }

    pub(crate) fn is_ordered(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Lines by the order they would become, as positions.
    pub(crate) fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (position, line) in self.lines.iter().enumerate() {
            match groups.get_mut(line.group) {
                Some(group) => group.push(position),
                None => groups.push(vec![position]),
            }
        }
        groups
    }
}

impl Customer {
    /// A fault: the cart is over. False where there is none that could be checked out.
    pub(crate) fn expire_cart(&mut self, id: Uuid, at: Timestamp) -> bool {
        let cart = self.carts.get_mut(&id).filter(|cart| !cart.is_ordered() && at < cart.expires);
        cart.map(|cart| cart.expires = at).is_some()
    }

    /// A fault: what is in the cart is no longer sold under the ids it was put there with. False where nothing of new
    /// commerce is in it.
    pub(crate) fn outdate_cart(&mut self, id: Uuid) -> bool {
        let Some(cart) = self.carts.get_mut(&id).filter(|cart| !cart.is_ordered()) else { return false };
        let mut items = BTreeSet::new();
        for line in &mut cart.lines {
            if let Some(triple) = Triple::read(&line.asked.offer) {
                line.outdated = true;
                items.insert(triple.item());
            }
        }
        items.iter().for_each(|item| self.shift(*item));
        !items.is_empty()
    }
}

/// The cart of this id, while it lives.
pub(crate) fn find(customer: &Customer, id: Uuid, at: Timestamp) -> Result<&Cart, Problem> {
    let cart = customer.carts.get(&id).filter(|cart| cart.is_ordered() || at < cart.expires);
    cart.ok_or_else(|| Problem::new(404, 800_008, "The cart id was not found."))
}

/// Makes a cart.
pub(crate) fn create(scene: &Scene<'_>, customer: &mut Customer, new: &NewCart) -> Result<Reply, Problem> {
    let lines = lines(scene, customer, new)?;
    let id = customer.next_id(scene.shared, "cart");
    let expires = expiry(scene.shared, scene.at);
    let cart = Cart { id, created: scene.at, modified: scene.at, expires, lines, orders: Vec::new() };
    customer.carts.insert(id, cart);
    Ok(answer(scene, customer, id, 201))
}

/// Puts other lines into a cart.
pub(crate) fn change(
    scene: &Scene<'_>,
    customer: &mut Customer,
    id: Uuid,
    new: &NewCart,
) -> Result<Reply, Problem> {
    check_change(scene, customer, id, new)?;
    let lines = lines(scene, customer, new)?;
    if let Some(cart) = customer.carts.get_mut(&id) {
        cart.lines = lines;
        cart.modified = scene.at;
        if scene.shared.world.readings.new_commerce.changed_cart_lives_longer {
            cart.expires = expiry(scene.shared, scene.at);
        }
    }
    Ok(answer(scene, customer, id, 200))
}

/// Whether a cart would be made.
pub(crate) fn check(scene: &Scene<'_>, customer: &Customer, new: &NewCart) -> Result<(), Problem> {
    lines(scene, customer, new).map(drop)
}

/// Whether a cart would be changed.
pub(crate) fn check_change(
    scene: &Scene<'_>,
    customer: &Customer,
    id: Uuid,
    new: &NewCart,
) -> Result<(), Problem> {
    if find(customer, id, scene.at)?.is_ordered() {
        return Err(Problem::new(400, 800_065, "The cart has been submitted already."));
    }
    check(scene, customer, new)
}

fn expiry(shared: &Shared, at: Timestamp) -> Timestamp {
    let lifetime = SignedDuration::from_secs(shared.world.new_commerce.cart_lifetime.into());
    at.saturating_add(lifetime).unwrap_or(at)
}

fn answer(scene: &Scene<'_>, customer: &Customer, id: Uuid, status: u16) -> Reply {
    match customer.carts.get(&id) {
        Some(cart) => Reply::json(status, &wire::cart(scene.shared, customer, cart)),
        None => Reply::problem(scene.shared, &Problem::new(404, 800_008, "The cart id was not found.")),
    }
}

/// The lines of a cart, each with its error; refused where there can be no cart at all.
fn lines(scene: &Scene<'_>, customer: &Customer, new: &NewCart) -> Result<Vec<CartLine>, Problem> {
    if new.lines.is_empty() {
        return Err(Problem::new(400, 800_002, "The cart has no line items."));
    }
    let readings = &scene.shared.world.readings.new_commerce;
    if readings.parties_checked == PartiesChecked::AtCart {
        purchases::check_parties(scene, customer)?;
    }
    let mut kinds = Vec::new();
    let mut lines = Vec::new();
    for asked in &new.lines {
        let checked = purchases::check_line(scene, customer, asked);
        let error = match checked {
            Ok(_) => None,
            Err(problem) if problem.code == 400_019 => match readings.stale_item_in_cart {
                StaleItem::LineError => Some(line_error(&problem, asked)),
                StaleItem::Refused => return Err(problem),
                StaleItem::Accepted => None,
            },
            Err(problem) => Some(line_error(&problem, asked)),
        };
        let group = group_of(&mut kinds, asked);
        lines.push(CartLine { asked: asked.clone(), group, error, outdated: false });
    }
    if let (true, Some(first)) = (new.spoilt, lines.first_mut()) {
        first.error.get_or_insert(spoilt());
    }
    Ok(lines)
}

/// Legacy and new commerce are not bought in one order, nor is what is paid in different cycles.
fn group_of(kinds: &mut Vec<(bool, String)>, line: &NewLine) -> usize {
    let kind = (Triple::read(&line.offer).is_some(), line.billing_cycle.clone());
    kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
        kinds.push(kind);
        kinds.len() - 1
    })
}

fn spoilt() -> LineError {
    LineError {
        name: "unable_to_process_cart_line_item",
        number: 10_006,
        description: "The cart line item could not be processed.".to_owned(),
        code: None,
    }
}

/// A refusal in the words of carts: section 7.4 names them.
fn line_error(problem: &Problem, line: &NewLine) -> LineError {
    let legacy = offer_id(&line.offer).is_some() && Triple::read(&line.offer).is_none();
    let (name, number) = match problem.code {
        2091 | 2085 if legacy => ("legacy_offer_not_eligible_for_purchase", 500_600),
        400_013 | 400_018 | 400_019 | 800_004 => ("catalog_item_id_is_not_valid", 10_001),
        27_006 | 800_066 => ("quota_not_available", 10_002),
        800_016 => ("participants_is_not_supported_for_partner", 10_004),
        800_018 => ("sandbox_limit_exceeded", 10_009),
        800_002 | 900_275 => ("invalid_input", 10_010),
        6001 => ("billing_plan_not_supported", 10_013),
        800_067 => ("max_allowed_seats_per_subscription_exceeded", 10_015),
        _ => ("unable_to_process_cart_line_item", 10_006),
    };
    LineError { name, number, description: problem.description.clone(), code: Some(problem.code) }
}

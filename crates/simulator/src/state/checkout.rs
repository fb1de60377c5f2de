//! The checkout: a cart becomes orders, one for each group of its lines. Some groups may be ordered and others refused.
//!
//! In every reading a cart is ordered once: what a second checkout is *answered* differs, what it buys does not.

use uuid::Uuid;

use super::carts::{self, Cart};
use super::command::Checkout;
use super::customer::OrderLine;
use super::{Customer, Problem, Scene, orders, purchases};
use crate::api::reply::Reply;
use crate::api::wire::{self, OrderError};
use crate::world::{FailedCheckout, SecondCheckout};

/// What becomes of one group of lines.
#[derive(Debug)]
struct Group {
    number: usize,
    billing_cycle: String,
    lines: Result<Vec<OrderLine>, Problem>,
}

/// Orders what is in a cart.
pub(crate) fn check_out(
    scene: &Scene<'_>,
    customer: &mut Customer,
    asked: &Checkout,
) -> Result<Reply, Problem> {
    let cart = carts::find(customer, asked.cart, scene.at)?;
    if cart.is_ordered() {
        return again(scene, customer, cart);
    }
    let groups = groups(scene, customer, cart)?;
    let refuses = scene.shared.world.readings.new_commerce.failed_checkout == FailedCheckout::Refused;
    let all_failed = groups.iter().all(|group| group.lines.is_err());
    let first = groups.iter().find_map(|group| group.lines.as_ref().err());
    if let Some(problem) = first.filter(|_| refuses && all_failed) {
        return Err(problem.clone());
    }
    let (mut placed, mut errors) = (Vec::new(), Vec::new());
    for Group { number, billing_cycle, lines } in groups {
        match lines {
            Ok(lines) => {
                let fails = asked.provisioning_fails;
                placed.push(orders::record(scene, customer, lines, &billing_cycle, fails));
            }
            Err(problem) => errors.push(OrderError::of(number, &problem)),
        }
    }
    let reply = answer(scene, customer, &placed, errors);
    if let Some(cart) = customer.carts.get_mut(&asked.cart) {
        cart.modified = scene.at;
        cart.orders = placed;
    }
    Ok(reply)
}

/// Whether anything would be ordered.
pub(crate) fn check(scene: &Scene<'_>, customer: &Customer, asked: &Checkout) -> Result<(), Problem> {
    let cart = carts::find(customer, asked.cart, scene.at)?;
    if cart.is_ordered() {
        return Err(submitted());
    }
    let groups = groups(scene, customer, cart)?;
    let mut outcomes = groups.into_iter().map(|group| group.lines.map(drop));
    let first = outcomes.next().unwrap_or(Ok(()));
    first.or_else(|problem| outcomes.find(Result::is_ok).unwrap_or(Err(problem)))
}

fn groups(scene: &Scene<'_>, customer: &Customer, cart: &Cart) -> Result<Vec<Group>, Problem> {
    purchases::check_parties(scene, customer)?;
    if cart.lines.iter().any(|line| line.error.is_some()) {
        return Err(Problem::new(400, 800_009, "There is an error in the cart's items."));
    }
    let mut before = 0;
    let mut groups = Vec::new();
    for (number, positions) in cart.groups().into_iter().enumerate() {
        let lines = group(scene, customer, cart, &positions, before);
        before += lines.as_ref().map_or(0, Vec::len);
        let first = positions.first().and_then(|first| cart.lines.get(*first));
        let billing_cycle = first.map(|line| line.asked.billing_cycle.clone()).unwrap_or_default();
        groups.push(Group { number, billing_cycle, lines });
    }
    Ok(groups)
}

/// `before` counts the lines of the groups before that are ordered too.
fn group(
    scene: &Scene<'_>,
    customer: &Customer,
    cart: &Cart,
    positions: &[usize],
    before: usize,
) -> Result<Vec<OrderLine>, Problem> {
    let mut lines = Vec::new();
    for line in positions.iter().filter_map(|position| cart.lines.get(*position)) {
        if line.outdated {
            return Err(Problem::new(404, 400_019, "The availability was not found."));
        }
        lines.push(purchases::check_line(scene, customer, &line.asked)?);
    }
    purchases::check_room(scene, customer, before + lines.len())?;
    Ok(lines)
}

fn answer(scene: &Scene<'_>, customer: &Customer, placed: &[Uuid], errors: Vec<OrderError>) -> Reply {
    let placed = placed.iter().filter_map(|id| customer.order(*id)).collect();
    Reply::json(201, &wire::checkout(scene.shared, customer, placed, errors))
}

fn again(scene: &Scene<'_>, customer: &Customer, cart: &Cart) -> Result<Reply, Problem> {
    match scene.shared.world.readings.new_commerce.second_checkout {
        SecondCheckout::Refused => Err(submitted()),
        SecondCheckout::Conflict => {
            Err(Problem::new(409, 800_064, "The cart is being processed by another request."))
        }
        SecondCheckout::AnswersFirst => Ok(answer(scene, customer, &cart.orders, Vec::new())),
    }
}

fn submitted() -> Problem {
    Problem::new(400, 800_065, "The cart has been submitted already.")
}

//! Calls that change something: what they ask for, what a repeat of them is answered, and how their answers get lost.

use jiff::SignedDuration;

use super::flow::{Flow, permitted};
use super::operation::Operation;
use super::pipeline::Outcome;
use super::reply::Reply;
use super::{carts, licenses, orders, subscriptions, wire};
use crate::faults::{self, Refused, Try};
use crate::state::command::{self, Checkout, Command, Half};
use crate::state::subscriptions::after_seconds;
use crate::state::{Customer, Problem, Scene, Status};
use crate::world::{Fault, RepeatedRequestId, Swap};

/// Answers a changing call.
pub(crate) fn change(flow: &Flow<'_>, customer: &mut Customer) -> Result<Outcome, Problem> {
    let mut command = asked(flow, customer)?;
    let resource = resource(customer, &command);
    let n = customer.tries.next(flow.call.operation, &resource);
    let attempt = flow.attempt(Some(customer.id), &resource, n);
    let level = flow.shared.world.faults.level;
    let refusal = refusable(customer, &command).and_then(|what| faults::refused(level, &attempt, what));
    let fault = flow.fault(&attempt, refusal);
    if let Some(outcome) = fault.as_ref().and_then(|fault| flow.disturbed(&attempt, fault)) {
        return Ok(outcome);
    }
    let scene = flow.scene();
    permitted(customer, flow.call.operation)?;
    tear(flow, &attempt, &mut command);
    Ok(carry_out(&scene, customer, command, &attempt, fault))
}

fn asked(flow: &Flow<'_>, customer: &Customer) -> Result<Command, Problem> {
    match flow.call.operation {
        Operation::PlaceOrder => orders::new_order(flow.body).map(Command::PlaceOrder),
        Operation::UpdateLicenses => licenses::update(&flow.call, flow.body).map(Command::UpdateLicenses),
        Operation::CreateCart => carts::new_cart(flow.body).map(Command::CreateCart),
        Operation::ChangeCart => {
            Ok(Command::ChangeCart(carts::cart_id(&flow.call)?, carts::new_cart(flow.body)?))
        }
        Operation::CheckOutCart => {
            let cart = carts::cart_id(&flow.call)?;
            Ok(Command::CheckOut(Checkout { cart, provisioning_fails: false }))
        }
        _ => subscriptions::patch(flow.shared, customer, &flow.call, flow.headers, flow.body)
            .map(Command::ChangeSubscription),
    }
}

fn resource(customer: &Customer, command: &Command) -> String {
    match command {
        Command::PlaceOrder(order) => orders::resource(&order.lines),
        Command::CreateCart(cart) | Command::ChangeCart(_, cart) => orders::resource(&cart.lines),
        // What is in it, for each try has a cart of its own.
        Command::CheckOut(checkout) => match customer.carts.get(&checkout.cart) {
            Some(cart) => orders::resource(&cart.asked()),
            None => checkout.cart.to_string(),
        },
        Command::ChangeSubscription(patch) => patch.subscription.to_string(),
        Command::UpdateLicenses(update) => update.user.to_string(),
    }
}

/// Which of the refusals for good this change could meet.
fn refusable(customer: &Customer, command: &Command) -> Option<Refused> {
    match command {
        Command::PlaceOrder(_) | Command::CheckOut(_) => Some(Refused::Order),
        Command::CreateCart(_) | Command::ChangeCart(..) => None,
        Command::UpdateLicenses(_) => Some(Refused::Licenses),
        Command::ChangeSubscription(patch) => {
            let now = customer.subscriptions.get(&patch.subscription)?;
            let suspends = now.status == Status::Active && patch.status == Some(Status::Suspended);
            (suspends && now.original).then_some(Refused::Suspension)
        }
    }
}

/// In worlds where a swap is not atomic, one half of some of them is not applied.
fn tear(flow: &Flow<'_>, attempt: &Try<'_>, command: &mut Command) {
    let Command::UpdateLicenses(update) = command else { return };
    let half = match flow.shared.world.readings.swap {
        Swap::Atomic => return,
        Swap::SometimesRemoveOnly => Half::RemoveOnly,
        Swap::SometimesAssignOnly => Half::AssignOnly,
    };
    if !update.assign.is_empty() && !update.remove.is_empty() && faults::swap_is_torn(attempt) {
        update.half = half;
    }
}

fn carry_out(
    scene: &Scene<'_>,
    customer: &mut Customer,
    mut command: Command,
    attempt: &Try<'_>,
    fault: Option<Fault>,
) -> Outcome {
    if let Some(reply) = repeated(scene, customer, &command) {
        return repeat(scene, attempt, fault, reply);
    }
    match fault {
        Some(late @ Fault::LostLate { seconds }) => {
            let will_take = command::check(scene, customer, &command).is_ok();
            faults::log(scene, attempt, &late, will_take);
            command::put_off(scene, customer, command, after_seconds(scene.at, seconds));
            return Outcome::lost();
        }
        Some(accepted @ Fault::Accepted { seconds })
            if attempt.operation == Operation::ChangeSubscription =>
        {
            if let Err(problem) = command::check(scene, customer, &command) {
                return Reply::problem(scene.shared, &problem).into();
            }
            faults::log(scene, attempt, &accepted, false);
            let location = wire::subscription_uri(customer, attempt.resource);
            let reply = Reply::accepted(location);
            customer.remember(scene.request_id, &reply);
            command::put_off(scene, customer, command, after_seconds(scene.at, seconds));
            return reply.into();
        }
        _ => {}
    }
    if let Some(fault) = &fault
        && spoil(scene, customer, &mut command, fault)
    {
        faults::log(scene, attempt, fault, false);
    }
    let orders = customer.orders.len();
    let reply = Reply::of(scene.shared, command::execute(scene, customer, &command));
    customer.remember(scene.request_id, &reply);
    // A checkout that orders nothing is answered 201 too.
    let checks_out = matches!(command, Command::CheckOut(_));
    let took = if checks_out { customer.orders.len() > orders } else { reply.status.is_success() };
    let mut outcome = Outcome::from(reply);
    match fault {
        Some(Fault::Slow { seconds }) => {
            faults::log(scene, attempt, &Fault::Slow { seconds }, false);
            outcome.delay = SignedDuration::from_secs(i64::from(seconds));
        }
        Some(Fault::LostAfter) => {
            faults::log(scene, attempt, &Fault::LostAfter, took);
            outcome.lost = true;
        }
        _ => {}
    }
    outcome
}

/// Faults of what is bought rather than of the call. False where this one is none of this command's.
fn spoil(scene: &Scene<'_>, customer: &mut Customer, command: &mut Command, fault: &Fault) -> bool {
    match (fault, command) {
        (Fault::ProvisioningFails, Command::PlaceOrder(order)) => order.provisioning_fails = true,
        (Fault::ProvisioningFails, Command::CheckOut(checkout)) => checkout.provisioning_fails = true,
        (Fault::LineError, Command::CreateCart(cart) | Command::ChangeCart(_, cart)) => cart.spoilt = true,
        (Fault::CartExpired, Command::CheckOut(checkout)) => {
            return customer.expire_cart(checkout.cart, scene.at);
        }
        (Fault::CatalogueChanged, Command::CheckOut(checkout)) => {
            return customer.outdate_cart(checkout.cart);
        }
        _ => return false,
    }
    true
}

/// The answer to a request id that was seen before, if this world remembers them.
fn repeated(scene: &Scene<'_>, customer: &mut Customer, command: &Command) -> Option<Reply> {
    let id = scene.request_id?;
    let reading = scene.shared.world.readings.repeated_request_id;
    let in_progress = || {
        let problem = match command {
            Command::CreateCart(_) | Command::ChangeCart(..) | Command::CheckOut(_) => {
                Problem::new(409, 800_064, "The cart is being processed by another request.")
            }
            _ => {
                let text = "The order is in progress. Check the order history in a few minutes.";
                Problem::new(409, 800_060, text)
            }
        };
        Reply::problem(scene.shared, &problem)
    };
    let waiting = customer.agenda.has_late(id);
    match (reading, customer.remembered(Some(id))) {
        (RepeatedRequestId::Ignore, _) => None,
        (RepeatedRequestId::Replay, Some(first)) => Some(first.clone()),
        (RepeatedRequestId::Conflict, Some(_)) => Some(in_progress()),
        (_, None) if !waiting => None,
        (RepeatedRequestId::Conflict, None) => Some(in_progress()),
        (RepeatedRequestId::Replay, None)
            if matches!(command, Command::PlaceOrder(_) | Command::CheckOut(_)) =>
        {
            Some(in_progress())
        }
        // The repeat joins the call that is still under way.
        (RepeatedRequestId::Replay, None) => {
            let late = customer.agenda.take_late(id)?;
            Some(command::execute_late(scene, customer, late))
        }
    }
}

/// A repeat changes nothing, but its answer can be late or lost like any other.
fn repeat(scene: &Scene<'_>, attempt: &Try<'_>, fault: Option<Fault>, reply: Reply) -> Outcome {
    let mut outcome = Outcome::from(reply);
    match fault {
        Some(slow @ Fault::Slow { seconds }) => {
            faults::log(scene, attempt, &slow, false);
            outcome.delay = SignedDuration::from_secs(i64::from(seconds));
        }
        Some(lost @ (Fault::LostAfter | Fault::LostLate { .. })) => {
            faults::log(scene, attempt, &lost, false);
            outcome.lost = true;
        }
        _ => {}
    }
    outcome
}

//! A change that was asked for, apart from how it was asked for: so that it can also be carried out later.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Customer, Problem, Scene, Status, carts, checkout, licenses, orders, subscriptions};
use crate::api::reply::Reply;
use crate::books::Actor;

#[derive(Debug, Clone)]
pub(crate) enum Command {
    PlaceOrder(NewOrder),
    ChangeSubscription(Patch),
    UpdateLicenses(LicenseUpdate),
    CreateCart(NewCart),
    ChangeCart(Uuid, NewCart),
    CheckOut(Checkout),
}

/// What a cart is to hold.
#[derive(Debug, Clone)]
pub(crate) struct NewCart {
    pub(crate) lines: Vec<NewLine>,
    /// An injected fault: the first line is refused for no reason that a caller could know.
    pub(crate) spoilt: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub(crate) cart: Uuid,
    /// An injected fault: the orders complete, their units never become assignable.
    pub(crate) provisioning_fails: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct NewOrder {
    pub(crate) billing_cycle: String,
    pub(crate) lines: Vec<NewLine>,
    /// An injected fault: the order completes, its units never become assignable.
    pub(crate) provisioning_fails: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct NewLine {
    pub(crate) number: Option<u64>,
    /// As sent: it may be no legacy id at all.
    pub(crate) offer: String,
    pub(crate) quantity: u64,
    /// In lower case.
    pub(crate) billing_cycle: String,
    pub(crate) term: Option<String>,
    pub(crate) friendly_name: Option<String>,
    pub(crate) reseller_mpn: Option<String>,
    pub(crate) parent: Option<Uuid>,
}

/// The full resource of a PATCH, as far as it can be changed or must not be.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    pub(crate) subscription: Uuid,
    /// Etags of the header and of the body, without quotes.
    pub(crate) etags: Vec<String>,
    pub(crate) offer: String,
    pub(crate) status: Option<Status>,
    pub(crate) quantity: u64,
    pub(crate) auto_renew: Option<bool>,
    pub(crate) nickname: Option<String>,
    pub(crate) billing_cycle: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct LicenseUpdate {
    pub(crate) user: Uuid,
    pub(crate) assign: Vec<(Uuid, BTreeSet<Uuid>)>,
    pub(crate) remove: Vec<Uuid>,
    /// Which half of a swap is applied: both, unless the reading of the swap drew otherwise.
    pub(crate) half: Half,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Both,
    RemoveOnly,
    AssignOnly,
}

/// A change waiting in a customer's agenda.
#[derive(Debug, Clone)]
pub(crate) struct LateCommand {
    pub(crate) command: Command,
    pub(crate) actor: Actor,
    pub(crate) request_id: Option<Uuid>,
}

/// Whether a change would be carried out now.
pub(crate) fn check(scene: &Scene<'_>, customer: &Customer, command: &Command) -> Result<(), Problem> {
    match command {
        Command::PlaceOrder(order) => orders::check(scene, customer, order).map(|_| ()),
        Command::ChangeSubscription(patch) => subscriptions::check(scene, customer, patch),
        Command::UpdateLicenses(update) => licenses::check(scene, customer, update),
        Command::CreateCart(new) => carts::check(scene, customer, new),
        Command::ChangeCart(id, new) => carts::check_change(scene, customer, *id, new),
        Command::CheckOut(asked) => checkout::check(scene, customer, asked),
    }
}

/// Carries out a change under the rules as they are now.
pub(crate) fn execute(
    scene: &Scene<'_>,
    customer: &mut Customer,
    command: &Command,
) -> Result<Reply, Problem> {
    match command {
        Command::PlaceOrder(order) => orders::place(scene, customer, order),
        Command::ChangeSubscription(patch) => subscriptions::change(scene, customer, patch),
        Command::UpdateLicenses(update) => licenses::update(scene, customer, update),
        Command::CreateCart(new) => carts::create(scene, customer, new),
        Command::ChangeCart(id, new) => carts::change(scene, customer, *id, new),
        Command::CheckOut(asked) => checkout::check_out(scene, customer, asked),
    }
}

/// Carries out a change whose time has come.
pub(crate) fn execute_late(scene: &Scene<'_>, customer: &mut Customer, late: LateCommand) -> Reply {
    let LateCommand { command, actor, request_id } = late;
    let scene = Scene { shared: scene.shared, at: scene.at, actor, request_id };
    let reply = Reply::of(scene.shared, execute(&scene, customer, &command));
    customer.remember(request_id, &reply);
    reply
}

/// Puts a change into the agenda.
pub(crate) fn put_off(scene: &Scene<'_>, customer: &mut Customer, command: Command, until: Timestamp) {
    let late = LateCommand { command, actor: scene.actor.clone(), request_id: scene.request_id };
    customer.agenda.enter(until, super::Event::Late(Box::new(late)));
}

//! Rows against the truth: what was moved and should not have been, what was left and should not have been.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::ledger::Ledger;
use super::{Facts, Figure, Finding, Findings};
use crate::books::IntendedRow;
use crate::world::{Act, Truth, offer_id};

/// A final refusal that the simulator put in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) resource: String,
    pub(super) request_id: Option<Uuid>,
}

/// Judges the customer's rows at the end of the books.
pub(super) fn judge(ledger: &Ledger<'_>, facts: &Facts, findings: &mut Findings) {
    let views: Vec<Row<'_>> = ledger.rows.all.iter().map(|row| Row::of(ledger, facts, row)).collect();
    for view in &views {
        let finding = |why: String| Finding {
            customer: ledger.customer,
            subject: view.row.old_subscription,
            row: Some(view.row.row_id.clone()),
            entry: ledger.last_entry,
            why,
        };
        if view.act() != Act::Move {
            findings.looked(Figure::MovedWrongly, 1);
            let excused = view.act() == Act::Ask && view.row.decision_given;
            if view.moved && !excused {
                let why = format!("it was moved, and should not have been: {}", view.reason());
                findings.found(Figure::MovedWrongly, finding(why));
            }
        } else if view.row.approved {
            findings.looked(Figure::LeftWrongly, 1);
            if !view.completed && !view.row.stopped_by_person && !accounted_for(view, &views) {
                let why = "it should have been moved, and nothing explains why it is not".to_owned();
                findings.found(Figure::LeftWrongly, finding(why));
            }
        }
    }
}

/// Something of this row was refused for good, or it waits behind another row of the customer to which that happened.
fn accounted_for(view: &Row<'_>, all: &[Row<'_>]) -> bool {
    let waits = |other: &Row<'_>| {
        !std::ptr::eq(other.row, view.row) && other.row.approved && other.refused && !other.completed
    };
    view.refused || all.iter().any(waits)
}

/// How a row stands at the end.
struct Row<'a> {
    row: &'a IntendedRow,
    truth: Option<&'a Truth>,
    moved: bool,
    completed: bool,
    refused: bool,
}

impl<'a> Row<'a> {
    fn of(ledger: &'a Ledger<'_>, facts: &Facts, row: &'a IntendedRow) -> Self {
        let tenant = &ledger.tenant;
        let old = tenant.subscriptions.get(&row.old_subscription);
        let ended = old.is_some_and(|old| old.ended_by_engine);
        let refused = ledger.refusals.iter().any(|refusal| concerns(refusal, ledger, row));
        let (old_sku, new_sku) =
            (old.map(|old| old.sku), row.target_offer.and_then(|offer| facts.skus.get(&offer).copied()));
        let stands_moved = |user: Uuid| {
            old_sku != new_sku
                && old_sku.is_some_and(|sku| !tenant.holds(user, sku) && ledger.took_away(user, sku))
                && new_sku.is_some_and(|sku| tenant.holds(user, sku))
        };
        // A user whose undo was refused for good stands where nobody wanted them; that is not the engine's choice.
        let moved = ended || (!refused && row.users.iter().any(|user| stands_moved(user.user)));
        let left_behind = |user: Uuid| {
            old_sku != new_sku
                && old_sku.is_some_and(|sku| tenant.holds(user, sku) && !ledger.took_away(user, sku))
        };
        let bought = ledger.orders.iter().filter(|order| Some(order.offer) == row.target_offer);
        let stands_bought = bought.flat_map(|order| order.subscriptions(tenant)).any(|(_, s)| s.active());
        let completed = ended && stands_bought && !row.users.iter().any(|user| left_behind(user.user));
        Self { row, truth: old.and_then(|old| old.truth.as_ref()), moved, completed, refused }
    }

    /// A subscription without a truth has nothing to do with the job: touching it takes a person's decision.
    fn act(&self) -> Act {
        self.truth.map_or(Act::Ask, |truth| truth.act)
    }

    fn reason(&self) -> &str {
        self.truth.map_or("it has nothing to do with the job", |truth| &truth.reason)
    }
}

/// Whether a refusal was put in for something of this row: its subscription, its users, its add-ons, what it bought. One that
/// names no resource concerns the row whose order it hit, else every row of the customer.
fn concerns(refusal: &Refusal, ledger: &Ledger<'_>, row: &IntendedRow) -> bool {
    let of_row = |order: &&super::purchases::Order| Some(order.offer) == row.target_offer;
    let Some(resource) = offer_id(&refusal.resource).filter(|id| *id != ledger.customer) else {
        let hit = ledger
            .orders
            .iter()
            .find(|order| order.request_id.is_some() && order.request_id == refusal.request_id);
        return hit.as_ref().is_none_or(of_row);
    };
    let bought: BTreeSet<Uuid> = ledger
        .orders
        .iter()
        .filter(of_row)
        .flat_map(|order| order.subscriptions(&ledger.tenant).map(|(id, _)| id).chain([order.id]))
        .collect();
    resource == row.old_subscription
        || Some(resource) == row.target_offer
        || row.add_ons.contains(&resource)
        || row.users.iter().any(|user| user.user == resource)
        || bought.contains(&resource)
}

//! The statement of intent for the simulator's audit: what the plan says, before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_control::planning::{Decision, PlanPath, PlanRow, PlanUser};
use seatshift_simulator::books::{IntendedRow, IntendedUser, Intent};
use seatshift_simulator::world::{Catalogue, World};
use uuid::Uuid;

/// From a plan, as approved.
pub fn intent_of(world: &World, rows: &[PlanRow], users: &[PlanUser]) -> Intent {
    let catalogue = Catalogue::of(world);
    let mut by_row: BTreeMap<&str, Vec<&PlanUser>> = BTreeMap::new();
    for user in users {
        by_row.entry(&user.row_id).or_default().push(user);
    }
    let rows = rows.iter().filter_map(|row| {
        let users = by_row.get(row.row_id.as_str()).map_or(&[][..], Vec::as_slice);
        intended(&catalogue, row, users)
    });
    Intent { engine: world.partner.client_id, rows: rows.collect() }
}

fn intended(catalogue: &Catalogue, row: &PlanRow, users: &[&PlanUser]) -> Option<IntendedRow> {
    let target_offer = row.target_offer_id.as_ref().and_then(|id| Uuid::parse_str(id.as_str()).ok());
    let target_sku = target_offer.and_then(|offer| catalogue.offers.get(&offer)).map(|offer| offer.sku);
    let same_sku = row.path == Some(PlanPath::SameSku);
    let moving = users.iter().filter(|user| user.moves != Some(false) && !same_sku);
    Some(IntendedRow {
        row_id: row.row_id.clone(),
        customer: row.customer_id?.0,
        old_subscription: row.old_subscription_id?.0,
        approved: row.decision == Some(Decision::Move),
        target_offer,
        retries: 0,
        decision_given: false,
        stopped_by_person: false,
        users: moving.filter_map(|user| intended_user(catalogue, user, target_sku)).collect(),
        add_ons: ids(&row.add_ons).into_iter().collect(),
    })
}

/// Every plan that the user has on one side and not on the other is named: the plan shows it for review.
fn intended_user(catalogue: &Catalogue, user: &PlanUser, target_sku: Option<Uuid>) -> Option<IntendedUser> {
    let disabled = ids(&user.disabled_then);
    let plans = |sku: Option<Uuid>| sku.map(|sku| catalogue.user_plans(sku)).unwrap_or_default();
    let before: BTreeSet<Uuid> =
        plans(user.old_sku.map(|sku| sku.0)).difference(&ids(&user.disabled_now)).copied().collect();
    let after: BTreeSet<Uuid> = plans(target_sku).difference(&disabled).copied().collect();
    Some(IntendedUser {
        user: user.user_id?.0,
        disabled: disabled.into_iter().collect(),
        named_changes: before.symmetric_difference(&after).copied().collect(),
    })
}

fn ids(text: &str) -> BTreeSet<Uuid> {
    text.split_whitespace().filter_map(|id| Uuid::parse_str(id).ok()).collect()
}

//! What was wanted, told to the simulator's books before the run: the plan as a person approved it.

use std::collections::BTreeMap;

use seatshift_catalog::plan_name;
use seatshift_control::planning::{Decision, PlanRow, PlanUser, Readiness};
use seatshift_simulator::books::{IntendedRow, IntendedUser, Intent};
use seatshift_simulator::world::{Catalogue, World};
use uuid::Uuid;

use crate::plans::Plans;

/// The statement of intent for this plan.
pub(crate) fn intent(world: &World, plans: &Plans) -> Intent {
    let names = Names::of(world);
    let rows = plans.plan.rows().filter_map(|row| {
        let users = plans.users.rows.get(&row.row_id).map(Vec::as_slice).unwrap_or_default();
        intended(row, users, &names)
    });
    Intent { engine: world.partner.client_id, rows: rows.collect() }
}

fn intended(row: &PlanRow, users: &[PlanUser], names: &Names) -> Option<IntendedRow> {
    let same_sku = row.path.is_some_and(|path| path.name() == "same_sku");
    let moves = |user: &&PlanUser| !same_sku && user.moves != Some(false);
    Some(IntendedRow {
        row_id: row.row_id.clone(),
        customer: row.customer_id?.0,
        old_subscription: row.old_subscription_id?.0,
        approved: row.decision == Some(Decision::Move),
        target_offer: row.target_offer_id.as_ref().and_then(|offer| Uuid::parse_str(offer.as_str()).ok()),
        retries: 0,
        decision_given: row.readiness == Readiness::Ask && row.decision == Some(Decision::Move),
        stopped_by_person: false,
        users: users.iter().filter(moves).filter_map(|user| intended_user(user, names)).collect(),
        add_ons: Vec::new(),
    })
}

fn intended_user(user: &PlanUser, names: &Names) -> Option<IntendedUser> {
    Some(IntendedUser {
        user: user.user_id?.0,
        disabled: user.disabled_then.split_whitespace().filter_map(|id| Uuid::parse_str(id).ok()).collect(),
        named_changes: names.ids(&user.gains).chain(names.ids(&user.loses)).collect(),
    })
}

/// Service plans by the names that a plan file calls them.
struct Names(BTreeMap<String, Vec<Uuid>>);

impl Names {
    fn of(world: &World) -> Names {
        let mut names: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
        let catalogue = Catalogue::of(world);
        for plan in catalogue.skus.values().flat_map(|sku| &sku.service_plans) {
            for name in [plan_name(plan.id), plan.name.clone(), plan.id.to_string()] {
                let ids = names.entry(name).or_default();
                if !ids.contains(&plan.id) {
                    ids.push(plan.id);
                }
            }
        }
        Names(names)
    }

    fn ids<'a>(&'a self, cell: &'a str) -> impl Iterator<Item = Uuid> + 'a {
        cell.split_whitespace().flat_map(|name| self.0.get(name).into_iter().flatten().copied())
    }
}

//! What was wanted, told to the simulator's books before the run: the plan as a person approved it.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_catalog::plan_name;
use seatshift_control::planning::{Decision, PlanRow, PlanUser, Readiness};
use seatshift_simulator::books::{IntendedRow, IntendedUser, Intent};
use seatshift_simulator::world::{Catalogue, World};
use uuid::Uuid;

use crate::plans::Plans;

/// The statement of intent for this plan.
pub(crate) fn intent(world: &World, plans: &Plans) -> Intent {
    let reading = Reading::of(world);
    let rows = plans.plan.rows().filter_map(|row| {
        let users = plans.users.rows.get(&row.row_id).map(Vec::as_slice).unwrap_or_default();
        reading.row(row, users)
    });
    Intent { engine: world.partner.client_id, rows: rows.collect() }
}

/// Services that go on under another id in another product, by the beginning of their published names.
const SAME_SERVICE: [&str; 2] = ["POWERAPPS", "FLOW"];

/// Reads a plan with the world's own catalogue.
struct Reading {
    catalogue: Catalogue,
    /// Service plans by the names that a plan file calls them.
    names: BTreeMap<String, Vec<Uuid>>,
}

impl Reading {
    fn of(world: &World) -> Reading {
        let catalogue = Catalogue::of(world);
        let mut names: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
        for plan in catalogue.skus.values().flat_map(|sku| &sku.service_plans) {
            for name in [plan_name(plan.id), plan.name.clone(), plan.id.to_string()] {
                let ids = names.entry(name).or_default();
                if !ids.contains(&plan.id) {
                    ids.push(plan.id);
                }
            }
        }
        Reading { catalogue, names }
    }

    fn row(&self, row: &PlanRow, users: &[PlanUser]) -> Option<IntendedRow> {
        let same_sku = row.path.is_some_and(|path| path.name() == "same_sku");
        let moves = |user: &&PlanUser| !same_sku && user.moves != Some(false);
        let target = row.target_offer_id.as_ref().and_then(|offer| Uuid::parse_str(offer.as_str()).ok());
        let sku = target.and_then(|target| self.catalogue.offers.get(&target)).map(|offer| offer.sku);
        Some(IntendedRow {
            row_id: row.row_id.clone(),
            customer: row.customer_id?.0,
            old_subscription: row.old_subscription_id?.0,
            approved: row.decision == Some(Decision::Move),
            target_offer: target,
            retries: 0,
            decision_given: row.readiness == Readiness::Ask && row.decision == Some(Decision::Move),
            stopped_by_person: false,
            users: users.iter().filter(moves).filter_map(|user| self.user(user, sku)).collect(),
            add_ons: Vec::new(),
        })
    }

    fn user(&self, user: &PlanUser, target: Option<Uuid>) -> Option<IntendedUser> {
        let disabled: Vec<Uuid> = ids(&user.disabled_then).collect();
        let mut named: Vec<Uuid> = self.named(&user.gains).chain(self.named(&user.loses)).collect();
        if let (Some(old), Some(target)) = (user.old_sku, target) {
            let off = |cell: &str| ids(cell).collect::<BTreeSet<_>>();
            let before = &self.catalogue.user_plans(old.0) - &off(&user.disabled_now);
            let after = &self.catalogue.user_plans(target) - &off(&user.disabled_then);
            named.extend(self.same_service(&before, &after));
        }
        Some(IntendedUser { user: user.user_id?.0, disabled, named_changes: named })
    }

    /// Ids that change while the service stays: on before under one id, on afterwards under another.
    fn same_service(&self, before: &BTreeSet<Uuid>, after: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
        let of = |plans: &BTreeSet<Uuid>, service: &str| -> BTreeSet<Uuid> {
            plans.iter().copied().filter(|plan| self.is(*plan, service)).collect()
        };
        let mut changed = BTreeSet::new();
        for service in SAME_SERVICE {
            let (old, new) = (of(before, service), of(after, service));
            if !old.is_empty() && !new.is_empty() {
                changed.extend(old.symmetric_difference(&new).copied());
            }
        }
        changed
    }

    fn is(&self, plan: Uuid, service: &str) -> bool {
        let mut plans = self.catalogue.skus.values().flat_map(|sku| &sku.service_plans);
        plans.any(|one| one.id == plan && one.name.to_uppercase().starts_with(service))
    }

    fn named<'a>(&'a self, cell: &'a str) -> impl Iterator<Item = Uuid> + 'a {
        cell.split_whitespace().flat_map(|name| self.names.get(name).into_iter().flatten().copied())
    }
}

fn ids(cell: &str) -> impl Iterator<Item = Uuid> + '_ {
    cell.split_whitespace().filter_map(|id| Uuid::parse_str(id).ok())
}

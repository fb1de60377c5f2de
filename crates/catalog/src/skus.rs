//! SKUs, their service plans, and what becomes of an excluded plan when its user moves to another SKU.
//!
//! A user who had Flow switched off must not silently gain it under another id. So an excluded plan is carried over by its
//! own id where the target has it, else by its *role*; where neither answers, a person is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use uuid::Uuid;

/// What excluding a plan means on another SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanRole {
    /// The product itself.
    Core,
    PowerApps,
    Flow,
}

/// A part of a SKU that can be switched off for a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    /// Microsoft's name, such as `FLOW_DYN_APPS`.
    pub name: String,
    pub id: Uuid,
    pub role: Option<PlanRole>,
    /// Belongs to the tenant: can be neither assigned nor excluded.
    #[serde(default)]
    pub tenant: bool,
}

/// What licenses hang on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    pub id: Uuid,
    pub part_number: String,
    pub name: String,
    /// Plans that can be assigned; none = not known, which is not the same as empty.
    pub plans: Option<BTreeSet<Uuid>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuFile {
    plan: Vec<ServicePlan>,
    sku: Vec<SkuEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuEntry {
    id: Uuid,
    part_number: String,
    name: String,
    plans: Option<Vec<String>>,
}

struct Known {
    plans: BTreeMap<Uuid, ServicePlan>,
    skus: BTreeMap<Uuid, Sku>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let file: SkuFile =
        toml::from_str(include_str!("../data/skus.toml")).expect("shipped data is read by the tests");
    let assignable = |names: Vec<String>| {
        let by_name = |name: &String| file.plan.iter().find(|plan| plan.name == *name && !plan.tenant);
        names.iter().filter_map(by_name).map(|plan| plan.id).collect()
    };
    let skus = file.sku.into_iter().map(|entry| {
        let SkuEntry { id, part_number, name, plans } = entry;
        (id, Sku { id, part_number, name, plans: plans.map(assignable) })
    });
    Known { skus: skus.collect(), plans: file.plan.iter().map(|plan| (plan.id, plan.clone())).collect() }
});

/// A service plan of the reference.
pub fn plan(id: Uuid) -> Option<&'static ServicePlan> {
    KNOWN.plans.get(&id)
}

/// A SKU of the reference.
pub fn sku(id: Uuid) -> Option<&'static Sku> {
    KNOWN.skus.get(&id)
}

/// The plan's name, or its id where it is not in the reference.
pub fn plan_name(id: Uuid) -> String {
    plan(id).map_or_else(|| id.to_string(), |plan| plan.name.clone())
}

/// The SKU's part number, or its id where it is not in the reference.
pub fn sku_name(id: Uuid) -> String {
    sku(id).map_or_else(|| id.to_string(), |sku| sku.part_number.clone())
}

/// What becomes of a user's service plans on the way from one SKU to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// Plans of the target that are to be off.
    pub exclude: BTreeSet<Uuid>,
    /// Excluded plans that the target has no counterpart of; nothing is gained by dropping them.
    pub dropped: BTreeSet<Uuid>,
    /// Excluded plans of which nobody here can say what they mean on the target: the row asks.
    pub unmapped: BTreeSet<Uuid>,
    /// On after the move, and not before, under any id.
    pub gains: BTreeSet<Uuid>,
    /// On before the move, and not after, under any id.
    pub loses: BTreeSet<Uuid>,
}

/// Maps the `excluded` plans of a user on a SKU with plans `old` to a SKU with plans `target` (assignable plans only).
pub fn carry_exclusions(old: &BTreeSet<Uuid>, excluded: &BTreeSet<Uuid>, target: &BTreeSet<Uuid>) -> Carried {
    let mut carried = Carried::default();
    for &id in excluded {
        let role = plan(id).map(|plan| plan.role);
        match role {
            _ if target.contains(&id) => {
                carried.exclude.insert(id);
            }
            Some(Some(PlanRole::Core)) | None => {
                carried.unmapped.insert(id);
            }
            Some(None) => {
                carried.dropped.insert(id);
            }
            Some(Some(role)) => carry_role(id, role, old, excluded, target, &mut carried),
        }
    }
    let on_before: BTreeSet<Uuid> = old.difference(excluded).copied().collect();
    let on_after: BTreeSet<Uuid> = target.difference(&carried.exclude).copied().collect();
    carried.gains = on_after.iter().copied().filter(|&id| !stands_in(id, &on_before)).collect();
    carried.loses = on_before.iter().copied().filter(|&id| !stands_in(id, &on_after)).collect();
    carried
}

/// A role is off on the target when it was wholly off before. Half off has no counterpart: a person must say.
fn carry_role(
    id: Uuid,
    role: PlanRole,
    old: &BTreeSet<Uuid>,
    excluded: &BTreeSet<Uuid>,
    target: &BTreeSet<Uuid>,
    carried: &mut Carried,
) {
    let counterparts: Vec<Uuid> = target.iter().copied().filter(|&one| role_of(one) == Some(role)).collect();
    if counterparts.is_empty() {
        carried.dropped.insert(id);
    } else if old.iter().all(|one| role_of(*one) != Some(role) || excluded.contains(one)) {
        carried.exclude.extend(counterparts);
    } else {
        carried.unmapped.insert(id);
    }
}

fn role_of(id: Uuid) -> Option<PlanRole> {
    plan(id).and_then(|plan| plan.role)
}

/// Is the plan there, by its own id or by one of the same role (the product itself aside)?
fn stands_in(id: Uuid, plans: &BTreeSet<Uuid>) -> bool {
    let role = role_of(id).filter(|role| *role != PlanRole::Core);
    plans.contains(&id) || (role.is_some() && plans.iter().any(|one| role_of(*one) == role))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALES: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";
    const SALES_PRO: &str = "be9f9771-1c64-4618-9907-244325141096";
    const PLAN: &str = "ea126fc5-a19e-42e2-a731-da9d437bffcf";

    fn plans(id: &str) -> BTreeSet<Uuid> {
        sku(id.parse().unwrap()).unwrap().plans.clone().unwrap()
    }

    fn named(names: &[&str]) -> BTreeSet<Uuid> {
        let id = |name: &&str| KNOWN.plans.values().find(|plan| plan.name == *name).unwrap().id;
        names.iter().map(id).collect()
    }

    fn carry(from: &str, excluded: &[&str], to: &str) -> Carried {
        carry_exclusions(&plans(from), &named(excluded), &plans(to))
    }

    #[test]
    fn every_plan_of_every_sku_is_described() {
        let file: SkuFile = toml::from_str(include_str!("../data/skus.toml")).unwrap();
        for entry in &file.sku {
            for name in entry.plans.iter().flatten() {
                assert!(file.plan.iter().any(|plan| plan.name == *name), "{name}");
            }
        }
        assert_eq!(sku(SALES.parse().unwrap()).unwrap().plans.as_ref().unwrap().len(), 7);
        assert!(sku("7ac9fe77-66b7-4e5e-9e46-10eed1cff547".parse().unwrap()).unwrap().plans.is_none());
    }

    #[test]
    fn power_apps_and_flow_stay_off_under_their_new_ids() {
        let carried = carry(SALES, &["POWERAPPS_DYN_APPS", "FLOW_DYN_APPS"], SALES_PRO);
        assert_eq!(carried.exclude, named(&["POWERAPPS_SALES_PRO", "FLOW_SALES_PRO"]));
        assert!(carried.unmapped.is_empty() && carried.dropped.is_empty());
        assert_eq!(carried.gains, named(&["DYN365_SALES_PRO"]));
    }

    #[test]
    fn a_common_plan_stays_off_under_its_own_id() {
        let carried = carry(SALES, &["PROJECT_ESSENTIALS"], SALES_PRO);
        assert_eq!(carried.exclude, named(&["PROJECT_ESSENTIALS"]));
    }

    #[test]
    fn a_plan_without_counterpart_is_dropped_where_nothing_is_gained() {
        let carried = carry(SALES, &["NBENTERPRISE"], SALES_PRO);
        assert_eq!(carried.dropped, named(&["NBENTERPRISE"]));
        assert!(carried.exclude.is_empty() && carried.unmapped.is_empty());
        assert!(!carried.loses.contains(named(&["NBENTERPRISE"]).first().unwrap()), "it was off already");
    }

    #[test]
    fn the_product_itself_switched_off_has_no_mapping() {
        let carried = carry(SALES, &["DYN365_ENTERPRISE_SALES"], SALES_PRO);
        assert_eq!(carried.unmapped, named(&["DYN365_ENTERPRISE_SALES"]));
    }

    #[test]
    fn a_plan_that_nobody_knows_has_no_mapping_unless_the_target_has_it_too() {
        let unknown = Uuid::from_u128(7);
        let mut old = plans(SALES);
        old.insert(unknown);
        let excluded = BTreeSet::from([unknown]);
        assert_eq!(carry_exclusions(&old, &excluded, &plans(SALES_PRO)).unmapped, excluded);
        let mut target = plans(SALES_PRO);
        target.insert(unknown);
        assert_eq!(carry_exclusions(&old, &excluded, &target).exclude, excluded);
    }

    #[test]
    fn flow_that_was_half_off_asks() {
        let carried = carry(PLAN, &["FLOW_DYN_P2"], SALES_PRO);
        assert_eq!(carried.unmapped, named(&["FLOW_DYN_P2"]));
        let carried = carry(PLAN, &["FLOW_DYN_P2", "FLOW_DYN_APPS"], SALES_PRO);
        assert_eq!(carried.exclude, named(&["FLOW_SALES_PRO"]));
    }

    #[test]
    fn what_the_new_plan_lacks_is_shown_as_lost() {
        let carried = carry(PLAN, &[], SALES_PRO);
        assert!(carried.loses.is_superset(&named(&["DYN365_ENTERPRISE_FIELD_SERVICE", "TEAMS1"])));
        assert!(
            !carried.loses.contains(named(&["FLOW_DYN_APPS"]).first().unwrap()),
            "Flow goes on under another id"
        );
    }

    #[test]
    fn a_move_inside_one_sku_changes_nothing() {
        let carried = carry(PLAN, &["TEAMS1"], PLAN);
        assert_eq!(carried.exclude, named(&["TEAMS1"]));
        assert!(carried.gains.is_empty() && carried.loses.is_empty());
    }
}

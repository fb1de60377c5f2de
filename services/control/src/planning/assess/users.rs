//! Who moves, and with which service plans off.

use std::collections::BTreeSet;

use seatshift_catalog::{Carried, carry_exclusions, plan_name, sku};
use seatshift_messages::{SkuId, UserId};
use uuid::Uuid;

use super::Case;
use super::pool::Pool;
use super::target::Chosen;
use crate::planning::reasons::{Finding, Reason};
use crate::planning::row::{AssignedBy, PlanRow, PlanUser};
use crate::planning::seen::{Deep, SeenUser};

/// A user who holds the old license.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    pub user: &'a SeenUser,
    /// Service plans of the old SKU that are off.
    pub off: BTreeSet<Uuid>,
    /// None = the service plans of the target are not known.
    pub carried: Option<Carried>,
    pub has_target: bool,
    /// None = a person must say.
    pub moves: Option<bool>,
}

impl Holder<'_> {
    fn has_location(&self) -> bool {
        self.user.usage_location.as_deref().is_some_and(|location| !location.trim().is_empty())
    }
}

/// The users of a row.
#[derive(Debug)]
pub(super) struct Movers<'a> {
    /// In id order. None = not read, because nobody moves.
    holders: Option<Vec<Holder<'a>>>,
    sku: Option<Uuid>,
    same_sku: bool,
    all_licenses: bool,
}

impl<'a> Movers<'a> {
    pub(super) fn of(
        case: &Case<'_>,
        deep: &'a Deep,
        pool: &Pool<'_>,
        chosen: Option<&Chosen<'_>>,
        same_sku: bool,
    ) -> Movers<'a> {
        let mut movers = Movers { holders: None, sku: pool.sku, same_sku, all_licenses: deep.all_licenses };
        let (Some(users), Some(old), false) = (&deep.users, pool.seen, same_sku) else { return movers };
        let target = chosen.and_then(|chosen| chosen.sku);
        let target_plans = target.and_then(|target| target_plans(target, deep));
        let holder = |user: &'a SeenUser| {
            let licenses = deep.licenses.get(&user.id)?;
            let on = licenses.get(&old.sku)?;
            let off: BTreeSet<Uuid> = old.plans.difference(on).copied().collect();
            let said = case.answers.moves.as_ref().map(|moves| moves.get(&user.id).copied());
            Some(Holder {
                user,
                carried: target_plans.as_ref().map(|plans| carry_exclusions(&old.plans, &off, plans)),
                off,
                has_target: target.is_some_and(|target| licenses.contains_key(&target)),
                moves: said.unwrap_or(if pool.mixed() { None } else { Some(true) }),
            })
        };
        let mut holders: Vec<Holder<'a>> = users.iter().filter_map(holder).collect();
        holders.sort_by_key(|holder| holder.user.id);
        movers.holders = Some(holders);
        movers
    }

    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder<'a>> {
        self.holders.iter().flatten()
    }

    pub(super) fn moving(&self) -> impl Iterator<Item = &Holder<'a>> {
        self.holders().filter(|holder| holder.moves == Some(true))
    }

    /// It is known who moves.
    pub(super) fn known(&self) -> bool {
        self.same_sku || self.holders.as_ref().is_some_and(|all| all.iter().all(|one| one.moves.is_some()))
    }

    pub(super) fn find(&self, case: &Case<'_>, pool: &Pool<'_>, findings: &mut Vec<Finding>) {
        let Some(holders) = self.holders.as_ref() else { return };
        let count = |wanted: &dyn Fn(&Holder<'_>) -> bool| {
            holders.iter().filter(|holder| holder.moves != Some(false) && wanted(holder)).count()
        };
        let mut find = |reason, words: String| findings.push(Finding::new(reason, words));
        let nowhere = count(&|holder| !holder.has_location());
        if nowhere > 0 {
            let words = format!(
                "{nowhere} of the users to move have no usage location, so no license can be assigned"
            );
            find(Reason::UsageLocationMissing, words);
        }
        let both = count(&|holder| holder.has_target);
        if both > 0 {
            find(Reason::UserHasTarget, format!("{both} of the users to move hold the new license already"));
        }
        let unmapped = count(&|holder| holder.carried.as_ref().is_some_and(|one| !one.unmapped.is_empty()));
        if unmapped > 0 {
            let plans: BTreeSet<Uuid> = holders
                .iter()
                .filter_map(|one| one.carried.as_ref())
                .flat_map(|one| one.unmapped.clone())
                .collect();
            let words = format!(
                "{unmapped} of the users have services switched off that the new plan has no counterpart of: {}",
                names(&plans)
            );
            find(Reason::PlansUnmapped, words);
        }
        let unknown = count(&|holder| holder.carried.is_none() && !holder.off.is_empty());
        if unknown > 0 && pool.sku.is_some() && case_has_target(case, findings) {
            let words = format!(
                "{unknown} of the users have services switched off, and those of the new plan are not known"
            );
            findings.push(Finding::new(Reason::PlansUnknown, words));
        }
        self.find_left_behind(case, pool, findings);
    }

    /// Everyone who keeps the old license must still have a seat once the old subscription is suspended.
    fn find_left_behind(&self, case: &Case<'_>, pool: &Pool<'_>, findings: &mut Vec<Finding>) {
        let Some(seen) = pool.seen else { return };
        let holders = i64::try_from(self.holders().count()).unwrap_or(i64::MAX);
        let moving = i64::try_from(self.moving().count()).unwrap_or(i64::MAX);
        if case.answers.moves.is_none() {
            if self.all_licenses && seen.consumed > holders {
                let words = format!(
                    "{} users hold the license, and only {holders} of them can be seen",
                    seen.consumed
                );
                findings.push(Finding::new(Reason::HiddenHolders, words));
            }
            return;
        }
        let silent = self.holders().filter(|holder| holder.moves.is_none()).count();
        let left = seen.consumed - moving;
        let seats = seen.active - i64::from(case.subscription.quantity);
        if silent > 0 {
            let words =
                format!("For {silent} of the users who hold the license nobody has said whether they move");
            findings.push(Finding::new(Reason::SharedWithStaying, words));
        } else if left > seats.max(0) {
            let words = format!(
                "{left} users would keep the old license, and only {seats} seats of it would be left"
            );
            findings.push(Finding::new(Reason::SharedWithStaying, words));
        }
    }

    pub(super) fn fill(&self, row: &mut PlanRow) {
        if self.same_sku {
            row.users_to_move = Some(0);
            row.users_blocked = Some(0);
            return;
        }
        if self.holders.is_none() {
            return;
        }
        let size = |number: usize| u32::try_from(number).ok();
        let concerned = || self.holders().filter(|holder| holder.moves != Some(false));
        row.users_to_move = if self.known() { size(self.moving().count()) } else { None };
        row.users_blocked = size(concerned().filter(|holder| !holder.has_location()).count());
        let changes = || concerned().filter_map(|holder| holder.carried.as_ref());
        let all = |pick: fn(&Carried) -> &BTreeSet<Uuid>| -> String {
            names(&changes().flat_map(|one| pick(one).iter().copied()).collect())
        };
        row.users_losing_services = size(changes().filter(|one| !one.loses.is_empty()).count());
        row.services_lost = all(|one| &one.loses);
        row.services_gained = all(|one| &one.gains);
    }

    pub(super) fn rows(&self, case: &Case<'_>) -> Vec<PlanUser> {
        let row = |holder: &Holder<'_>| {
            let carried = holder.carried.as_ref();
            PlanUser {
                row_id: case.row_id.to_owned(),
                customer_name: case.customer.name.clone(),
                user_id: Some(UserId(holder.user.id)),
                user_principal_name: holder.user.principal_name.clone(),
                display_name: holder.user.display_name.clone(),
                usage_location: holder.user.usage_location.clone().unwrap_or_default(),
                old_sku: self.sku.map(SkuId),
                assigned_by: Some(AssignedBy::Unknown),
                disabled_now: ids(&holder.off),
                disabled_then: carried.map(|one| ids(&one.exclude)).unwrap_or_default(),
                gains: carried.map(|one| names(&one.gains)).unwrap_or_default(),
                loses: carried.map(|one| names(&one.loses)).unwrap_or_default(),
                conflict: conflict(holder),
                blocked_reason: if holder.has_location() {
                    String::new()
                } else {
                    "no usage location".to_owned()
                },
                moves: holder.moves,
                ..PlanUser::default()
            }
        };
        self.holders().map(row).collect()
    }
}

/// The tenant's own list where it has the SKU, else the reference.
fn target_plans(target: Uuid, deep: &Deep) -> Option<BTreeSet<Uuid>> {
    let own = deep.skus.get(&target).map(|seen| &seen.plans).filter(|plans| !plans.is_empty());
    own.or_else(|| sku(target).and_then(|sku| sku.plans.as_ref())).cloned()
}

/// Without a target there is nothing to compare with, and the row asks for one already.
fn case_has_target(case: &Case<'_>, findings: &[Finding]) -> bool {
    let lacking = [
        Reason::NearMiss,
        Reason::NoTarget,
        Reason::TargetNotSold,
        Reason::TargetUnsuitable,
        Reason::NewCommerceLater,
    ];
    case.answers.target.is_some() || !findings.iter().any(|finding| lacking.contains(&finding.reason))
}

fn conflict(holder: &Holder<'_>) -> String {
    let unmapped = holder.carried.as_ref().map(|one| &one.unmapped).filter(|plans| !plans.is_empty());
    match (holder.has_target, unmapped) {
        (true, _) => "holds the new license already".to_owned(),
        (false, Some(plans)) => format!("no counterpart of {}", names(plans)),
        (false, None) => String::new(),
    }
}

fn ids(plans: &BTreeSet<Uuid>) -> String {
    plans.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ")
}

fn names(plans: &BTreeSet<Uuid>) -> String {
    let names: BTreeSet<String> = plans.iter().map(|plan| plan_name(*plan)).collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

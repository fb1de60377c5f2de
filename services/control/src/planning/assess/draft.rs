//! What is to be done, ready to be carried by events once a run and a migration have their ids.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_messages::{
    Instruction, LARGEST, MigrationId, MoveGroup, OfferId, OldSubscription, Path, Policy, RunId,
    ServicePlanId, SkuId, SubscriptionId, Target, UserId,
};
use uuid::Uuid;

use super::pool::Pool;
use super::target::Chosen;
use super::users::Movers;
use super::{Case, active_add_ons};
use crate::planning::row::PlanRow;
use crate::planning::seen::Deep;

/// Longest name without its mark; no limit is documented.
const LONGEST_NAME: usize = 60;

/// What admission adds to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    pub run: RunId,
    pub migration: MigrationId,
    /// `on_suspension_refused` of the row goes before the policy's own.
    pub policy: Policy,
    /// The migration that this one tries again.
    pub retries: Option<MigrationId>,
}

/// An instruction without run, migration and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    row: String,
    country: String,
    old: OldSubscription,
    target: Target,
    moves: Vec<MoveGroup>,
    add_ons: Vec<SubscriptionId>,
}

impl Draft {
    pub(crate) fn instruct(&self, admission: &Admission) -> Instruction {
        let mut target = self.target.clone();
        target.friendly_name = friendly_name(&target.friendly_name, admission.migration);
        Instruction {
            run: admission.run,
            row: self.row.clone(),
            country: self.country.clone(),
            old: self.old.clone(),
            target,
            moves: self.moves.clone(),
            add_ons: self.add_ons.clone(),
            policy: admission.policy,
            retries: admission.retries,
        }
    }

    /// Its size in bytes, when no event can carry it.
    pub(super) fn too_large(&self) -> Option<usize> {
        let nobody = MigrationId(Uuid::nil());
        let admission = Admission {
            run: RunId(Uuid::nil()),
            migration: nobody,
            policy: Policy::default(),
            retries: Some(nobody),
        };
        let size = serde_json::to_vec(&self.instruct(&admission)).map_or(usize::MAX, |bytes| bytes.len());
        (size > LARGEST).then_some(size)
    }
}

pub(super) fn draft(
    case: &Case<'_>,
    deep: &Deep,
    pool: &Pool<'_>,
    chosen: &Chosen<'_>,
    movers: &Movers<'_>,
    row: &PlanRow,
) -> Option<Draft> {
    let old = case.subscription;
    let offer = chosen.offer?;
    let nickname = if old.nickname.trim().is_empty() { &offer.name } else { &old.nickname };
    let reseller =
        Some(old.reseller.trim().to_owned()).filter(|id| case.options.indirect_provider && !id.is_empty());
    Some(Draft {
        row: case.row_id.to_owned(),
        country: deep.country.clone(),
        old: OldSubscription {
            subscription: SubscriptionId(old.id),
            offer: OfferId::new(&old.offer),
            sku: SkuId(pool.sku?),
            quantity: old.quantity,
            commitment_end: old.commitment_end?,
        },
        target: Target {
            path: Path::Legacy,
            offer: chosen.id.clone(),
            sku: SkuId(chosen.sku?),
            quantity: row.buy_seats?,
            billing_cycle: row.new_billing_cycle.clone(),
            reseller,
            friendly_name: nickname.clone(),
        },
        moves: groups(movers),
        add_ons: active_add_ons(old.id, case.subscriptions, deep).into_keys().map(SubscriptionId).collect(),
    })
}

/// Users by the service plans that are to be off, both in id order.
fn groups(movers: &Movers<'_>) -> Vec<MoveGroup> {
    let mut groups: BTreeMap<BTreeSet<Uuid>, Vec<UserId>> = BTreeMap::new();
    for holder in movers.moving() {
        let exclude = holder.carried.as_ref().map(|carried| carried.exclude.clone()).unwrap_or_default();
        groups.entry(exclude).or_default().push(UserId(holder.user.id));
    }
    let group = |(exclude, users): (BTreeSet<Uuid>, Vec<UserId>)| MoveGroup {
        exclude: exclude.into_iter().map(ServicePlanId).collect(),
        users,
    };
    groups.into_iter().map(group).collect()
}

/// The mark by which a lost order is found again: ` [ss-` and eight digits of the migration's id. The last eight, since
/// the first eight of a time-ordered id are the same for a minute.
pub fn mark(migration: MigrationId) -> String {
    let digits = migration.0.simple().to_string();
    format!("[ss-{}]", &digits[24..])
}

/// The new subscription's name: the old nickname, or the offer's name, and the mark.
pub fn friendly_name(name: &str, migration: MigrationId) -> String {
    let unmarked = match name.rfind(" [ss-") {
        Some(at) if name.len() == at + 14 && name.ends_with(']') => &name[..at],
        _ => name,
    };
    let short: String = unmarked.trim().chars().take(LONGEST_NAME).collect();
    format!("{} {}", short.trim_end(), mark(migration)).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(users: u128) -> Draft {
        let id = Uuid::from_u128(1);
        let group = MoveGroup {
            exclude: Vec::new(),
            users: (0..users).map(|one| UserId(Uuid::from_u128(one))).collect(),
        };
        let old = OldSubscription {
            subscription: SubscriptionId(id),
            offer: OfferId::new("old"),
            sku: SkuId(id),
            quantity: 1,
            commitment_end: jiff::Timestamp::UNIX_EPOCH,
        };
        let target = Target {
            path: Path::Legacy,
            offer: OfferId::new("new"),
            sku: SkuId(id),
            quantity: 1,
            billing_cycle: "monthly".to_owned(),
            reseller: None,
            friendly_name: "name".to_owned(),
        };
        let (row, country) = ("r1".to_owned(), "SE".to_owned());
        Draft { row, country, old, target, moves: vec![group], add_ons: Vec::new() }
    }

    #[test]
    fn more_users_than_an_event_can_carry_are_too_large() {
        assert_eq!(draft(20_000).too_large(), None);
        assert!(draft(28_000).too_large().is_some_and(|size| size > LARGEST));
    }
}

//! `report-users.csv`: where each user of each row stands, from reassignment's own memory of whom it moved.
//!
//! That memory is read as JSON, as anybody outside could: control shares no types with reassignment. A field that is not
//! there is empty here, never a guess.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_messages::{Cause, Instruction, Service, ServicePlanId, SkuId, UserId};
use seatshift_store::{Store, StoreError, WorkRow};
use serde::Deserialize;

use crate::planned::ApprovedRow;
use crate::planning::PlanUser;
use crate::standing::RowStanding;
use crate::tracker::Known;

crate::sheet! {
    /// One user of one row.
    pub struct ReportUser {
        "row_id" row_id: String,
        "user_id" user_id: Option<UserId>,
        "user_principal_name" user_principal_name: String,
        "sku_before" sku_before: Option<SkuId>,
        /// Service plan ids, separated by blanks.
        "disabled_before" disabled_before: String,
        "sku_after" sku_after: Option<SkuId>,
        "disabled_after" disabled_after: String,
        /// `moved`, `not_moved`, `restored`, `left` (changed by somebody else since, and left alone).
        "standing" standing: String,
        "at" at: Option<Timestamp>,
        "request_id" request_id: String,
        "correlation_id" correlation_id: String,
        "reason" reason: String,
    }
}

/// What is read of a chunk's row.
#[derive(Deserialize)]
struct Stored {
    chunk: Option<Chunk>,
}

#[derive(Deserialize)]
struct Chunk {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    user: UserId,
    #[serde(default)]
    exclude: Vec<ServicePlanId>,
    #[serde(default)]
    standing: String,
    before: Option<Before>,
    refused: Option<Refused>,
}

#[derive(Deserialize)]
struct Before {
    #[serde(default)]
    disabled: Vec<ServicePlanId>,
}

#[derive(Deserialize)]
struct Refused {
    cause: Cause,
}

pub(super) async fn of(
    store: &dyn Store,
    standing: &RowStanding,
    instruction: Option<&Instruction>,
) -> Result<Vec<ReportUser>, StoreError> {
    let approved = ApprovedRow::from_value(&standing.row.plan);
    let planned: BTreeMap<UserId, &PlanUser> =
        approved.users.iter().filter_map(|user| user.user_id.map(|id| (id, user))).collect();
    let mut lines = Vec::new();
    for row in memory_of_reassignment(store, standing).await? {
        let stored: Stored = serde_json::from_str(&row.body)
            .map_err(|source| StoreError::Damaged { what: "chunk of users", source: Box::new(source) })?;
        let users = stored.chunk.map(|chunk| chunk.users).unwrap_or_default();
        lines.extend(users.into_iter().map(|user| line(standing, instruction, &planned, user)));
    }
    if lines.is_empty()
        && let Some(instruction) = instruction
        && came_to_reassignment(&standing.ledger.known)
    {
        return Ok(from_facts(standing, instruction, &planned));
    }
    if lines.is_empty() {
        // Never came to reassignment: everyone is as before.
        let reason = standing.state();
        let leave = |user: &&PlanUser| user.moves != Some(false);
        lines = approved.users.iter().filter(leave).map(|user| untouched(standing, user, &reason)).collect();
    }
    Ok(lines)
}

/// Reassignment's rows, where its memory lies beside control's. In the distributed mode it does not: each service owns its
/// own, and control knows of users what the events say.
async fn memory_of_reassignment(
    store: &dyn Store,
    standing: &RowStanding,
) -> Result<Vec<WorkRow>, StoreError> {
    // Nothing was asked for, so there is nothing to be remembered.
    if standing.ledger.known.requested_at.is_none() {
        return Ok(Vec::new());
    }
    match store.work(Service::Reassignment, standing.migration).await {
        Err(StoreError::NotPrepared { .. }) => Ok(Vec::new()),
        rows => rows,
    }
}

/// Somebody was moved, or found moved already.
fn came_to_reassignment(known: &Known) -> bool {
    known.users_done_at.is_some() || known.moved > 0 || known.already > 0
}

/// What the events say of each user: where they speak of all, of each; where they speak of some, of nobody.
fn from_facts(
    standing: &RowStanding,
    instruction: &Instruction,
    planned: &BTreeMap<UserId, &PlanUser>,
) -> Vec<ReportUser> {
    let known = &standing.ledger.known;
    let back = known.restored + known.left;
    // All of them were moved, by us.
    let all = known.users_done_at.is_some() && known.already == 0;
    let (word, reason) = if all && back > 0 && known.left == 0 {
        ("restored", String::new())
    } else if back > 0 {
        ("", format!("of this row {} were moved and are back, {} left alone", known.restored, known.left))
    } else if all {
        ("moved", String::new())
    } else {
        ("", format!("of this row {} are moved, {} held the new plan before", known.moved, known.already))
    };
    let groups =
        instruction.moves.iter().flat_map(|group| group.users.iter().map(move |user| (group, *user)));
    groups
        .map(|(group, user)| {
            let plan = planned.get(&user);
            let before = plan.map(|plan| plan.disabled_now.clone()).unwrap_or_default();
            let verdict_at = standing.ledger.standing().map(|verdict| verdict.at);
            let (sku_after, disabled_after, at) = match word {
                "moved" => (Some(instruction.target.sku), ids(&group.exclude), known.users_done_at),
                "restored" => (Some(instruction.old.sku), before.clone(), verdict_at),
                _ => (None, String::new(), None),
            };
            ReportUser {
                row_id: standing.row.row_id.clone(),
                user_id: Some(user),
                user_principal_name: plan.map(|plan| plan.user_principal_name.clone()).unwrap_or_default(),
                sku_before: Some(instruction.old.sku),
                disabled_before: before,
                sku_after,
                disabled_after,
                standing: word.to_owned(),
                at,
                reason: reason.clone(),
                ..ReportUser::default()
            }
        })
        .collect()
}

fn line(
    standing: &RowStanding,
    instruction: Option<&Instruction>,
    planned: &BTreeMap<UserId, &PlanUser>,
    user: User,
) -> ReportUser {
    let plan = planned.get(&user.user);
    let old = instruction.map(|one| one.old.sku);
    let new = instruction.map(|one| one.target.sku);
    let before = match &user.before {
        Some(before) => ids(&before.disabled),
        None => plan.map(|plan| plan.disabled_now.clone()).unwrap_or_default(),
    };
    let known = &standing.ledger.known;
    let (word, sku_after, disabled_after, at, words) = match user.standing.as_str() {
        "moved" => ("moved", new, ids(&user.exclude), known.users_done_at, ""),
        "already_there" => ("not_moved", new, String::new(), None, "held the new plan before"),
        "not_holding" => ("not_moved", None, String::new(), None, "held neither plan"),
        "restored" => {
            let at = standing.ledger.standing().map(|verdict| verdict.at);
            ("restored", old, before.clone(), at, "")
        }
        "left" => ("left", None, String::new(), None, "changed by somebody else, and left as it is"),
        _ => ("not_moved", old, before.clone(), None, ""),
    };
    let refused = user.refused.as_ref().map(|refused| &refused.cause);
    let microsoft = refused.and_then(|cause| cause.microsoft.as_ref());
    ReportUser {
        row_id: standing.row.row_id.clone(),
        user_id: Some(user.user),
        user_principal_name: plan.map(|plan| plan.user_principal_name.clone()).unwrap_or_default(),
        sku_before: old,
        disabled_before: before,
        sku_after,
        disabled_after,
        standing: word.to_owned(),
        at,
        request_id: microsoft.map(|answer| answer.request_id.to_string()).unwrap_or_default(),
        correlation_id: microsoft.map(|answer| answer.correlation_id.to_string()).unwrap_or_default(),
        reason: refused.map_or_else(|| words.to_owned(), |cause| format!("{}: {}", cause.code, cause.text)),
    }
}

fn untouched(standing: &RowStanding, user: &PlanUser, reason: &str) -> ReportUser {
    ReportUser {
        row_id: standing.row.row_id.clone(),
        user_id: user.user_id,
        user_principal_name: user.user_principal_name.clone(),
        sku_before: user.old_sku,
        disabled_before: user.disabled_now.clone(),
        sku_after: user.old_sku,
        disabled_after: user.disabled_now.clone(),
        standing: "not_moved".to_owned(),
        reason: reason.to_owned(),
        ..ReportUser::default()
    }
}

fn ids(plans: &[ServicePlanId]) -> String {
    let ids: Vec<String> = plans.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

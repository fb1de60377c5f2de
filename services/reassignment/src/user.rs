//! One user, decided: what a fresh read of the licenses means for what we have begun. Pure.
//!
//! A user is in one of four states: old, new, both, neither. *Neither*, where our own call can have caused it, is mended
//! before anything else. What somebody else has changed since is left alone, forward and back.
//!
//! A call without an answer may still land. Going on in the same direction it may be repeated at once (the repeat begins
//! its horizon anew); nothing opposite is begun, and nothing is called settled, before the horizon has passed or a read has
//! shown it done. Licenses have no etag, so here the horizon is the only protection.

use jiff::{SignedDuration, Timestamp};
use seatshift_messages::{ServicePlanId, SwapMode};

use crate::work::{Before, Standing, UserRow};

/// What a read of a user's licenses shows of the two SKUs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// Holds the old SKU, with these service plans off.
    pub old: Option<Vec<ServicePlanId>>,
    /// Holds the target SKU, with these service plans off.
    pub new: Option<Vec<ServicePlanId>>,
}

/// What is to be done next about one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing more in this direction.
    Rest,
    /// One change.
    Change(Change),
    /// Too early to say: look again then.
    Look(Timestamp),
}

/// One change of a user's licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Target on, old off, in one call.
    Swap,
    /// Target on.
    AssignTarget,
    /// Old off.
    RemoveOld,
    /// Old on with the plans it had, target off, in one call.
    SwapBack,
    /// Old on, with the plans it had.
    AssignOld,
    /// Target off.
    RemoveTarget,
    /// Target as it was before we came, old on.
    RestoreBoth,
}

/// What the pure functions need beside the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub now: Timestamp,
    pub horizon: SignedDuration,
    pub swap: SwapMode,
}

/// Going forward: brings the user towards *new only*.
pub(crate) fn forward(row: &mut UserRow, seen: &Seen, rules: Rules) -> Next {
    match (&seen.old, &seen.new) {
        (None, Some(_)) => {
            arrived(row, if row.before.is_some() { Standing::Moved } else { Standing::AlreadyThere })
        }
        (Some(disabled), None) => {
            row.before.get_or_insert_with(|| Before { disabled: disabled.clone(), ..Before::default() });
            row.standing = Standing::Begun;
            let change = match rules.swap {
                SwapMode::OneCall => Change::Swap,
                SwapMode::AddThenRemove => Change::AssignTarget,
            };
            unless_refused(row, change, rules)
        }
        (Some(disabled), Some(target_disabled)) => {
            // Held both before we came, or our own change was applied in part.
            row.before.get_or_insert_with(|| Before {
                disabled: disabled.clone(),
                had_target: true,
                target_disabled: target_disabled.clone(),
            });
            row.standing = Standing::Begun;
            unless_refused(row, Change::RemoveOld, rules)
        }
        // We began, and the user holds neither: mended at once, whatever else waits.
        (None, None) if row.before.is_some() => Next::Change(Change::AssignTarget),
        (None, None) => arrived(row, Standing::NotHolding),
    }
}

/// Turning back: brings every call of ours to a known outcome, begins nothing.
pub(crate) fn settle(row: &mut UserRow, seen: &Seen, rules: Rules) -> Next {
    if let Some(settles) = row.settles(rules.now, rules.horizon) {
        return Next::Look(settles);
    }
    row.sent = None;
    row.lost_at = None;
    row.refused = None;
    if row.before.is_some() && seen.new.is_some() && seen.old.is_none() {
        row.standing = Standing::Moved;
    }
    Next::Rest
}

/// Going back: brings a user whom we moved to how they stood before, if they still stand as we left them.
pub(crate) fn undo(row: &mut UserRow, seen: &Seen, rules: Rules) -> Next {
    let Some(before) = row.before.clone() else { return Next::Rest };
    match row.standing {
        Standing::Untouched
        | Standing::AlreadyThere
        | Standing::NotHolding
        | Standing::Restored
        | Standing::Left => {
            return Next::Rest;
        }
        Standing::Begun | Standing::Moved => {}
    }
    // A lost call of the way forward may land until its horizon has passed, even where a repeat of it was answered.
    if !row.undoing
        && let Some(settles) = row.settles(rules.now, rules.horizon)
    {
        return Next::Look(settles);
    }
    // As we left them: our last word was a verified move. Otherwise our own calls can explain any state.
    let ours = row.undoing || row.standing == Standing::Begun;
    match (&seen.old, &seen.new) {
        (Some(_), None) if !before.had_target => back(row),
        (Some(_), Some(_)) if before.had_target => back(row),
        // Old is back, and the target they had before us is gone: not by us, unless a call of ours did half its work.
        (Some(_), None) if ours => begin_undo(row, Change::RestoreBoth, rules),
        (Some(_), None) => arrived(row, Standing::Left),
        (None, Some(_)) => {
            let change = match (before.had_target, rules.swap) {
                (true, SwapMode::OneCall | SwapMode::AddThenRemove) => Change::AssignOld,
                (false, SwapMode::OneCall) => Change::SwapBack,
                (false, SwapMode::AddThenRemove) => Change::AssignOld,
            };
            begin_undo(row, change, rules)
        }
        (Some(_), Some(_)) if ours => begin_undo(row, Change::RemoveTarget, rules),
        (Some(_), Some(_)) => arrived(row, Standing::Left),
        (None, None) if ours => {
            row.undoing = true;
            row.refused = None;
            Next::Change(Change::AssignOld)
        }
        (None, None) => arrived(row, Standing::Left),
    }
}

/// Stands as before us: moved back, or never moved because our call was refused.
fn back(row: &mut UserRow) -> Next {
    let never_moved = row.standing == Standing::Begun && !row.undoing;
    arrived(row, if never_moved { Standing::Untouched } else { Standing::Restored })
}

fn begin_undo(row: &mut UserRow, change: Change, rules: Rules) -> Next {
    if !row.undoing {
        row.undoing = true;
        row.sent = None;
        row.lost_at = None;
        row.tries = 0;
        row.refused = None;
    }
    unless_refused(row, change, rules)
}

fn arrived(row: &mut UserRow, standing: Standing) -> Next {
    row.standing = standing;
    row.sent = None;
    row.refused = None;
    Next::Rest
}

/// A refusal counts only when nothing lost can land any more and the read shows nothing.
fn unless_refused(row: &mut UserRow, change: Change, rules: Rules) -> Next {
    if row.refused.is_none() {
        return Next::Change(change);
    }
    if let Some(settles) = row.settles(rules.now, rules.horizon) {
        return Next::Look(settles);
    }
    row.sent = None;
    row.lost_at = None;
    Next::Rest
}

//! What the board keeps of one migration: a few numbers. At a hundred thousand rows every byte here is a tenth of a megabyte.

use jiff::Timestamp;
use seatshift_messages::{MigrationId, Service};

use super::lane::{Begins, Candidate};
use crate::tracker::{Ledger, RowRef, Stage, VerdictKind};

/// A moment to the microsecond, in a third of a `Timestamp`'s room; sorts as time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    pub(super) const NEVER: Moment = Moment(i64::MAX);

    pub(super) fn of(at: Option<Timestamp>) -> Moment {
        at.map_or(Moment::NEVER, |at| Moment(at.as_microsecond()))
    }

    pub(super) fn get(self) -> Option<Timestamp> {
        if self == Moment::NEVER { None } else { Timestamp::from_microsecond(self.0).ok() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Checking,
    Running,
    Parked,
    Closed,
}

/// One migration.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Of the ledger row that this was made from: an older one never takes the place of a newer one.
    pub(super) version: u64,
    pub(super) index: u32,
    pub(super) users: u32,
    pub(super) moved: u32,
    pub(super) end: Moment,
    pub(super) not_before: Moment,
    pub(super) requested_at: Moment,
    pub(super) verdict_at: Moment,
    /// When control last heard of it or asked something of it.
    pub(super) heard_at: Moment,
    /// Which service's word it waits for, while it is under way and it is known.
    pub(super) awaits: Option<Service>,
    pub(super) phase: Phase,
    pub(super) standing: Option<VerdictKind>,
    /// With a standing *parked, waits for*.
    pub(super) waits: bool,
    pub(super) wish: bool,
    pub(super) superseded: bool,
    /// Somebody asked for it to be rolled back.
    pub(super) rolled_back_by_person: bool,
    /// The plan, or the part of it that was applied, stopped the row.
    pub(super) stopped_by_plan: bool,
}

impl Member {
    pub(super) fn of(row: &RowRef, version: u64, ledger: &Ledger) -> Self {
        let phase = match ledger.stage {
            Stage::Waiting => Phase::Waiting,
            Stage::Checking => Phase::Checking,
            Stage::Running => Phase::Running,
            Stage::Parked { .. } => Phase::Parked,
            Stage::Unplanned
            | Stage::Completed
            | Stage::Accepted { .. }
            | Stage::Refused
            | Stage::RolledBack
            | Stage::Skipped => Phase::Closed,
        };
        let standing = ledger.standing().map(|verdict| verdict.kind);
        let known = &ledger.known;
        Member {
            version,
            index: row.index,
            users: row.users,
            moved: known.moved.saturating_sub(known.restored + known.left),
            end: Moment::of(row.commitment_end),
            not_before: Moment::of(row.not_before),
            requested_at: Moment::of(known.requested_at),
            verdict_at: Moment::of(ledger.standing().map(|verdict| verdict.at)),
            heard_at: Moment::of(ledger.heard_at.or(known.requested_at)),
            awaits: ledger.awaits(),
            phase,
            standing,
            waits: phase == Phase::Waiting && standing == Some(VerdictKind::Parked),
            wish: ledger.wish.is_some(),
            superseded: ledger.successor.is_some(),
            rolled_back_by_person: ledger.rollback,
            stopped_by_plan: ledger.stopped_by_plan,
        }
    }

    pub(super) fn holds_slot(&self) -> bool {
        match self.phase {
            Phase::Checking | Phase::Running | Phase::Parked => true,
            Phase::Waiting | Phase::Closed => false,
        }
    }

    /// What this migration would begin if the slot were free, and from when.
    pub(super) fn offer(&self, migration: MigrationId) -> Option<(Option<Moment>, Candidate)> {
        let kind = match self.phase {
            Phase::Waiting => Begins::Row,
            Phase::Closed if self.wish => Begins::Wish,
            Phase::Checking | Phase::Running | Phase::Parked | Phase::Closed => return None,
        };
        let not_before = (kind == Begins::Row && self.not_before != Moment::NEVER).then_some(self.not_before);
        Some((not_before, Candidate { kind, end: self.end, index: self.index, migration }))
    }

    /// A migration of its subscription that stands in the way of another one.
    pub(super) fn stands(&self) -> bool {
        match self.standing {
            // What a person wanted back is moved again when a person says so (`retry`), not because a file changed.
            Some(VerdictKind::Refused | VerdictKind::RolledBack) if self.rolled_back_by_person => {
                !self.superseded
            }
            Some(VerdictKind::Refused | VerdictKind::RolledBack | VerdictKind::Skipped) => false,
            Some(VerdictKind::Completed | VerdictKind::Accepted | VerdictKind::Parked) | None => true,
        }
    }
}

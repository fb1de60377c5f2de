//! Suspension, decided: what each fact means at each stage. Pure, total, and every pair is named.
//!
//! Suspension is *retriable*: the pivot, the last verified user, lies before it, so it only goes forward, unless Microsoft
//! or the seats that are left forbid it, or an operator wants everything back. It alone turns a completed migration round:
//! purchase and reassignment wait for its word.
#![deny(clippy::wildcard_enum_match_arm)]

use jiff::{SignedDuration, Timestamp};
use seatshift_host::{Decision, Effect};
use seatshift_messages::{Cause, Direction, OnRefusal, Stands};
use serde::{Deserialize, Serialize};

use crate::Suspending;
use crate::work::{Change, Work};

/// Part names of the work rows.
pub(crate) const SUSPEND: &str = "suspend";
pub(crate) const REACTIVATE: &str = "reactivate";

/// Everything suspension remembers of one migration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// A rollback was requested. Set once, never cleared.
    pub rollback: bool,
    /// How often it has parked; an answer names the parking it answers.
    pub parkings: u32,
    pub stage: Stage,
}

/// Where suspension stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The migration has not come to us (perhaps its rollback has).
    #[default]
    Unreached,
    /// Suspending the old subscription.
    Suspending { policy: OnRefusal },
    /// `subscription.suspended` is said.
    Suspended,
    /// Making the old subscription active again.
    Reactivating,
    /// `subscription.reactivated` is said.
    Reactivated,
    /// `suspension.refused` is said.
    Refused,
    /// Cannot go forward without a person.
    ParkedForward { policy: OnRefusal },
    /// Cannot undo without a person.
    ParkedUndoing,
}

/// What suspension hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// `licenses.reassigned`.
    Reassigned { policy: OnRefusal },
    /// `rollback.requested`.
    RollbackRequested,
    /// `retry.requested` to us.
    RetryRequested { parking: u32 },
    /// The old subscription is suspended, read back.
    Suspended { done: Done },
    /// Settled: it is active and nothing of ours will change that, because we turned back.
    StillActive { stands: Stands },
    /// Settled: it is active and will stay so; Microsoft forbids it, or the seats left would not cover their holders.
    Impossible { cause: Cause, stands: Stands },
    /// It needs a person whatever the policy says.
    SuspendStuck { cause: Cause, stands: Stands },
    /// Active again, its seats assignable, read back.
    Reactivated { stands: Stands },
    /// It cannot be made active again: Microsoft refuses, or the deadline has passed.
    ReactivateStuck { cause: Cause, stands: Stands },
}

/// A suspension that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub at: Timestamp,
    pub undo_until: Option<Timestamp>,
    pub undo_reason: String,
    pub stands: Stands,
}

/// What suspension says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Suspended { done: Done },
    Refused { cause: Cause, stands: Stands },
    Reactivated { cause: Cause, stands: Stands },
    Parked { cause: Cause, direction: Direction, stands: Stands, parking: u32, rollback_seen: bool },
}

/// The cause of everything that an operator's rollback leads to.
pub(crate) fn operator() -> Cause {
    Cause::new("operator", "an operator asked for the migration to be rolled back")
}

pub(crate) fn decide(ledger: Ledger, fact: Fact) -> Decision<Suspending> {
    use Fact::*;
    use Stage::*;
    let Ledger { rollback, parkings, stage } = ledger;
    let at = Turn { rollback, parkings };
    match (stage, fact) {
        // === forward
        (Unreached, Reassigned { .. }) if rollback => at.refused(operator(), Stands::default()),
        (Unreached, Reassigned { policy }) => at.suspend(policy),
        // A suspension that still succeeded is told first, then undone.
        (Stage::Suspending { .. }, Fact::Suspended { done }) if rollback => {
            let told = Effect::Say(Said::Suspended { done });
            let mut turned = at.reactivate();
            turned.effects.insert(0, told);
            turned
        }
        (Stage::Suspending { .. }, Fact::Suspended { done }) => {
            at.to(Stage::Suspended).and(Effect::Say(Said::Suspended { done }))
        }
        (Stage::Suspending { .. }, StillActive { stands }) => at.refused(operator(), stands),
        (Stage::Suspending { .. }, Impossible { stands, .. }) if rollback => at.refused(operator(), stands),
        (Stage::Suspending { policy: OnRefusal::Rollback }, Impossible { cause, stands }) => {
            at.refused(cause, stands)
        }
        (Stage::Suspending { .. }, SuspendStuck { stands, .. }) if rollback => at.refused(operator(), stands),
        (Stage::Suspending { policy }, Impossible { cause, stands } | SuspendStuck { cause, stands }) => {
            at.park(ParkedForward { policy }, Direction::Forward, cause, stands)
        }

        // === back
        (Reactivating, Fact::Reactivated { stands }) => {
            at.to(Stage::Reactivated).and(Effect::Say(Said::Reactivated { cause: operator(), stands }))
        }
        (Reactivating, ReactivateStuck { cause, stands }) => {
            at.park(ParkedUndoing, Direction::Undo, cause, stands)
        }

        // === an operator wants it undone
        (Unreached, RollbackRequested) => at.remember().to(Unreached),
        (stage @ Stage::Suspending { .. }, RollbackRequested) => {
            at.remember().to(stage).and(Effect::Wake { part: SUSPEND.to_owned() })
        }
        (Stage::Suspended, RollbackRequested) => at.remember().reactivate(),
        // A change of ours may still be unsettled in the kept row: it answers StillActive, or Suspended.
        (ParkedForward { policy }, RollbackRequested) => {
            at.remember().to(Stage::Suspending { policy }).and(Effect::Wake { part: SUSPEND.to_owned() })
        }
        (ParkedUndoing, RollbackRequested) => at.remember().reactivate(),
        (stage @ (Reactivating | Stage::Reactivated | Refused), RollbackRequested) => at.remember().to(stage),

        // === a person says: try again
        (ParkedForward { policy }, RetryRequested { parking }) if parking == parkings => {
            at.to(Stage::Suspending { policy }).and(Effect::Wake { part: SUSPEND.to_owned() })
        }
        (ParkedUndoing, RetryRequested { parking }) if parking == parkings => at.reactivate(),
        // An answer to a parking that stands no more.
        (stage, RetryRequested { .. }) => at.to(stage),

        // === repeats and late arrivals
        (
            stage @ (Stage::Suspending { .. }
            | Stage::Suspended
            | Reactivating
            | Stage::Reactivated
            | Refused
            | ParkedForward { .. }
            | ParkedUndoing),
            Reassigned { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Stage::Suspended
            | Reactivating
            | Stage::Reactivated
            | Refused
            | ParkedForward { .. }
            | ParkedUndoing),
            Fact::Suspended { .. } | StillActive { .. } | Impossible { .. } | SuspendStuck { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Stage::Suspending { .. }
            | Stage::Suspended
            | Stage::Reactivated
            | Refused
            | ParkedForward { .. }
            | ParkedUndoing),
            Fact::Reactivated { .. } | ReactivateStuck { .. },
        ) => at.to(stage),
    }
}

/// What every turn carries along.
#[derive(Clone, Copy)]
struct Turn {
    rollback: bool,
    parkings: u32,
}

impl Turn {
    fn remember(self) -> Self {
        Turn { rollback: true, ..self }
    }

    fn to(self, stage: Stage) -> Decision<Suspending> {
        let Turn { rollback, parkings } = self;
        Decision { next: Ledger { rollback, parkings, stage }, effects: Vec::new() }
    }

    fn suspend(self, policy: OnRefusal) -> Decision<Suspending> {
        self.to(Stage::Suspending { policy }).and(Effect::Do {
            part: SUSPEND.to_owned(),
            work: Work::Suspending(Change::default()),
            after: SignedDuration::ZERO,
        })
    }

    fn reactivate(self) -> Decision<Suspending> {
        self.to(Stage::Reactivating).and(Effect::Do {
            part: REACTIVATE.to_owned(),
            work: Work::Reactivating(Change::default()),
            after: SignedDuration::ZERO,
        })
    }

    fn refused(self, cause: Cause, stands: Stands) -> Decision<Suspending> {
        self.to(Stage::Refused).and(Effect::Say(Said::Refused { cause, stands }))
    }

    fn park(self, stage: Stage, direction: Direction, cause: Cause, stands: Stands) -> Decision<Suspending> {
        let parking = self.parkings + 1;
        let said = Said::Parked { cause, direction, stands, parking, rollback_seen: self.rollback };
        Turn { parkings: parking, ..self }.to(stage).and(Effect::Say(said))
    }
}

//! Purchase, decided: what each fact means at each stage. Pure, total, and every pair is named.
//!
//! Purchase is *compensatable*: what it bought it can suspend again, as long as nobody depends on it. Two rules carry most
//! of the weight. *Refused* is said only when nothing of ours stands; and once `subscription.purchased` is said, purchase
//! does nothing until its successor has come back, whatever an operator asks for (protocol, "whoever holds it acts").
#![deny(clippy::wildcard_enum_match_arm)]

use jiff::SignedDuration;
use seatshift_host::{Decision, Effect};
use seatshift_messages::{Cause, Direction, OrderId, Purchase, Stands, SubscriptionId};
use serde::{Deserialize, Serialize};

use crate::Purchasing;
use crate::work::{Ordering, Provisioning, Reverting, Work};

/// Part names of the work rows.
pub(crate) const ORDER: &str = "order";
pub(crate) const PROVISION: &str = "provision";
pub(crate) const REVERT: &str = "revert";

/// Everything purchase remembers of one migration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// A rollback was requested. Set once, never cleared.
    pub rollback: bool,
    /// How often it has parked; an answer names the parking it answers.
    pub parkings: u32,
    pub stage: Stage,
}

/// Where purchase stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The migration has not come to us (perhaps its rollback has).
    #[default]
    Unreached,
    /// An order is being placed, or searched for after an answer was lost.
    Ordering,
    /// Ordered; waiting until the subscription is active and its seats can be assigned.
    Provisioning { bought: Bought },
    /// `subscription.purchased` is said; our successor holds the migration.
    Purchased { purchase: Purchase },
    /// Suspending what we bought.
    Reverting { bought: Bought, cause: Cause },
    /// `purchase.refused` is said.
    Refused,
    /// `purchase.reverted` is said.
    Reverted,
    /// Cannot go forward without a person.
    ParkedForward { at: Halt },
    /// Cannot undo without a person.
    ParkedUndoing { bought: Bought, cause: Cause },
}

/// Where a forward parking goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Halt {
    Ordering,
    Provisioning { bought: Bought },
}

/// An order of ours that exists at Microsoft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bought {
    pub order: OrderId,
    /// Not there yet while provisioning runs.
    pub subscription: Option<SubscriptionId>,
}

impl From<&Purchase> for Bought {
    fn from(purchase: &Purchase) -> Self {
        Bought { order: purchase.order.clone(), subscription: Some(purchase.subscription) }
    }
}

/// What purchase hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// `migration.requested`.
    Requested,
    /// `rollback.requested`.
    RollbackRequested,
    /// `retry.requested` to us.
    RetryRequested { parking: u32 },
    /// `reassignment.refused` or `licenses.restored`: everyone is back, ours is the next to undo.
    TurnedBack { cause: Cause },
    /// The order exists: answered, or found.
    Ordered { bought: Bought },
    /// Settled: no order of ours exists, and none will come.
    NothingBought { cause: Cause },
    /// Settled: nothing was bought, and buying needs a person (agreement, rights); or an outcome that stays unknown.
    /// `undoing`: it was found out while it was known that the operator wants it undone.
    OrderStuck { cause: Cause, stands: Stands, undoing: bool },
    /// Active, and the seats can be assigned.
    Assignable { purchase: Purchase },
    /// Microsoft says that it will never be.
    ProvisioningFailed { bought: Bought, cause: Cause },
    /// It takes longer than it may.
    ProvisioningStuck { bought: Bought, cause: Cause },
    /// What we bought is suspended, read back.
    Reverted { stands: Stands },
    /// It cannot be suspended: Microsoft refuses, or somebody would lose service.
    RevertStuck { cause: Cause, stands: Stands },
}

/// What purchase says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Purchased { purchase: Purchase },
    Refused { cause: Cause },
    Reverted { cause: Cause, stands: Stands },
    Parked { cause: Cause, direction: Direction, stands: Stands, parking: u32, rollback_seen: bool },
}

/// The cause of everything that an operator's rollback leads to.
pub(crate) fn operator() -> Cause {
    Cause::new("operator", "an operator asked for the migration to be rolled back")
}

pub(crate) fn decide(ledger: Ledger, fact: Fact) -> Decision<Purchasing> {
    use Fact::*;
    use Stage::*;
    let Ledger { rollback, parkings, stage } = ledger;
    let at = Turn { rollback, parkings };
    match (stage, fact) {
        // === forward
        (Unreached, Requested) if rollback => at.refused(operator()),
        (Unreached, Requested) => at.to(Stage::Ordering).and(order()),
        (Ordering, Ordered { bought }) if rollback => at.revert(bought, operator()),
        (Ordering, Ordered { bought }) => {
            at.to(Provisioning { bought: bought.clone() }).and(provision(bought))
        }
        (Ordering, NothingBought { cause }) => at.refused(cause),
        // Asked for while the order was under way: nobody has to ask again, the next look is one that undoes.
        (Ordering, OrderStuck { undoing: false, .. }) if rollback => at.to(Ordering).and(wake(ORDER)),
        (Ordering, OrderStuck { cause, stands, .. }) => {
            at.park(ParkedForward { at: Halt::Ordering }, Direction::Forward, cause, stands)
        }
        (Provisioning { .. }, Assignable { purchase }) => {
            at.to(Purchased { purchase: purchase.clone() }).and(Effect::Say(Said::Purchased { purchase }))
        }
        (Provisioning { .. }, ProvisioningFailed { bought, cause }) => at.revert(bought, cause),
        (Provisioning { .. }, ProvisioningStuck { bought, cause }) => {
            let stands = standing(&bought);
            at.park(ParkedForward { at: Halt::Provisioning { bought } }, Direction::Forward, cause, stands)
        }

        // === back
        (Purchased { purchase }, TurnedBack { cause }) => at.revert(Bought::from(&purchase), cause),
        (Reverting { cause, .. }, Fact::Reverted { stands }) => {
            at.to(Stage::Reverted).and(Effect::Say(Said::Reverted { cause, stands }))
        }
        (Reverting { bought, cause }, RevertStuck { cause: why, stands }) => {
            at.park(ParkedUndoing { bought, cause }, Direction::Undo, why, stands)
        }

        // === an operator wants it undone: whoever holds the migration acts
        (Unreached, RollbackRequested) => at.remember().to(Unreached),
        (Ordering, RollbackRequested) => at.remember().to(Ordering).and(wake(ORDER)),
        (Provisioning { bought }, RollbackRequested) => {
            at.remember().revert(bought, operator()).and(Effect::Drop { part: PROVISION.to_owned() })
        }
        (ParkedForward { at: Halt::Ordering }, RollbackRequested) => {
            at.remember().to(Ordering).and(wake(ORDER))
        }
        (ParkedForward { at: Halt::Provisioning { bought } }, RollbackRequested) => {
            at.remember().revert(bought, operator())
        }
        (ParkedUndoing { bought, cause }, RollbackRequested) => at.remember().revert(bought, cause),
        // Said our forward word: our successor answers. Undoing or undone: the chain that runs ends in a verdict.
        (stage @ (Purchased { .. } | Reverting { .. } | Refused | Stage::Reverted), RollbackRequested) => {
            at.remember().to(stage)
        }

        // === a person says: try again
        (ParkedForward { at: Halt::Ordering }, RetryRequested { parking }) if parking == parkings => {
            at.to(Ordering).and(wake(ORDER))
        }
        (ParkedForward { at: Halt::Provisioning { bought } }, RetryRequested { parking })
            if parking == parkings =>
        {
            at.to(Provisioning { bought: bought.clone() }).and(provision(bought))
        }
        (ParkedUndoing { bought, cause }, RetryRequested { parking }) if parking == parkings => {
            at.revert(bought, cause)
        }
        // An answer to a parking that stands no more.
        (stage, RetryRequested { .. }) => at.to(stage),

        // === repeats and late arrivals
        (
            stage @ (Ordering
            | Provisioning { .. }
            | Purchased { .. }
            | Reverting { .. }
            | Refused
            | Stage::Reverted
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            Requested,
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Ordering
            | Provisioning { .. }
            | Reverting { .. }
            | Refused
            | Stage::Reverted
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            TurnedBack { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Provisioning { .. }
            | Purchased { .. }
            | Reverting { .. }
            | Refused
            | Stage::Reverted
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            Ordered { .. } | NothingBought { .. } | OrderStuck { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Ordering
            | Purchased { .. }
            | Reverting { .. }
            | Refused
            | Stage::Reverted
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            Assignable { .. } | ProvisioningFailed { .. } | ProvisioningStuck { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Ordering
            | Provisioning { .. }
            | Purchased { .. }
            | Refused
            | Stage::Reverted
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            Fact::Reverted { .. } | RevertStuck { .. },
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

    fn to(self, stage: Stage) -> Decision<Purchasing> {
        let Turn { rollback, parkings } = self;
        Decision { next: Ledger { rollback, parkings, stage }, effects: Vec::new() }
    }

    fn refused(self, cause: Cause) -> Decision<Purchasing> {
        self.to(Stage::Refused).and(Effect::Say(Said::Refused { cause }))
    }

    fn revert(self, bought: Bought, cause: Cause) -> Decision<Purchasing> {
        let work = Work::Reverting(Reverting::of(bought.clone()));
        self.to(Stage::Reverting { bought, cause }).and(Effect::Do {
            part: REVERT.to_owned(),
            work,
            after: SignedDuration::ZERO,
        })
    }

    fn park(self, stage: Stage, direction: Direction, cause: Cause, stands: Stands) -> Decision<Purchasing> {
        let parking = self.parkings + 1;
        let said = Said::Parked { cause, direction, stands, parking, rollback_seen: self.rollback };
        Turn { parkings: parking, ..self }.to(stage).and(Effect::Say(said))
    }
}

fn order() -> Effect<Purchasing> {
    Effect::Do {
        part: ORDER.to_owned(),
        work: Work::Ordering(Ordering::default()),
        after: SignedDuration::ZERO,
    }
}

fn provision(bought: Bought) -> Effect<Purchasing> {
    let work = Work::Provisioning(Provisioning::of(bought));
    Effect::Do { part: PROVISION.to_owned(), work, after: SignedDuration::ZERO }
}

fn wake(part: &str) -> Effect<Purchasing> {
    Effect::Wake { part: part.to_owned() }
}

fn standing(bought: &Bought) -> Stands {
    Stands { order: Some(bought.order.clone()), new_subscription: bought.subscription, ..Stands::default() }
}

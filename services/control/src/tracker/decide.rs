//! Control, decided: what each fact means at each stage of a migration. Pure, total, and every pair is named.
//!
//! Four rules carry the weight. A verdict follows from a participant's fact or a person's word, never from a guess.
//! *Refused* and *rolled back* are final, whatever arrives later. `rollback.requested` is said at most once for each
//! migration and never withdrawn; a second wish is a retry of what is parked. And whatever a person asks is answered in the
//! transaction that decides it.
#![deny(clippy::wildcard_enum_match_arm)]

use seatshift_host::Decision;
use seatshift_messages::{Cause, ParkedAt};

use super::facts::{Ask, Fact, News, Report};
use super::ledger::{Ledger, Stage, VerdictKind, Wish};
use super::turn::Turn;
use crate::Controlling;

/// Cause of what an operator asked for.
pub const OPERATOR: &str = "operator";
/// Cause of a row that waits behind a parked migration of its customer.
pub const WAITS_FOR: &str = "waits_for";
/// Causes of rows that this part of the run leaves for a later one.
pub const NOT_IN_WAVE: &str = "not_in_this_wave";
pub const BEYOND_LIMIT: &str = "beyond_limit";

/// Left for a later `apply`, as opposed to stopped.
fn set_aside(ledger: &Ledger) -> bool {
    ledger
        .standing()
        .is_some_and(|verdict| verdict.cause.code == NOT_IN_WAVE || verdict.cause.code == BEYOND_LIMIT)
}

pub(crate) fn decide(mut ledger: Ledger, News { at, fact }: News) -> Decision<Controlling> {
    use Fact::*;
    use Stage::*;
    let stage = std::mem::take(&mut ledger.stage);
    let turn = Turn::new(ledger, at);
    match (stage, fact) {
        // === the row enters a run
        (Unplanned, Queued { row, stored }) => turn.take(row, stored).to(Waiting),
        (Unplanned, Skip { row, stored, cause }) => turn.take(row, stored).leave_out(cause),
        (Skipped, Queued { .. }) if set_aside(turn.ledger()) => turn.take_up(),
        // Applied again.
        (
            stage @ (Waiting
            | Checking
            | Running
            | Parked { .. }
            | Completed
            | Accepted { .. }
            | Refused
            | RolledBack
            | Skipped),
            Queued { .. } | Skip { .. },
        ) => turn.to(stage),

        // === its turn
        (Waiting, Admit { slot }) => turn.take_slot(slot).end_verdict().to(Checking),
        (Completed, Admit { slot }) => turn.take_slot(slot).granted_completed(),
        (Accepted { at }, Admit { slot }) => turn.take_slot(slot).granted_accepted(at),
        (
            stage @ (Unplanned | Checking | Running | Parked { .. } | Refused | RolledBack | Skipped),
            Admit { .. },
        ) => turn.to(stage),
        (Checking, StillTrue { .. }) => turn.request(),
        (Checking, Stopped { cause }) => turn.skip(cause),
        // An operator was quicker.
        (
            stage @ (Unplanned
            | Waiting
            | Running
            | Parked { .. }
            | Completed
            | Accepted { .. }
            | Refused
            | RolledBack
            | Skipped),
            StillTrue { .. } | Stopped { .. },
        ) => turn.to(stage),
        (Waiting, WaitsFor { holder }) => turn.wait_for(holder),
        (
            stage @ (Unplanned
            | Checking
            | Running
            | Parked { .. }
            | Completed
            | Accepted { .. }
            | Refused
            | RolledBack
            | Skipped),
            WaitsFor { .. },
        ) => turn.to(stage),

        // === what the participants say
        (
            stage @ (Running | Parked { .. } | Completed | Accepted { .. }),
            Heard { source, sequence, said_at, event },
        ) => {
            let mut turn = turn;
            let newest = turn.note(source, sequence);
            turn.learn(&event, said_at, newest);
            hear(turn, stage, source, event)
        }
        // Final, or nothing was asked for: recorded, and no verdict changes.
        (
            stage @ (Unplanned | Waiting | Checking | Refused | RolledBack | Skipped),
            Heard { source, sequence, said_at, event },
        ) => {
            let mut turn = turn;
            let newest = turn.note(source, sequence);
            turn.learn(&event, said_at, newest);
            if let Report::Parked(parked) = &event {
                turn.newer_parking(source, parked.parking);
            }
            turn.to(stage)
        }

        // === what an operator wants
        (stage, Rollback { ask }) => roll_back(turn, stage, ask),
        (stage, Retry { ask, successor }) => retry(turn, stage, ask, successor),
        (stage, Accept { ask }) => accept(turn, stage, ask),
    }
}

fn hear(
    mut turn: Turn,
    stage: Stage,
    source: seatshift_messages::Service,
    event: Report,
) -> Decision<Controlling> {
    match event {
        Report::PurchaseRefused { cause, .. } => turn.close(Stage::Refused, VerdictKind::Refused, cause),
        Report::PurchaseReverted { cause, .. } => {
            turn.close(Stage::RolledBack, VerdictKind::RolledBack, cause)
        }
        // It is being turned round already: reactivation follows, and its end is the verdict.
        Report::Suspended { .. } if turn.ledger().rollback => turn.to(stage),
        Report::Suspended { .. } => turn.complete(),
        Report::Parked(parked) => {
            let newer = turn.newer_parking(source, parked.parking);
            // That participant had not heard of the rollback when it parked: it will answer it.
            let answers = turn.ledger().rollback && !parked.rollback_seen;
            if newer && !answers { turn.park(source, *parked) } else { turn.to(stage) }
        }
        Report::Purchased { .. }
        | Report::Progressed { .. }
        | Report::Reassigned { .. }
        | Report::MovedBack { .. }
        | Report::SuspensionRefused { .. }
        | Report::Reactivated { .. } => turn.to(stage),
    }
}

fn roll_back(turn: Turn, stage: Stage, ask: Ask) -> Decision<Controlling> {
    match stage {
        Stage::Unplanned => turn.no(stage, &ask, "no such migration is known"),
        // Nothing was begun, so there is nothing to undo; the row is stopped.
        Stage::Waiting | Stage::Checking => {
            let mut turn = turn;
            turn.done(&ask, "stopped before anything was begun");
            turn.skip(operator(&ask))
        }
        Stage::Running if turn.ledger().rollback => turn.no(stage, &ask, "it is being rolled back already"),
        Stage::Running => turn.request_rollback(&ask),
        Stage::Parked { at } if turn.ledger().rollback => turn.request_retry(at, &ask),
        Stage::Parked { .. } => turn.request_rollback(&ask),
        Stage::Completed => turn.wish_rollback_of_completed(ask),
        Stage::Accepted { at } => turn.wish(Stage::Accepted { at }, &ask, Wish::Rollback(ask.asked.clone())),
        Stage::Refused => {
            turn.no(stage, &ask, "it was refused: nothing of ours stands, so there is nothing to undo")
        }
        Stage::RolledBack => turn.no(stage, &ask, "it is rolled back already"),
        Stage::Skipped => {
            turn.no(stage, &ask, "it was skipped: nothing was begun, so there is nothing to undo")
        }
    }
}

fn retry(
    turn: Turn,
    stage: Stage,
    ask: Ask,
    successor: seatshift_messages::MigrationId,
) -> Decision<Controlling> {
    match stage {
        Stage::Unplanned => turn.no(stage, &ask, "no such migration is known"),
        Stage::Waiting => turn.no(stage, &ask, "it waits for its turn and goes on by itself"),
        Stage::Checking | Stage::Running => {
            turn.no(stage, &ask, "it is not parked: it is going on by itself")
        }
        Stage::Parked { at } => turn.request_retry(at, &ask),
        Stage::Completed => turn.no(stage, &ask, "it is completed: there is nothing to try again"),
        Stage::Accepted { at } => turn.wish(Stage::Accepted { at }, &ask, Wish::Retry(ask.asked.clone())),
        stage @ (Stage::Refused | Stage::RolledBack) => turn.begin_anew(stage, &ask, successor),
        Stage::Skipped if set_aside(turn.ledger()) => turn.no(
            stage,
            &ask,
            "it is left for a later part of the run: apply the plan with its wave or a higher limit",
        ),
        Stage::Skipped if turn.ledger().stopped_by_plan => {
            turn.no(stage, &ask, "its plan row stopped it: change the row and apply the plan again")
        }
        Stage::Skipped => turn.begin_anew(stage, &ask, successor),
    }
}

fn accept(turn: Turn, stage: Stage, ask: Ask) -> Decision<Controlling> {
    match stage {
        Stage::Parked { at } => turn.accept(at, &ask),
        Stage::Unplanned => turn.no(stage, &ask, "no such migration is known"),
        Stage::Accepted { .. } => turn.no(stage, &ask, "it is accepted already"),
        Stage::Waiting
        | Stage::Checking
        | Stage::Running
        | Stage::Completed
        | Stage::Refused
        | Stage::RolledBack
        | Stage::Skipped => turn.no(stage, &ask, "only a parked migration can be accepted as it stands"),
    }
}

/// The cause of what an operator stopped.
pub(super) fn operator(ask: &Ask) -> Cause {
    Cause::new(OPERATOR, format!("{} asked for it", ask.asked.by))
}

/// Parked by control itself: nobody has to answer.
pub(super) fn nobody(parking: u32) -> ParkedAt {
    ParkedAt {
        participant: None,
        parking,
        direction: seatshift_messages::Direction::Forward,
        choices: Vec::new(),
    }
}

//! What control hears and says about one migration.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{
    AskedBy, Cause, Instruction, MigrationId, Parked, Purchase, Service, Stands, VerdictReached,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ledger::{RowRef, VerdictKind};
use crate::run::RunRow;

/// A fact with the time at which control learns it.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    pub at: Timestamp,
    pub fact: Fact,
}

impl News {
    pub fn new(at: Timestamp, fact: Fact) -> Self {
        News { at, fact }
    }
}

/// How it is made sure that a customer's slot is given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// One process gives slots, and its picture is whole.
    Granted,
    /// Another replica may believe that it gives slots as well, for the moment that a lost lock needs to be noticed. So
    /// the slot is a record that must not be there yet: of two grants to one customer the store refuses the second.
    Recorded,
}

/// What control is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The row is in a run and is to be moved. Also said of a row that was set aside, when its time has come. `stored`: the
    /// row of the run, written with the decision; none where it is written already.
    Queued {
        row: RowRef,
        stored: Option<Box<RunRow>>,
    },
    /// Planning or a person stopped the row, or this part of the run does not name it.
    Skip {
        row: RowRef,
        stored: Option<Box<RunRow>>,
        cause: Cause,
    },
    /// The customer's slot is its own.
    Admit {
        slot: Slot,
    },
    /// Read again: the row's facts are as planned.
    StillTrue {
        instruction: Arc<Instruction>,
    },
    /// Read again: they are not, or could not be read.
    Stopped {
        cause: Cause,
    },
    /// Its customer's slot is held by a migration that is parked.
    WaitsFor {
        holder: MigrationId,
    },
    /// A participant's event.
    Heard {
        source: Service,
        sequence: u64,
        said_at: Timestamp,
        event: Report,
    },
    /// An operator's wishes.
    Rollback {
        ask: Ask,
    },
    Retry {
        ask: Ask,
        successor: MigrationId,
    },
    Accept {
        ask: Ask,
    },
}

/// An operator's wish about one migration. The answer is written beside the decision, under the command's own key: so a
/// command that is carried out again after a crash finds what it has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    pub command: String,
    pub migration: MigrationId,
    pub asked: AskedBy,
}

/// What a participant reports, as far as control acts on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    Purchased {
        purchase: Purchase,
    },
    PurchaseRefused {
        cause: Cause,
        stands: Stands,
    },
    PurchaseReverted {
        cause: Cause,
        stands: Stands,
    },
    Progressed {
        moved: u32,
    },
    Reassigned {
        moved: u32,
        already: u32,
    },
    /// `reassignment.refused` and `licenses.restored`.
    MovedBack {
        restored: u32,
        left: u32,
    },
    Suspended {
        at: Timestamp,
        undo_until: Option<Timestamp>,
        undo_reason: String,
        stands: Stands,
    },
    SuspensionRefused {
        stands: Stands,
    },
    Reactivated {
        stands: Stands,
    },
    Parked(Box<Parked>),
}

/// What control says about a migration.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Requested,
    RollbackRequested { asked: AskedBy },
    RetryRequested { participant: Service, parking: u32, asked: AskedBy },
    Verdict { kind: VerdictKind, verdict: Box<VerdictReached> },
}

/// What became of an operator's wish, for one migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WishAnswer)]
pub struct Answer {
    pub migration: MigrationId,
    /// Row of the plan.
    pub row: String,
    pub outcome: Outcome,
    /// For people.
    pub text: String,
    /// The migration that tries the row again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<MigrationId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WishOutcome)]
pub enum Outcome {
    /// Done, or begun.
    Done,
    /// Will be done when the customer's slot is free.
    Waits,
    /// Not done; the text says why.
    No,
}

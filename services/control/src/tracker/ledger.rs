//! What control remembers of one migration.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use seatshift_messages::{
    AskedBy, Cause, CustomerId, MigrationId, ParkedAt, RunId, Service, Stands, SubscriptionId, Upto,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everything that control remembers of one migration. The row's own cells are a record of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    /// The row it is; none = only heard of from others.
    pub row: Option<RowRef>,
    pub stage: Stage,
    /// The latest verdict; [`Verdict::stands`] says whether it still does.
    pub verdict: Option<Verdict>,
    /// `rollback.requested` is published. Set once, never cleared.
    pub rollback: bool,
    /// What an operator wants of a closed migration, as soon as its customer's slot is free.
    pub wish: Option<Wish>,
    /// The newest parking heard of, by participant.
    pub parkings: BTreeMap<Service, u32>,
    /// The last sequence number heard of, by participant.
    pub upto: BTreeMap<Service, u64>,
    pub known: Known,
    /// The migration that tries this one's row again.
    pub successor: Option<MigrationId>,
    /// When control last heard of it from a participant, or asked something of one: silence is counted from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard_at: Option<Timestamp>,
    /// Its customer's slot is also a record, which goes when the slot is free (see [`super::Slot`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slot_recorded: bool,
    /// The plan, or the part of it that was applied, stopped the row: only another `apply` takes it up.
    #[serde(default)]
    pub stopped_by_plan: bool,
}

impl Ledger {
    /// The verdict, where one stands.
    pub fn standing(&self) -> Option<&Verdict> {
        self.verdict.as_ref().filter(|verdict| verdict.stands)
    }

    /// No other migration of the customer may begin.
    pub fn holds_slot(&self) -> bool {
        match self.stage {
            Stage::Checking | Stage::Running | Stage::Parked { .. } => true,
            Stage::Unplanned
            | Stage::Waiting
            | Stage::Completed
            | Stage::Accepted { .. }
            | Stage::Refused
            | Stage::RolledBack
            | Stage::Skipped => false,
        }
    }

    /// The service whose step a migration under way is in, on its way forward; none on the way back, where several may work.
    pub fn awaits(&self) -> Option<Service> {
        let known = &self.known;
        if self.stage != Stage::Running || self.rollback || known.restored + known.left > 0 {
            None
        } else if known.purchased_at.is_none() {
            Some(Service::Purchase)
        } else if known.users_done_at.is_none() {
            Some(Service::Reassignment)
        } else {
            Some(Service::Suspension)
        }
    }

    pub(crate) fn upto(&self) -> Vec<Upto> {
        self.upto.iter().map(|(source, sequence)| Upto { source: *source, sequence: *sequence }).collect()
    }
}

/// Which row of which run, with what admission needs to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowRef {
    pub run: RunId,
    /// Place in the plan file, from 0.
    pub index: u32,
    pub row: String,
    pub customer: CustomerId,
    /// None where discovery found no subscription: a customer that could not be read.
    pub old_subscription: Option<SubscriptionId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub commitment_end: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Users to move, as planned.
    pub users: u32,
    /// The migration that this one tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<MigrationId>,
    /// Revision of the row's last verdict so far: verdicts of a row go on counting over its migrations.
    #[serde(default)]
    pub revision: u32,
}

/// Where control stands with a migration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MigrationStage)]
pub enum Stage {
    /// No row of a run yet.
    #[default]
    Unplanned,
    /// In a run, until its customer's slot is free and its turn comes.
    Waiting,
    /// Its turn: the facts of its row are being read again.
    Checking,
    /// `migration.requested` is said; the participants hold it, forward or back.
    Running,
    /// A participant waits for a person.
    Parked { at: ParkedAt },
    /// Done; may be rolled back until its deadline.
    Completed,
    /// Closed by a person as it stands; may be retried or rolled back.
    Accepted { at: ParkedAt },
    /// Final: nothing of ours stands.
    Refused,
    /// Final: everything of ours is undone.
    RolledBack,
    /// Nothing was begun.
    Skipped,
}

/// Something that waits for the customer's slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Rollback(AskedBy),
    Retry(AskedBy),
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    pub kind: VerdictKind,
    pub revision: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// False: a person's answer has ended it, and the next is not there yet.
    pub stands: bool,
    pub cause: Cause,
    #[serde(default)]
    pub what_stands: Stands,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parking: Option<ParkedAt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AskedBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undo_until: Option<Timestamp>,
}

/// Which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    Completed,
    Refused,
    Skipped,
    RolledBack,
    Accepted,
    Parked,
}

impl VerdictKind {
    /// The word of the report.
    pub fn name(self) -> &'static str {
        match self {
            VerdictKind::Completed => "completed",
            VerdictKind::Refused => "refused",
            VerdictKind::Skipped => "skipped",
            VerdictKind::RolledBack => "rolled_back",
            VerdictKind::Accepted => "accepted",
            VerdictKind::Parked => "parked",
        }
    }
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the participants have told, gathered for people and for the verdicts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Known {
    /// The latest word on each part of what stands at Microsoft.
    pub stands: Stands,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub requested_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub purchased_at: Option<Timestamp>,
    /// Seats bought.
    pub bought: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub users_done_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub suspended_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reactivated_at: Option<Timestamp>,
    /// Until when the suspension can be undone, and what sets that, or why there is no way back.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undo_until: Option<Timestamp>,
    pub undo_reason: String,
    /// Users moved because of us.
    pub moved: u32,
    pub already: u32,
    pub restored: u32,
    /// Users whom somebody else has changed since, and whom the undo left alone.
    pub left: u32,
}

impl Known {
    /// Takes over what a fact says, part by part: a participant reads only its own part of the world.
    pub(crate) fn learn(&mut self, read: Stands, said_at: Timestamp) {
        let Stands { read_at, old_status, new_subscription, new_status, order, users_moved, users } = read;
        let told = &mut self.stands;
        let newer = read_at.unwrap_or(said_at);
        told.read_at = Some(told.read_at.map_or(newer, |known| known.max(newer)));
        told.old_status = old_status.or(told.old_status.take());
        told.new_subscription = new_subscription.or(told.new_subscription);
        told.new_status = new_status.or(told.new_status.take());
        told.order = order.or(told.order.take());
        told.users_moved = users_moved.or(told.users_moved);
        told.users = users;
    }
}

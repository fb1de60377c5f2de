//! What the participants and control say: one struct for each event of version 1.
//!
//! Past tense, and only what a reader needs to decide. Only additive changes are made inside a version: a new field is
//! optional and has a default. Causes, remedies and codes are open sets: new ones may appear at any time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::envelope::Service;
use crate::ids::{CustomerId, MigrationId, OrderId, RunId, SubscriptionId, UserId};
use crate::instruction::Instruction;

/// Why something did not go on. `code` is stable and documented (`seatshift explain CODE`), `text` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cause {
    pub code: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft: Option<MicrosoftAnswer>,
}

impl Cause {
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Cause { code: code.to_owned(), text: text.into(), microsoft: None }
    }
}

/// Which answer of Microsoft's stands behind a cause; its support finds the call by the correlation id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MicrosoftAnswer {
    pub operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    pub correlation_id: Uuid,
    pub request_id: Uuid,
}

/// What stands at Microsoft, as last read, with the time it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stands {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub read_at: Option<Timestamp>,
    /// Status of the old subscription, where this participant read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_subscription: Option<SubscriptionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Users on the new SKU because of us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_moved: Option<u32>,
    /// Users that a person should look at, at most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
}

/// Which way a participant was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Direction {
    Forward,
    Undo,
}

/// What a person can answer a parking with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Choice {
    Retry,
    Rollback,
    Accept,
}

/// What was bought, as the services after purchase need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    pub order: OrderId,
    pub subscription: SubscriptionId,
    /// Seats.
    pub quantity: u32,
    pub purchased_at: Timestamp,
    /// Last moment of a full undo, where Microsoft names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellable_until: Option<Timestamp>,
}

/// A person who asked for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskedBy {
    /// Login name of the operator.
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

// === migration.requested

/// Admitted: the migration begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRequested {
    pub instruction: Instruction,
}

// === purchase

/// The new subscription is active **and its seats are assignable**.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionPurchased {
    pub instruction: Instruction,
    pub purchase: Purchase,
}

/// Nothing of ours stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseRefused {
    pub cause: Cause,
    #[serde(default)]
    pub stands: Stands,
}

/// The new subscription is suspended (legacy) or deleted (new commerce).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseReverted {
    pub cause: Cause,
    #[serde(default)]
    pub stands: Stands,
}

// === reassignment

/// Every user of the row is on the new SKU, read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicensesReassigned {
    pub instruction: Instruction,
    pub purchase: Purchase,
    /// Users on the new SKU because of us.
    pub moved: u32,
    /// Users of the row who were on the new SKU before we came.
    pub already_there: u32,
}

/// Could not; everyone we moved is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignmentRefused {
    pub cause: Cause,
    /// Users moved back.
    pub restored: u32,
    /// Users who are no longer as we left them, and were not touched again.
    #[serde(default)]
    pub left: u32,
}

/// Everyone we moved is back, with the service plans they had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicensesRestored {
    pub cause: Cause,
    pub restored: u32,
    #[serde(default)]
    pub left: u32,
}

/// Users moved so far; for dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationProgressed {
    pub moved: u32,
    pub of: u32,
}

// === suspension

/// The old subscription is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSuspended {
    pub suspended_at: Timestamp,
    /// Until when it can be undone; none with `undo_reason` where there is no way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_until: Option<Timestamp>,
    /// What sets the deadline, or why there is none.
    pub undo_reason: String,
    #[serde(default)]
    pub stands: Stands,
}

/// The old one is still active and will stay so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspensionRefused {
    pub cause: Cause,
    #[serde(default)]
    pub stands: Stands,
}

/// The old one is active again, its seats assignable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionReactivated {
    pub cause: Cause,
    #[serde(default)]
    pub stands: Stands,
}

// === parked, said by each of the three

/// Cannot go on without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub cause: Cause,
    pub direction: Direction,
    pub stands: Stands,
    pub choices: Vec<Choice>,
    /// Counts this participant's parkings of this migration from 1: an answer names the one it answers.
    pub parking: u32,
    /// Whether this participant knew of a requested rollback when it parked.
    pub rollback_seen: bool,
}

// === control

/// Undo this migration. At most once for each, never withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackRequested {
    #[serde(flatten)]
    pub asked: AskedBy,
}

/// A person says: try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRequested {
    pub participant: Service,
    pub parking: u32,
    #[serde(flatten)]
    pub asked: AskedBy,
}

/// An operator paused a run; the calls are stopped by the gate, this is the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPaused {
    pub run: RunId,
    /// What has begun is finished, nothing new starts.
    pub drain: bool,
    #[serde(flatten)]
    pub asked: AskedBy,
}

/// An operator resumed a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResumed {
    pub run: RunId,
    #[serde(flatten)]
    pub asked: AskedBy,
}

/// The standing verdict of one row of the plan: said as `migration.completed`, `.refused`, `.skipped`, `.rolled_back`,
/// `.accepted` or `.parked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictReached {
    pub run: RunId,
    pub row: String,
    pub customer: CustomerId,
    pub old_subscription: SubscriptionId,
    /// 1, 2, ...: the latest stands.
    pub revision: u32,
    pub cause: Cause,
    #[serde(default)]
    pub stands: Stands,
    /// For *parked*: who waits, and for which answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parking: Option<ParkedAt>,
    /// For *accepted*: who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AskedBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_until: Option<Timestamp>,
    /// The last sequence number of each source that control had seen: with it a missing last event is noticed.
    #[serde(default)]
    pub upto: Vec<Upto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<MigrationId>,
}

/// Which participant is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParkedAt {
    /// None: control itself holds it (`waits for ...`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<Service>,
    pub parking: u32,
    pub direction: Direction,
    pub choices: Vec<Choice>,
}

/// One source's last known sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upto {
    pub source: Service,
    pub sequence: u64,
}

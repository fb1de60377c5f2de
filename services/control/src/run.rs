//! Runs: one execution of a plan, with its rows as they were read. Both are records; rows never change.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_messages::{Cause, CustomerId, Instruction, MigrationId, RunId, SubscriptionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A reviewed plan, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct ReviewedPlan {
    /// SHA-256 of the file: the same bytes are the same run.
    pub sha256: String,
    pub rows: Vec<PlannedRow>,
    /// Columns that people added to the plan; given back in the report.
    pub extra_columns: Vec<String>,
}

/// One row of a reviewed plan, as control needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedRow {
    pub row_id: String,
    /// Nil where even the customer could not be read.
    pub customer: CustomerId,
    pub customer_name: String,
    pub customer_domain: String,
    pub old_subscription: Option<SubscriptionId>,
    /// The old subscription can be reactivated before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub commitment_end: Option<Timestamp>,
    pub users: u32,
    pub wave: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    pub decision: Decided,
    /// The row itself, for whoever reads its facts again and for the report. Opaque here.
    pub plan: Value,
}

/// What the plan says is to become of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    Move,
    /// Not decided, decided against, or not ready: with the reason.
    Leave(Cause),
}

/// Which part of a run is applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunOptions {
    /// Only rows of these waves; empty = all.
    #[serde(default)]
    pub waves: Vec<String>,
    /// At most this many rows of the run are ever begun, nearest end date first.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Who lets it run.
    pub approved_by: String,
}

/// One execution of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    pub id: RunId,
    pub plan_sha256: String,
    pub approved_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    pub rows: usize,
    #[serde(default)]
    pub extra_columns: Vec<String>,
    /// The options of the last `apply`.
    pub options: RunOptions,
    /// Number of the last event said about the run itself.
    #[serde(default)]
    pub sequence: u64,
}

/// A row of a run, as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub run: RunId,
    /// Place in the plan file, from 0.
    pub index: u32,
    /// The migration that carries it out; of another row where the subscription had one already.
    pub migration: MigrationId,
    /// The migration belongs to another row, of this run or an earlier one.
    pub already: bool,
    pub row: PlannedRow,
}

/// What became of an `apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    pub run: RunId,
    /// False: the same plan had been applied before, and this goes on with it.
    pub new: bool,
    /// Rows that wait for their turn because of this `apply`.
    pub queued: usize,
    /// Rows that were left out, by the code of the reason.
    pub left_out: BTreeMap<String, usize>,
    /// Rows of which an earlier `apply` has taken care.
    pub as_before: usize,
    /// Rows whose subscription has a migration already, which is not repeated.
    pub already: Vec<(String, MigrationId)>,
}

/// Reads the facts of a row again, right before its migration begins, and makes its instruction. Only reads.
#[async_trait]
pub trait Recheck: Send + Sync + Debug {
    async fn recheck(&self, ask: Question<'_>) -> Rechecked;
}

/// Which row is to be read again.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub run: RunId,
    pub migration: MigrationId,
    /// The migration that this one tries again.
    pub retries: Option<MigrationId>,
    pub row: &'a PlannedRow,
    /// How often it was tried in vain.
    pub tries: u32,
}

/// What a fresh read of a row's facts says.
#[derive(Debug, Clone, PartialEq)]
pub enum Rechecked {
    StillTrue(Arc<Instruction>),
    /// Something has changed, or there is no safe answer: the row is skipped with this.
    Stopped(Cause),
    /// It could not be read just now.
    Later(SignedDuration),
}

//! What travels between control and its clients, where it is not a type of the engine itself. Additive changes only.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::{CustomerId, MigrationId, RunId, Service};
use seatshift_store::{CallCount, CallRow, EventRow, LedgerRow, LoggedCall, RecordRow, WorkRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{PlannedRow, Progress, RunOptions, Settled, SilentMigration};

/// How far everything is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgressNow {
    /// Of this picture: given back as `seen`, the next answer waits for another one.
    pub version: String,
    /// Up to which change of the database this picture is whole.
    pub position: u64,
    pub progress: Progress,
    /// Set when nothing more happens by itself.
    pub settled: Option<Settled>,
    /// Migrations under way of which nothing was heard for longer than their step may take, longest first.
    pub silent: Vec<Silent>,
    /// For people, where some are silent: what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_do_about_silence: Option<String>,
    /// Customers with an old subscription that ends soon and from which they are not moved.
    pub at_risk: usize,
    /// Whether anything may be changed at Microsoft.
    pub allow_changes: bool,
    /// Whether the clock of the replica that answers agrees with the database's. While it does not, that one admits nothing
    /// and carries out no command but `pause`.
    #[serde(default = "yes")]
    pub clock_is_right: bool,
    /// For people, where it is not right: what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_do_about_the_clock: Option<String>,
    /// What time it is for control, which a simulator's clock may decide.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Seconds of that clock in a real one.
    pub clock_scale: u32,
}

/// Of a control that does not say so yet.
fn yes() -> bool {
    true
}

/// A migration of which nothing is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Silent {
    #[schema(value_type = String, format = Uuid)]
    pub migration: MigrationId,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The service whose step it is in; absent on the way back, where several may work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub awaits: Option<Service>,
}

impl From<SilentMigration> for Silent {
    fn from(silent: SilentMigration) -> Self {
        let SilentMigration { migration, since, awaits } = silent;
        Silent { migration, since, awaits }
    }
}

/// Something was taken on; where to ask what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    pub id: String,
}

/// What became of something that was taken on, or that nothing did yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome<T> {
    pub answer: Option<T>,
    /// The last change of the database when this was answered: progress from there shows what was done.
    pub position: u64,
}

/// A plan to be applied: its rows here, or uploaded before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// SHA-256 of the plan file: the same plan again goes on with its run.
    pub sha256: String,
    #[serde(default)]
    pub extra_columns: Vec<String>,
    pub options: RunOptions,
    /// The rows themselves, where they fit into one request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<PlannedRow>,
    /// Or under which upload they are, and how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<Uploaded>,
}

/// Rows that were uploaded page by page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    pub upload: String,
    pub rows: usize,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    pub key: String,
    pub version: u64,
    /// JSON.
    pub body: String,
}

/// A record to be written; without a body it is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordChange {
    pub kind: String,
    pub key: String,
    #[serde(default)]
    pub body: Option<String>,
}

/// Where control stands with a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    #[schema(value_type = String, format = Uuid)]
    pub migration: MigrationId,
    #[schema(value_type = Option<String>, format = Uuid)]
    pub customer: Option<CustomerId>,
    pub version: u64,
    pub sequence: u64,
    /// JSON.
    pub stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<seatshift_messages::Instruction>)]
    pub instruction: Option<Arc<seatshift_messages::Instruction>>,
}

/// Which ledgers are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ledgers {
    #[schema(value_type = Vec<String>)]
    pub ids: Vec<MigrationId>,
}

/// A piece of work of a service, as it remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkEntry {
    pub part: String,
    pub version: u64,
    /// JSON.
    pub body: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
}

/// One event of the log: the same bytes as on the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoggedEvent {
    pub position: u64,
    pub event: String,
}

/// One call to Microsoft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Call {
    pub position: u64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[schema(value_type = Option<String>, format = Uuid)]
    pub migration: Option<MigrationId>,
    #[schema(value_type = Option<String>, format = Uuid)]
    pub customer: Option<CustomerId>,
    pub family: String,
    pub operation: String,
    pub changing: bool,
    /// None: no answer came.
    pub status: Option<u16>,
    pub code: Option<u32>,
    pub request_id: Uuid,
    pub correlation_id: Uuid,
    pub microseconds: u64,
    pub attempt: u32,
}

/// Calls of one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FamilyCalls {
    pub family: String,
    pub calls: u64,
    pub throttled: u64,
    pub failed: u64,
}

/// A row of a run with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Row {
    /// Place in the plan, from 0: given as `after`, the next page begins behind it.
    pub index: u32,
    #[schema(value_type = String, format = Uuid)]
    pub run: RunId,
    pub row: PlannedRow,
    #[schema(value_type = String, format = Uuid)]
    pub migration: MigrationId,
    #[schema(value_type = Vec<String>)]
    pub earlier: Vec<MigrationId>,
    pub already: bool,
    /// What stands, or what it is doing, in a few words.
    pub state: String,
    pub ledger: crate::tracker::Ledger,
}

/// One migration with its story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Migration {
    #[schema(value_type = String, format = Uuid)]
    pub migration: MigrationId,
    pub ledger: crate::tracker::Ledger,
    /// Its events, in the order of the log.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<serde_json::Value>,
    pub calls: Vec<Call>,
}

/// A message that a service could not handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    #[schema(value_type = String)]
    pub service: Service,
    pub id: String,
    pub kind: Option<String>,
    pub subject: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    pub reason: String,
    /// The message, as far as it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// Which dead letters of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichLetters {
    One(String),
    Oldest(usize),
    All,
}

/// Send dead letters back to their service: first one, then ten, then the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    pub which: WhichLetters,
    #[serde(default)]
    pub per_second: Option<u32>,
}

/// Throw dead letters away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    pub which: WhichLetters,
}

/// What became of dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Handled {
    /// Sent back, or thrown away.
    pub letters: usize,
    /// Of those sent back, by id: dead again. No more were sent.
    pub came_back: Vec<String>,
}

/// A new consent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefreshToken {
    pub refresh_token: String,
}

impl std::fmt::Debug for NewRefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewRefreshToken")
    }
}

impl From<RecordRow> for Record {
    fn from(row: RecordRow) -> Self {
        Record { key: row.key, version: row.version, body: row.body }
    }
}

impl From<LedgerRow> for LedgerEntry {
    fn from(row: LedgerRow) -> Self {
        let LedgerRow { migration, customer, version, sequence, stage, instruction } = row;
        LedgerEntry { migration, customer, version, sequence, stage, instruction }
    }
}

impl From<LedgerEntry> for LedgerRow {
    fn from(entry: LedgerEntry) -> Self {
        let LedgerEntry { migration, customer, version, sequence, stage, instruction } = entry;
        LedgerRow { migration, customer, version, sequence, stage, instruction }
    }
}

impl From<WorkRow> for WorkEntry {
    fn from(row: WorkRow) -> Self {
        WorkEntry { part: row.part, version: row.version, body: row.body, due: row.due }
    }
}

impl From<&EventRow> for LoggedEvent {
    fn from(row: &EventRow) -> Self {
        // Events are JSON.
        LoggedEvent { position: row.position, event: String::from_utf8_lossy(&row.bytes).into_owned() }
    }
}

impl From<LoggedCall> for Call {
    fn from(logged: LoggedCall) -> Self {
        let LoggedCall { position, call } = logged;
        Call {
            position,
            at: call.at,
            migration: call.migration,
            customer: call.customer,
            family: call.family,
            operation: call.operation,
            changing: call.changing,
            status: call.status,
            code: call.code,
            request_id: call.request_id,
            correlation_id: call.correlation_id,
            microseconds: call.microseconds,
            attempt: call.attempt,
        }
    }
}

impl From<Call> for LoggedCall {
    fn from(call: Call) -> Self {
        let row = CallRow {
            at: call.at,
            migration: call.migration,
            customer: call.customer,
            family: call.family,
            operation: call.operation,
            changing: call.changing,
            status: call.status,
            code: call.code,
            request_id: call.request_id,
            correlation_id: call.correlation_id,
            microseconds: call.microseconds,
            attempt: call.attempt,
        };
        LoggedCall { position: call.position, call: row }
    }
}

impl From<CallCount> for FamilyCalls {
    fn from(count: CallCount) -> Self {
        FamilyCalls {
            family: count.family,
            calls: count.calls,
            throttled: count.throttled,
            failed: count.failed,
        }
    }
}

impl From<FamilyCalls> for CallCount {
    fn from(count: FamilyCalls) -> Self {
        CallCount {
            family: count.family,
            calls: count.calls,
            throttled: count.throttled,
            failed: count.failed,
        }
    }
}

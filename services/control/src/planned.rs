//! From planning to running: the rows of a plan as a run keeps them, and the last look before money is spent.
//!
//! Planning knows files and facts, a run knows rows and verdicts; this is the seam. The row a person approved is kept as it
//! was written, cell by cell, so that the report gives back what was planned and the last look compares with what was
//! approved.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use seatshift_edge::{Meaning, cause_of, meaning_of};
use seatshift_messages::{Cause, CustomerId, Policy};
use seatshift_partner_center::{CallError, Problem, Reader, Timer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::planning::{
    Admission, Decision, Desk, MemoryCache, PlanFile, PlanOptions, PlanPath, PlanRow, PlanUser, Quiet,
    Readiness, Reason, Rechecker, UsersFile,
};
use crate::run::{Decided, PlannedRow, Question, Recheck, Rechecked, ReviewedPlan};
use crate::tables::{Reading, Sheet};

/// A plan row with its users, as approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovedRow {
    pub row: PlanRow,
    /// Cells of the columns that people added.
    pub extra: Vec<String>,
    pub users: Vec<PlanUser>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    cells: Vec<String>,
    #[serde(default)]
    extra: Vec<String>,
    #[serde(default)]
    users: Vec<Vec<String>>,
}

impl ApprovedRow {
    /// For keeping: every cell as it is written.
    pub fn to_value(&self) -> Value {
        let stored = Stored {
            cells: self.row.cells(),
            extra: self.extra.clone(),
            users: self.users.iter().map(Sheet::cells).collect(),
        };
        serde_json::to_value(stored).expect("cells are texts")
    }

    /// What was kept. A cell that this version cannot read is left empty.
    pub fn from_value(value: &Value) -> Self {
        let Ok(stored) = Stored::deserialize(value) else { return ApprovedRow::default() };
        ApprovedRow {
            row: from_cells(&stored.cells),
            extra: stored.extra,
            users: stored.users.iter().map(|cells| from_cells(cells)).collect(),
        }
    }
}

fn from_cells<T: Sheet>(cells: &[String]) -> T {
    let mut row = T::default();
    for (column, text) in cells.iter().enumerate() {
        if let Err(bad) = row.set(column, text, &Reading::default()) {
            tracing::error!(column = T::COLUMNS.get(column), ?bad, "a stored cell cannot be read");
        }
    }
    row
}

/// A plan file, as a run takes it.
pub fn reviewed(plan: &PlanFile, users: &UsersFile) -> ReviewedPlan {
    let rows = plan.lines.iter().map(|line| {
        let users = users.rows.get(&line.row.row_id).cloned().unwrap_or_default();
        planned(&ApprovedRow { row: line.row.clone(), extra: line.extra.clone(), users })
    });
    let rejected = plan.rejected.iter().map(|line| {
        let approved = ApprovedRow { row: line.row.clone(), extra: line.extra.clone(), users: Vec::new() };
        let said = plan.problems.iter().filter(|problem| problem.line == line.line).map(ToString::to_string);
        let cause = Cause::new("row_has_a_problem", said.collect::<Vec<_>>().join("; "));
        PlannedRow { decision: Decided::Leave(cause), ..planned(&approved) }
    });
    ReviewedPlan {
        sha256: plan.sha256.clone(),
        rows: rows.chain(rejected).collect(),
        extra_columns: plan.extra_columns.clone(),
    }
}

fn planned(approved: &ApprovedRow) -> PlannedRow {
    let row = &approved.row;
    let midnight = |date: jiff::civil::Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    PlannedRow {
        row_id: row.row_id.clone(),
        customer: row.customer_id.unwrap_or(CustomerId(Uuid::nil())),
        customer_name: row.customer_name.clone(),
        customer_domain: row.customer_domain.clone(),
        old_subscription: row.old_subscription_id,
        // The date is inclusive.
        commitment_end: row
            .commitment_end_date
            .and_then(|date| date.checked_add(1.day()).ok())
            .and_then(midnight),
        users: row.users_to_move.unwrap_or(0),
        wave: row.wave.clone(),
        not_before: row.not_before.and_then(midnight),
        decision: decided(approved),
        plan: approved.to_value(),
    }
}

fn decided(approved: &ApprovedRow) -> Decided {
    let row = &approved.row;
    match row.decision {
        // Who moves is decided in the users' file. Without its lines nobody has said that anybody may be moved.
        Some(Decision::Move) if needs_users(row) && approved.users.is_empty() => {
            let text = "the users' file has no line for this row, so nobody has said who is to be moved";
            Decided::Leave(Cause::new("users_not_given", text))
        }
        Some(Decision::Move) => Decided::Move,
        Some(Decision::Skip) => {
            let note = if row.note.is_empty() { "a person decided to skip it" } else { &row.note };
            Decided::Leave(Cause::new("skipped_by_person", note))
        }
        None if row.readiness == Readiness::Ready => {
            Decided::Leave(Cause::new("not_decided", "the row is ready, but nobody has decided to move it"))
        }
        None => Decided::Leave(Cause::new(&row.reason_code, row.reason.clone())),
    }
}

/// Whether the row moves users, whose lines stand in the users' file.
pub fn needs_users(row: &PlanRow) -> bool {
    row.path != Some(PlanPath::SameSku) && row.users_to_move.is_some_and(|users| users > 0)
}

/// The last look, through the read-only client.
#[derive(Debug)]
pub struct LastLook {
    reader: Reader,
    timer: Arc<dyn Timer>,
    options: PlanOptions,
    policy: Policy,
    rechecker: Rechecker,
    /// Price lists alone are kept, and only as long as this process lives.
    cache: MemoryCache,
}

/// Looks that fail for a passing reason, before the row is given up.
const MOST_TRIES: u32 = 12;

impl LastLook {
    pub fn new(reader: Reader, timer: Arc<dyn Timer>, options: PlanOptions, policy: Policy) -> Self {
        LastLook {
            reader,
            timer,
            options,
            policy,
            rechecker: Rechecker::default(),
            cache: MemoryCache::default(),
        }
    }
}

#[async_trait]
impl Recheck for LastLook {
    async fn recheck(&self, ask: Question<'_>) -> Rechecked {
        use crate::planning::Recheck::{Changed, NotReady, Same, Unreadable};
        let approved = ApprovedRow::from_value(&ask.row.plan);
        let reader = self.reader.correlated(ask.migration.0);
        let desk = Desk {
            reader: &reader,
            cache: &self.cache,
            timer: &*self.timer,
            progress: &Quiet,
            options: &self.options,
        };
        let admission =
            Admission { run: ask.run, migration: ask.migration, policy: self.policy, retries: ask.retries };
        match self.rechecker.recheck(&desk, &approved.row, &approved.users, &admission).await {
            Ok(Same(instruction)) => Rechecked::StillTrue(Arc::from(instruction)),
            Ok(Changed(what)) => {
                let text = format!("since the plan was made: {}", what.join("; "));
                Rechecked::Stopped(Cause::new("changed_since_planned", text))
            }
            Ok(NotReady(finding))
                if finding.reason == Reason::CustomerUnreadable && ask.tries < MOST_TRIES =>
            {
                Rechecked::Later(wait(ask.tries))
            }
            Ok(NotReady(finding)) => Rechecked::Stopped(Cause::new(finding.reason.code(), finding.words)),
            Ok(Unreadable(error)) => unreadable(&error, ask.tries),
            Err(error) => Rechecked::Stopped(Cause::new("cache", error.to_string())),
        }
    }
}

fn unreadable(error: &CallError, tries: u32) -> Rechecked {
    // No token: that says nothing about the customer. The row waits until somebody has logged in again.
    if matches!(error.problem, Problem::Login(_)) {
        return Rechecked::Later(wait(tries));
    }
    match meaning_of(error) {
        // Throttling and outages use up no attempts.
        Meaning::Later { after } => Rechecked::Later(after.unwrap_or_else(|| wait(tries))),
        Meaning::NotYet | Meaning::Unknown if tries < MOST_TRIES => Rechecked::Later(wait(tries)),
        Meaning::NotYet | Meaning::Unknown => Rechecked::Stopped(cause_of(error)),
        Meaning::Refused(cause) | Meaning::Person(cause) => Rechecked::Stopped(cause),
    }
}

fn wait(tries: u32) -> SignedDuration {
    SignedDuration::from_secs(15).saturating_mul(1 << tries.min(5)).min(SignedDuration::from_mins(5))
}

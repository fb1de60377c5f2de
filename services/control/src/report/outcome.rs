//! `report.csv`: all columns of the plan unchanged, then what became of the row.

use jiff::Timestamp;
use seatshift_messages::{OfferId, OrderId, RunId, SubscriptionId};

use super::{Remedies, Report};
use crate::planned::ApprovedRow;
use crate::planning::PlanRow;
use crate::standing::RowStanding;
use crate::tables::{Bad, Reading, Sheet};
use crate::tracker::{Known, Verdict, VerdictKind};

crate::sheet! {
    /// The columns that the report adds.
    pub struct Outcome {
        /// Empty while none stands.
        "verdict" verdict: String,
        "verdict_at" verdict_at: Option<Timestamp>,
        "revision" revision: Option<u32>,
        "reason_code" reason_code: String,
        "reason" reason: String,
        "what_to_do" what_to_do: String,
        "microsoft_code" microsoft_code: Option<u32>,
        "correlation_id" correlation_id: String,
        "order_id" order_id: Option<OrderId>,
        "new_subscription_id" new_subscription_id: Option<SubscriptionId>,
        "new_offer_id" new_offer_id: Option<OfferId>,
        "seats_bought" seats_bought: Option<u32>,
        "users_planned" users_planned: Option<u32>,
        "users_moved" users_moved: Option<u32>,
        /// Changed by somebody else since, and so left alone by the undo.
        "users_left" users_left: Option<u32>,
        "users_restored" users_restored: Option<u32>,
        "purchased_at" purchased_at: Option<Timestamp>,
        "users_done_at" users_done_at: Option<Timestamp>,
        "suspended_at" suspended_at: Option<Timestamp>,
        /// From purchase to suspension: how long both were paid for.
        "overlap_hours" overlap_hours: String,
        "old_status_now" old_status_now: String,
        "new_status_now" new_status_now: String,
        /// When the participants last read what stands.
        "verified_at" verified_at: Option<Timestamp>,
        "undo_until" undo_until: Option<Timestamp>,
        /// The command, or why there is no way back.
        "undo_how" undo_how: String,
        /// Migrations that the row has had.
        "attempts" attempts: Option<u32>,
        "calls" calls: Option<u64>,
        "run_id" run_id: Option<RunId>,
        "plan_sha256" plan_sha256: String,
        "approved_by" approved_by: String,
    }
}

/// One row of `report.csv`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportRow {
    pub plan: PlanRow,
    pub outcome: Outcome,
}

const PLAN: usize = PlanRow::COLUMNS.len();
const ALL: usize = PLAN + Outcome::COLUMNS.len();

const fn both<T: Copy, const N: usize>(first: &[T], second: &[T], filler: T) -> [T; N] {
    let mut all = [filler; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

impl Sheet for ReportRow {
    const COLUMNS: &'static [&'static str] = &both::<_, ALL>(PlanRow::COLUMNS, Outcome::COLUMNS, "");
    const DATES: &'static [bool] = &both::<_, ALL>(PlanRow::DATES, Outcome::DATES, false);

    fn cells(&self) -> Vec<String> {
        let mut cells = self.plan.cells();
        cells.extend(self.outcome.cells());
        cells
    }

    fn set(&mut self, column: usize, text: &str, reading: &Reading) -> Result<(), Bad> {
        match column.checked_sub(PLAN) {
            None => self.plan.set(column, text, reading),
            Some(column) => self.outcome.set(column, text, reading),
        }
    }
}

/// A row as it went in, with what became of it, and the cells that people added.
pub(super) fn row(
    report: &Report,
    standing: &RowStanding,
    remedies: Remedies<'_>,
) -> (ReportRow, Vec<String>) {
    let approved = ApprovedRow::from_value(&standing.row.plan);
    let known = &standing.ledger.known;
    let begun = known.requested_at.is_some();
    let mut outcome = Outcome {
        reason: standing.state(),
        order_id: known.stands.order.clone(),
        new_subscription_id: known.stands.new_subscription,
        new_offer_id: approved.row.target_offer_id.clone().filter(|_| begun),
        seats_bought: known.purchased_at.map(|_| known.bought),
        users_planned: Some(standing.row.users),
        users_moved: Some(known.moved),
        users_left: Some(known.left),
        users_restored: Some(known.restored),
        purchased_at: known.purchased_at,
        users_done_at: known.users_done_at,
        suspended_at: known.suspended_at,
        overlap_hours: overlap(known),
        attempts: u32::try_from(standing.earlier.len() + 1).ok(),
        calls: Some(report.calls_of(standing)),
        run_id: Some(standing.run),
        plan_sha256: report.run.plan_sha256.clone(),
        approved_by: report.run.approved_by.clone(),
        ..Outcome::default()
    };
    if let Some(verdict) = standing.ledger.standing() {
        outcome = judged(outcome, verdict, standing, remedies);
    }
    (ReportRow { plan: approved.row, outcome }, approved.extra)
}

fn judged(outcome: Outcome, verdict: &Verdict, standing: &RowStanding, remedies: Remedies<'_>) -> Outcome {
    let microsoft = verdict.cause.microsoft.as_ref();
    let stands = &verdict.what_stands;
    let done = verdict.kind == VerdictKind::Completed;
    Outcome {
        verdict: verdict.kind.name().to_owned(),
        verdict_at: Some(verdict.at),
        revision: Some(verdict.revision),
        reason_code: verdict.cause.code.clone(),
        reason: verdict.cause.text.clone(),
        what_to_do: remedies(&verdict.cause),
        microsoft_code: microsoft.and_then(|answer| answer.code),
        correlation_id: microsoft.map(|answer| answer.correlation_id.to_string()).unwrap_or_default(),
        old_status_now: stands.old_status.clone().unwrap_or_default(),
        new_status_now: stands.new_status.clone().unwrap_or_default(),
        verified_at: stands.read_at,
        undo_until: verdict.undo_until,
        undo_how: match verdict.undo_until {
            Some(_) => format!("seatshift rollback {}", standing.row.row_id),
            None if done => standing.ledger.known.undo_reason.clone(),
            None => String::new(),
        },
        ..outcome
    }
}

fn overlap(known: &Known) -> String {
    match (known.purchased_at, known.suspended_at) {
        (Some(bought), Some(suspended)) => {
            let hours = suspended.duration_since(bought).as_secs_f64() / 3600.0;
            format!("{:.1}", hours.max(0.0))
        }
        (Some(_) | None, Some(_) | None) => String::new(),
    }
}

//! Everything that the page shows, read from the store once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_control::report::{Figures, Report};
use seatshift_control::standing;
use seatshift_control::tracker::VerdictKind;
use seatshift_messages::{Envelope, Event, MigrationId};
use seatshift_store::{CallCount, Store};
use serde_json::Value;

use super::calls::{self, Calls};
use crate::commands::explain::what_to_do;

/// What the page is made from.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) run: String,
    pub(super) approved_by: String,
    pub(super) figures: Figures,
    /// Rows by verdict and cause, the most first.
    pub(super) causes: Vec<Cause>,
    pub(super) seats: Seats,
    /// In the engine's own time.
    pub(super) progress: Progress,
    pub(super) families: Vec<CallCount>,
    pub(super) migrations: Vec<Migration>,
    pub(super) calls: Calls,
    pub(super) proof: Option<Value>,
}

/// Rows of one verdict and cause.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) verdict: &'static str,
    pub(super) cause: String,
    pub(super) rows: u64,
    pub(super) what_to_do: String,
}

/// Seats and users of the rows that completed.
#[derive(Debug, Default)]
pub(super) struct Seats {
    pub(super) old: u64,
    pub(super) bought: u64,
    pub(super) users: u64,
}

/// Things that happened, in order of time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) requested: Vec<Timestamp>,
    /// Verdicts, with their name.
    pub(super) ended: Vec<(Timestamp, &'static str)>,
    /// Users moved at that moment (less: moved back).
    pub(super) users: Vec<(Timestamp, i64)>,
}

/// One migration, for the timeline.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) id: MigrationId,
    pub(super) row: String,
    pub(super) customer: String,
    pub(super) state: String,
    pub(super) verdict: &'static str,
    pub(super) why: String,
    pub(super) users: u32,
    /// When, who, what, a few words.
    pub(super) events: Vec<(Timestamp, &'static str, String, String)>,
}

impl Data {
    pub(super) async fn read(
        store: &dyn Store,
        report: &Report,
        proof: Option<&Value>,
    ) -> anyhow::Result<Data> {
        let mut migrations = migrations(report);
        let progress = read_events(store, &mut migrations).await?;
        let known: BTreeMap<MigrationId, usize> =
            migrations.iter().enumerate().map(|(at, migration)| (migration.id, at)).collect();
        Ok(Data {
            run: report.run.id.to_string(),
            approved_by: report.run.approved_by.clone(),
            figures: report.figures(store).await?,
            causes: causes(report),
            seats: seats(report),
            progress,
            families: store.call_counts().await?,
            calls: calls::read(store, &known).await?,
            migrations,
            proof: proof.cloned(),
        })
    }
}

fn causes(report: &Report) -> Vec<Cause> {
    let counts = standing::by_cause(&report.standings).into_iter();
    let mut causes: Vec<Cause> = counts
        .map(|((verdict, cause), rows)| Cause {
            verdict: verdict.name(),
            what_to_do: if verdict == VerdictKind::Completed { String::new() } else { what_to_do(&cause) },
            cause,
            rows: rows as u64,
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.rows));
    causes
}

fn seats(report: &Report) -> Seats {
    let mut seats = Seats::default();
    let (rows, _) = report.rows(&|_| String::new());
    for row in rows.iter().filter(|row| row.outcome.verdict == "completed") {
        seats.old += u64::from(row.plan.old_seats.unwrap_or(0));
        seats.bought += u64::from(row.outcome.seats_bought.unwrap_or(0));
        seats.users += u64::from(row.outcome.users_moved.unwrap_or(0));
    }
    seats
}

fn migrations(report: &Report) -> Vec<Migration> {
    let begun = report.standings.iter().filter(|row| row.ledger.known.requested_at.is_some() && !row.already);
    begun
        .map(|row| Migration {
            id: row.migration,
            row: row.row.row_id.clone(),
            customer: row.row.customer_name.clone(),
            state: row.state(),
            verdict: row.ledger.standing().map_or("running", |verdict| verdict.kind.name()),
            why: row.ledger.standing().map(|verdict| verdict.cause.text.clone()).unwrap_or_default(),
            users: row.row.users,
            events: Vec::new(),
        })
        .collect()
}

async fn read_events(store: &dyn Store, migrations: &mut [Migration]) -> anyhow::Result<Progress> {
    let place: BTreeMap<MigrationId, usize> =
        migrations.iter().enumerate().map(|(at, migration)| (migration.id, at)).collect();
    let mut progress = Progress::default();
    let mut moved: BTreeMap<MigrationId, i64> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = store.events(after, 1000, None).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for row in &page {
            let Ok(envelope) = Envelope::from_bytes(&row.bytes) else { continue };
            let migration = MigrationId(envelope.subject);
            let Some(at) = place.get(&migration) else { continue };
            let Ok(event) = Event::read(&envelope) else { continue };
            let name = envelope.kind.trim_start_matches("seatshift.").trim_end_matches(".v1").to_owned();
            let words = progress.take(&envelope, &event, moved.entry(migration).or_default());
            migrations[*at].events.push((envelope.time, envelope.source.name(), name, words));
        }
    }
    progress.requested.sort_unstable();
    progress.ended.sort_unstable();
    progress.users.sort_unstable();
    Ok(progress)
}

impl Progress {
    /// Counts an event; gives the few words that people want to see of it.
    fn take(&mut self, envelope: &Envelope, event: &Event, moved: &mut i64) -> String {
        let at = envelope.time;
        let mut now = |users: i64| {
            if users != *moved {
                self.users.push((at, users - *moved));
                *moved = users;
            }
        };
        match event {
            Event::MigrationRequested(said) => {
                self.requested.push(at);
                format!(
                    "{} users, {} seats to buy",
                    said.instruction.users(),
                    said.instruction.target.quantity
                )
            }
            Event::SubscriptionPurchased(said) => format!("{} seats", said.purchase.quantity),
            Event::MigrationProgressed(said) => {
                now(i64::from(said.moved));
                format!("{} of {} users", said.moved, said.of)
            }
            Event::LicensesReassigned(said) => {
                now(i64::from(said.moved));
                format!("{} users", said.moved)
            }
            Event::LicensesRestored(said) => {
                now(i64::from(said.left));
                format!("{} users back", said.restored)
            }
            Event::ReassignmentRefused(said) => {
                now(i64::from(said.left));
                said.cause.text.clone()
            }
            Event::PurchaseParked(said) | Event::ReassignmentParked(said) | Event::SuspensionParked(said) => {
                said.cause.text.clone()
            }
            Event::SubscriptionSuspended(said) => said.undo_reason.clone(),
            Event::RollbackRequested(said) => said.asked.reason.clone().unwrap_or_default(),
            Event::MigrationCompleted(said) => self.end(at, "completed", &said.cause.text),
            Event::MigrationRefused(said) => self.end(at, "refused", &said.cause.text),
            Event::MigrationRolledBack(said) => self.end(at, "rolled_back", &said.cause.text),
            Event::MigrationAccepted(said) => self.end(at, "accepted", &said.cause.text),
            Event::MigrationParked(said) => self.end(at, "parked", &said.cause.text),
            Event::MigrationSkipped(said) => said.cause.text.clone(),
            _ => String::new(),
        }
    }

    fn end(&mut self, at: Timestamp, verdict: &'static str, text: &str) -> String {
        self.ended.push((at, verdict));
        text.to_owned()
    }
}

//! What is claimed: the rows with their verdicts, from a report file or from the state itself.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use seatshift_control::planned::ApprovedRow;
use seatshift_control::standing::{self, RowStanding};
use seatshift_control::tables::Table;
use seatshift_messages::{MigrationId, RunId};
use seatshift_store::Store;
use uuid::Uuid;

use super::log::Log;
use crate::ending::Usage;

/// One row and what is said of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    pub(crate) row_id: String,
    pub(crate) run: Option<RunId>,
    pub(crate) migration: Option<MigrationId>,
    pub(crate) customer: Option<Uuid>,
    pub(crate) old_subscription: Option<Uuid>,
    /// None = no verdict is given.
    pub(crate) verdict: Option<String>,
    pub(crate) new_subscription: Option<Uuid>,
    pub(crate) seats_bought: Option<u32>,
    /// Service plans that were off for each user when the plan was made.
    pub(crate) disabled_before: BTreeMap<Uuid, Vec<Uuid>>,
}

/// The rows of a run as the store has them, with the verdicts that were published.
pub(crate) async fn of_state(store: &dyn Store, log: &Log) -> anyhow::Result<Vec<Claim>> {
    let Some(run) = standing::latest_run(store).await? else {
        return Err(Usage::new("nothing was applied yet, so there is nothing to verify").into());
    };
    let rows = standing::rows(store, run.id).await?;
    Ok(rows.iter().map(|row| claim(row, log)).collect())
}

fn claim(row: &RowStanding, log: &Log) -> Claim {
    let story = log.migrations.get(&row.migration);
    let said = story.and_then(|story| story.verdict.as_ref());
    Claim {
        row_id: row.row.row_id.clone(),
        run: Some(row.run),
        migration: Some(row.migration),
        customer: (!row.row.customer.0.is_nil()).then_some(row.row.customer.0),
        old_subscription: row.row.old_subscription.map(|id| id.0),
        verdict: said.map(|(name, _)| (*name).to_owned()),
        new_subscription: said.and_then(|(_, said)| said.stands.new_subscription).map(|id| id.0),
        seats_bought: story.and_then(|story| story.purchase.as_ref()).map(|purchase| purchase.quantity),
        disabled_before: disabled(row),
    }
}

fn disabled(row: &RowStanding) -> BTreeMap<Uuid, Vec<Uuid>> {
    let users = ApprovedRow::from_value(&row.row.plan).users;
    let ids = |text: &str| text.split_whitespace().filter_map(|id| Uuid::parse_str(id).ok()).collect();
    users.iter().filter_map(|user| user.user_id.map(|id| (id.0, ids(&user.disabled_now)))).collect()
}

/// The rows of a report. What the plan knew of users is taken from the state, where it is there.
pub(crate) async fn of_report(path: &Path, store: &dyn Store, log: &Log) -> anyhow::Result<Vec<Claim>> {
    const EXPECTED: &[&str] = &["row_id", "customer_id", "old_subscription_id", "verdict", "run_id"];
    let bytes = std::fs::read(path).map_err(|error| {
        Usage::new(format!(
            "{}: the report cannot be read ({error}); `seatshift report` writes one",
            path.display()
        ))
    })?;
    let table = Table::read(&bytes, EXPECTED)
        .map_err(|problem| Usage::new(format!("{}: {problem}", path.display())))?;
    for column in ["row_id", "verdict"] {
        if !table.header.iter().any(|name| name == column) {
            let place = path.display();
            return Err(Usage::new(format!(
                "{place}: column {column} is missing; give a report, not a plan"
            ))
            .into());
        }
    }
    let known = standing::all(store).await.context("the state")?;
    let known: BTreeMap<(RunId, &str), &RowStanding> =
        known.iter().map(|row| ((row.run, row.row.row_id.as_str()), row)).collect();
    Ok(table.records.iter().map(|record| read(&table.header, &record.cells, &known, log)).collect())
}

fn read(
    header: &[String],
    cells: &[String],
    known: &BTreeMap<(RunId, &str), &RowStanding>,
    log: &Log,
) -> Claim {
    let text = |name: &str| {
        let at = header.iter().position(|column| column == name)?;
        cells.get(at).map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty())
    };
    let id = |name: &str| text(name).and_then(|text| Uuid::parse_str(&text).ok());
    let row_id = text("row_id").unwrap_or_default();
    let run = id("run_id").map(RunId);
    let row = run.and_then(|run| known.get(&(run, row_id.as_str())));
    Claim {
        run,
        migration: row
            .map(|row| row.migration)
            .or_else(|| run.and_then(|run| log.of_row(run, &row_id)).map(|(migration, _)| migration)),
        customer: id("customer_id"),
        old_subscription: id("old_subscription_id"),
        verdict: text("verdict"),
        new_subscription: id("new_subscription_id"),
        seats_bought: text("seats_bought").and_then(|text| text.parse().ok()),
        disabled_before: row.map(|row| disabled(row)).unwrap_or_default(),
        row_id,
    }
}

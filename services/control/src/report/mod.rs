//! Reports: every row that went in comes out, with what became of it, its users, and what still needs a person.
//!
//! Read from the store alone, by any process and at any time; nothing is asked of Microsoft (that is what `verify` does).
//! What must never happen here: a row that is left out because nobody knows what to say about it.

mod figures;
mod outcome;
mod todo;
mod users;

use std::collections::BTreeMap;

use seatshift_messages::{Cause, Instruction, MigrationId, Service};
use seatshift_store::{Store, StoreError};
use std::sync::Arc;

use crate::run::Run;
use crate::standing::{self, RowStanding};

pub use figures::{CallFigures, Figures, UserFigures};
pub use outcome::{Outcome, ReportRow};
pub use todo::{Action, TodoRow, read_todo};
pub use users::ReportUser;

/// Everything that the reports of one run are made from.
#[derive(Debug)]
pub struct Report {
    pub run: Run,
    pub standings: Vec<RowStanding>,
    /// Calls made for each migration.
    calls: BTreeMap<MigrationId, u64>,
    instructions: BTreeMap<MigrationId, Arc<Instruction>>,
}

/// What a person can do about a cause, in a sentence.
pub type Remedies<'a> = &'a dyn Fn(&Cause) -> String;

/// Rows read at a time.
const PAGE: usize = 500;

impl Report {
    /// Reads what is known of a run.
    pub async fn of(store: &dyn Store, run: Run) -> Result<Self, StoreError> {
        let standings = standing::rows(store, run.id).await?;
        let calls = calls(store).await?;
        let ids: Vec<MigrationId> = standings.iter().map(|row| row.migration).collect();
        let mut instructions = BTreeMap::new();
        for page in ids.chunks(PAGE) {
            let ledgers = store.ledgers(Service::Control, page).await?;
            instructions.extend(
                ledgers.into_iter().filter_map(|row| row.instruction.map(|one| (row.migration, one))),
            );
        }
        Ok(Report { run, standings, calls, instructions })
    }

    /// The rows of `report.csv` with the cells of the columns that people added, in the order of the plan.
    pub fn rows(&self, remedies: Remedies<'_>) -> (Vec<ReportRow>, Vec<Vec<String>>) {
        self.standings.iter().map(|standing| outcome::row(self, standing, remedies)).unzip()
    }

    /// The rows of `report-users.csv`.
    pub async fn users(&self, store: &dyn Store) -> Result<Vec<ReportUser>, StoreError> {
        let mut users = Vec::new();
        for standing in &self.standings {
            let instruction = self.instructions.get(&standing.migration).map(|one| &**one);
            users.extend(users::of(store, standing, instruction).await?);
        }
        Ok(users)
    }

    /// The rows of `todo.csv`: what waits for a person.
    pub fn todo(&self, remedies: Remedies<'_>) -> Vec<TodoRow> {
        self.standings.iter().filter_map(|standing| todo::row(standing, remedies)).collect()
    }

    /// The figures of `report.json` that are known here.
    pub async fn figures(&self, store: &dyn Store) -> Result<Figures, StoreError> {
        figures::of(store, self).await
    }

    /// Calls made for a row, over all its migrations.
    fn calls_of(&self, standing: &RowStanding) -> u64 {
        let all = standing.earlier.iter().chain(std::iter::once(&standing.migration));
        all.filter_map(|migration| self.calls.get(migration)).sum()
    }
}

async fn calls(store: &dyn Store) -> Result<BTreeMap<MigrationId, u64>, StoreError> {
    const PAGE: usize = 5000;
    let mut counts = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = store.calls(after, PAGE, None).await?;
        for logged in &page {
            if let Some(migration) = logged.call.migration {
                *counts.entry(migration).or_default() += 1;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.position,
            Some(_) | None => return Ok(counts),
        }
    }
}

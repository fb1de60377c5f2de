//! The result of a discovery.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::reasons::Readiness;
use super::row::{Decision, PlanRow, PlanUser};
use crate::tables::{Style, write_sheet};

/// Every subscription found, the closest end date first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub rows: Vec<PlanRow>,
    /// Users of the rows, in the order of the rows.
    pub users: Vec<PlanUser>,
    /// Entries of the customer list that could not be read, in words.
    pub unlisted: Vec<String>,
    /// What is sold, by country: lower-case offer ids.
    pub sold: BTreeMap<String, BTreeSet<String>>,
}

impl Plan {
    /// The closest end date first, then by customer and row; users follow their rows.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| {
            let ends = row.commitment_end_date;
            (ends.is_none(), ends, row.customer_id, row.row_id.clone())
        });
        let place: BTreeMap<&str, usize> =
            self.rows.iter().enumerate().map(|(at, row)| (row.row_id.as_str(), at)).collect();
        let users = std::mem::take(&mut self.users);
        let mut placed: Vec<(usize, PlanUser)> = users
            .into_iter()
            .map(|user| (place.get(user.row_id.as_str()).copied().unwrap_or(usize::MAX), user))
            .collect();
        placed.sort_by_key(|(at, user)| (*at, user.user_id));
        self.users = placed.into_iter().map(|(_, user)| user).collect();
    }

    /// Writes `plan.csv`, mode 0600.
    pub fn write(&self, path: &Path, style: Style) -> io::Result<()> {
        write_sheet(path, &self.rows, &[], &[], style)
    }

    /// Writes `plan-users.csv`, mode 0600.
    pub fn write_users(&self, path: &Path, style: Style) -> io::Result<()> {
        write_sheet(path, &self.users, &[], &[], style)
    }
}

/// Decides `move` for every row that is ready and not decided; says how many.
pub fn approve_ready<'a>(rows: impl IntoIterator<Item = &'a mut PlanRow>, by: &str) -> usize {
    let open = |row: &&mut PlanRow| row.readiness == Readiness::Ready && row.decision.is_none();
    let mut approved = 0;
    for row in rows.into_iter().filter(open) {
        row.decision = Some(Decision::Move);
        by.clone_into(&mut row.decided_by);
        approved += 1;
    }
    approved
}

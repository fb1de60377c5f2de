//! What a run has come to, in counts and in an exit code.

use std::collections::BTreeMap;

use seatshift_control::standing::RowStanding;
use seatshift_control::tracker::{BEYOND_LIMIT, NOT_IN_WAVE, OPERATOR, Stage, VerdictKind};
use serde::Serialize;

use crate::ending::Ending;

/// Cause of a row that a person has decided to skip.
const BY_PERSON: &str = "skipped_by_person";

/// Rows by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdicts {
    pub(crate) completed: u64,
    pub(crate) refused: u64,
    pub(crate) skipped: u64,
    pub(crate) rolled_back: u64,
    pub(crate) accepted: u64,
    pub(crate) parked: u64,
}

impl Verdicts {
    pub(crate) fn of(rows: &[RowStanding]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for verdict in rows.iter().filter_map(|row| row.ledger.standing()) {
            *verdicts.count(verdict.kind) += 1;
        }
        verdicts
    }

    fn count(&mut self, kind: VerdictKind) -> &mut u64 {
        match kind {
            VerdictKind::Completed => &mut self.completed,
            VerdictKind::Refused => &mut self.refused,
            VerdictKind::Skipped => &mut self.skipped,
            VerdictKind::RolledBack => &mut self.rolled_back,
            VerdictKind::Accepted => &mut self.accepted,
            VerdictKind::Parked => &mut self.parked,
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.completed + self.refused + self.skipped + self.rolled_back + self.accepted + self.parked
    }
}

/// How a run's rows end a command: fine when every row is completed, rolled back on request, accepted, or skipped by a
/// person.
pub(crate) fn ending(rows: &[RowStanding]) -> Ending {
    let fine = |row: &RowStanding| match row.ledger.standing() {
        None => false,
        Some(verdict) => match verdict.kind {
            VerdictKind::Completed | VerdictKind::Accepted => true,
            VerdictKind::RolledBack => row.ledger.rollback,
            VerdictKind::Skipped => {
                [BY_PERSON, OPERATOR, NOT_IN_WAVE, BEYOND_LIMIT].contains(&verdict.cause.code.as_str())
            }
            VerdictKind::Refused | VerdictKind::Parked => false,
        },
    };
    if rows.iter().all(fine) { Ending::Fine } else { Ending::Partly }
}

/// Rows by what is being done with them, where no verdict stands.
pub(crate) fn under_way(rows: &[RowStanding]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row.ledger.standing().is_none()) {
        *counts.entry(row.state()).or_default() += 1;
    }
    counts
}

/// Whether something of ours is half done at Microsoft: begun, and neither closed nor waiting for a person.
pub(crate) fn in_flight(rows: &[RowStanding]) -> u64 {
    rows.iter().filter(|row| matches!(row.ledger.stage, Stage::Running)).count() as u64
}

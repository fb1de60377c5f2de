//! The figures of `report.json` that control knows. Audit, reconciliation and the engine's own cost are added by others:
//! who is judged does not write the judgment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_store::{Store, StoreError};
use serde::Serialize;

use super::Report;
use crate::tracker::VerdictKind;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub rows: usize,
    /// All six, also those that did not occur.
    pub verdicts: BTreeMap<&'static str, usize>,
    pub users: UserFigures,
    pub calls: CallFigures,
    /// In the engine's own time.
    pub first_requested: Option<Timestamp>,
    pub last_verdict: Option<Timestamp>,
    /// Migrations that were asked for.
    #[serde(skip)]
    pub migrations: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UserFigures {
    pub moved: u64,
    pub restored: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallFigures {
    pub total: u64,
    pub by_family: BTreeMap<String, u64>,
    pub throttled: u64,
    /// Calls made for migrations, by each that was asked for; planning and verification not counted.
    pub per_migration: f64,
}

pub(super) async fn of(store: &dyn Store, report: &Report) -> Result<Figures, StoreError> {
    use VerdictKind::{Accepted, Completed, Parked, Refused, RolledBack, Skipped};
    let kinds = [Completed, Refused, Skipped, RolledBack, Accepted, Parked];
    let mut verdicts: BTreeMap<&'static str, usize> = kinds.iter().map(|kind| (kind.name(), 0)).collect();
    // A subscription that two rows name is one migration, and moved its users once.
    let own = || report.standings.iter().filter(|row| !row.already);
    for verdict in report.standings.iter().filter_map(|row| row.ledger.standing()) {
        *verdicts.entry(verdict.kind.name()).or_default() += 1;
    }
    let known = || own().map(|row| &row.ledger.known);
    let migrations = known().filter(|known| known.requested_at.is_some()).count();
    let counts = store.call_counts().await?;
    let for_rows: u64 = own().map(|row| report.calls_of(row)).sum();
    Ok(Figures {
        rows: report.standings.len(),
        verdicts,
        users: UserFigures {
            moved: known().map(|known| u64::from(known.moved)).sum(),
            restored: known().map(|known| u64::from(known.restored)).sum(),
        },
        calls: CallFigures {
            total: counts.iter().map(|count| count.calls).sum(),
            throttled: counts.iter().map(|count| count.throttled).sum(),
            by_family: counts.into_iter().map(|count| (count.family, count.calls)).collect(),
            per_migration: ratio(for_rows, migrations),
        },
        first_requested: known().filter_map(|known| known.requested_at).min(),
        last_verdict: own().filter_map(|row| row.ledger.standing()).map(|verdict| verdict.at).max(),
        migrations,
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls and migrations are far below 2^52")]
fn ratio(calls: u64, migrations: usize) -> f64 {
    if migrations == 0 { 0.0 } else { (calls as f64 / migrations as f64 * 10.0).round() / 10.0 }
}

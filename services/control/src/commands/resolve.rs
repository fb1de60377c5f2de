//! Whom an operator means. People name customers by name, domain, id or row; what fits several is refused with the list.

use std::collections::BTreeSet;

use seatshift_messages::MigrationId;
use seatshift_store::{Store, StoreError};

use super::{Answered, Candidate, Target, Verb};
use crate::standing::{self, RowStanding};
use crate::tracker::{OPERATOR, Stage, VerdictKind};

/// The migrations that are meant, in the order of the plan; or the answer that nothing will be done.
pub(super) async fn resolve(
    store: &dyn Store,
    verb: &Verb,
    target: &Target,
) -> Result<Result<Vec<MigrationId>, Answered>, StoreError> {
    let rows = match target {
        Target::One(_) | Target::Cause(_) | Target::Everything => standing::all(store).await?,
        Target::Wave(_) | Target::LatestRun => match standing::latest_run(store).await? {
            Some(run) => standing::rows(store, run.id).await?,
            None => Vec::new(),
        },
        Target::Run(run) => standing::rows(store, *run).await?,
    };
    let own = || rows.iter().filter(|row| !row.already);
    let meant: Vec<&RowStanding> = match target {
        Target::One(who) => return Ok(one(&rows, verb, who)),
        Target::Cause(cause) => rows.iter().filter(|row| has_cause(row, cause)).collect(),
        Target::Wave(wave) => {
            own().filter(|row| row.row.wave.trim().eq_ignore_ascii_case(wave.trim())).collect()
        }
        Target::Run(_) | Target::LatestRun | Target::Everything => own().collect(),
    };
    let mut fits: Vec<MigrationId> =
        meant.iter().filter(|row| of_many(verb, row)).map(|row| row.migration).collect();
    let mut seen = BTreeSet::new();
    fits.retain(|migration| seen.insert(*migration));
    if fits.is_empty() {
        let text = format!("nothing to do for {target}: {} rows, none that this applies to", meant.len());
        return Ok(Err(Answered::Unknown { text }));
    }
    Ok(Ok(fits))
}

/// Of many, those to which the wish does not apply are not worth an answer each; and what a person has closed on purpose is
/// begun anew only when it is named.
fn of_many(verb: &Verb, row: &RowStanding) -> bool {
    let closed = matches!(row.ledger.stage, Stage::RolledBack | Stage::Accepted { .. })
        || row.ledger.standing().is_some_and(|verdict| verdict.cause.code == OPERATOR);
    applies(verb, row) && !(closed && matches!(verb, Verb::Retry { .. }))
}

fn one(rows: &[RowStanding], verb: &Verb, who: &str) -> Result<Vec<MigrationId>, Answered> {
    let who = who.trim();
    let fitting: Vec<&RowStanding> = rows.iter().filter(|row| row.is_called(who)).collect();
    let mut migrations: Vec<MigrationId> = Vec::new();
    for row in &fitting {
        if !migrations.contains(&row.migration) {
            migrations.push(row.migration);
        }
    }
    match migrations.as_slice() {
        [] => Err(Answered::Unknown { text: format!("nothing here is called `{who}`") }),
        [one] => Ok(vec![*one]),
        _ => {
            // One that waits for just this answer is meant before others of the same name that do not.
            let apply: Vec<MigrationId> = migrations
                .iter()
                .filter(|id| fitting.iter().any(|row| row.migration == **id && applies(verb, row)))
                .copied()
                .collect();
            let customers: BTreeSet<_> = fitting.iter().map(|row| row.row.customer).collect();
            match (apply.as_slice(), customers.len()) {
                ([one], 1) => Ok(vec![*one]),
                _ => Err(Answered::Ambiguous {
                    who: who.to_owned(),
                    candidates: fitting.iter().map(|row| candidate(row)).collect(),
                }),
            }
        }
    }
}

fn candidate(row: &RowStanding) -> Candidate {
    Candidate {
        migration: row.migration,
        row: row.row.row_id.clone(),
        customer_name: row.row.customer_name.clone(),
        customer_domain: row.row.customer_domain.clone(),
        state: row.state(),
    }
}

fn has_cause(row: &RowStanding, cause: &str) -> bool {
    row.ledger.standing().is_some_and(|verdict| {
        matches!(verdict.kind, VerdictKind::Parked | VerdictKind::Refused)
            && verdict.cause.code.eq_ignore_ascii_case(cause)
    })
}

/// Whether a wish can mean anything for a row.
fn applies(verb: &Verb, row: &RowStanding) -> bool {
    let stage = &row.ledger.stage;
    match verb {
        Verb::Rollback { .. } => match stage {
            Stage::Waiting
            | Stage::Checking
            | Stage::Running
            | Stage::Parked { .. }
            | Stage::Completed
            | Stage::Accepted { .. } => true,
            Stage::Unplanned | Stage::Refused | Stage::RolledBack | Stage::Skipped => false,
        },
        Verb::Retry { .. } => match stage {
            Stage::Parked { .. } | Stage::Refused | Stage::RolledBack | Stage::Accepted { .. } => true,
            Stage::Skipped => !row.ledger.stopped_by_plan,
            Stage::Unplanned | Stage::Waiting | Stage::Checking | Stage::Running | Stage::Completed => false,
        },
        Verb::Accept { .. } => matches!(stage, Stage::Parked { .. }),
        Verb::Pause { .. } | Verb::Resume => false,
    }
}

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
    let run = match target {
        Target::One(who) => {
            let mut rows = Vec::new();
            standing::each(store, None, |row| rows.extend(row.is_called(who.trim()).then_some(row))).await?;
            return Ok(one(&rows, verb, who));
        }
        Target::Wave(_) | Target::LatestRun => match standing::latest_run(store).await? {
            Some(run) => Some(run.id),
            None => return Ok(Err(nothing(target, 0))),
        },
        Target::Run(run) => Some(*run),
        Target::Cause(_) | Target::Everything => None,
    };
    let (mut meant, mut fits, mut seen) = (0, Vec::new(), BTreeSet::new());
    standing::each(store, run, |row| {
        if is_meant(target, &row) {
            meant += 1;
            if of_many(verb, &row) && seen.insert(row.migration) {
                fits.push(row.migration);
            }
        }
    })
    .await?;
    Ok(if fits.is_empty() { Err(nothing(target, meant)) } else { Ok(fits) })
}

fn nothing(target: &Target, meant: usize) -> Answered {
    let text = format!("nothing to do for {target}: {meant} rows, none that this applies to");
    Answered::Unknown { text }
}

fn is_meant(target: &Target, row: &RowStanding) -> bool {
    match target {
        Target::One(who) => row.is_called(who.trim()),
        Target::Cause(cause) => has_cause(row, cause),
        Target::Wave(wave) => !row.already && row.row.wave.trim().eq_ignore_ascii_case(wave.trim()),
        Target::Run(_) | Target::LatestRun | Target::Everything => !row.already,
    }
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
    let fitting: Vec<&RowStanding> = rows.iter().collect();
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

//! Verification: reads everything afresh and says, row by row, whether the verdict is still true.
//!
//! It must be able to find the engine wrong, so it shares nothing with it but the read-only client and the files: it
//! believes the event log only for what was *asked for* and *said*, never for what is. What must never happen here: a
//! changing call (the reader has none), a row that is not looked at and counts as fine.

mod claims;
mod fresh;
mod judge;
mod log;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::StreamExt as _;
use jiff::Timestamp;
use seatshift_control::standing;
use seatshift_store::Store;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use claims::Claim;
pub(crate) use fresh::Eyes;
use fresh::Fresh;
use log::Log;
pub(crate) use table::VerifyRow;

/// Customers read at the same time.
const AT_ONCE: usize = 16;

/// Every figure must be zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reconciliation {
    pub(crate) rows_without_verdict: u64,
    pub(crate) verdicts_not_matching: u64,
    pub(crate) rows_in_not_out: u64,
    pub(crate) seats_not_conserved: u64,
    pub(crate) sequence_holes: u64,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Examined {
    /// Rows whose customer was read.
    pub(crate) rows: u64,
    /// Rows of which something was begun.
    pub(crate) migrations: u64,
    pub(crate) users: u64,
    pub(crate) events: u64,
}

/// The whole result.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) rows: Vec<VerifyRow>,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) examined: Examined,
    /// Rows whose customer cannot be read; nothing was begun for them.
    pub(crate) unreadable: u64,
    pub(crate) notes: Vec<String>,
}

impl Verified {
    /// Every figure is zero, and something was looked at.
    pub(crate) fn clean(&self) -> bool {
        self.reconciliation == Reconciliation::default() && self.examined.rows > 0 && self.examined.events > 0
    }
}

/// Hears how many customers are read.
pub(crate) type Heard<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// Verifies a report, or the latest run where none is given.
pub(crate) async fn verify(
    eyes: Eyes<'_>,
    store: &dyn Store,
    report: Option<&Path>,
    heard: &Heard<'_>,
) -> anyhow::Result<Verified> {
    let log = Log::read(store).await?;
    let claims = match report {
        Some(path) => claims::of_report(path, store, &log).await?,
        None => claims::of_state(store, &log).await?,
    };
    let fresh = read_all(eyes, &claims, &log, heard).await;
    let now = eyes.clock.now();
    let mut verified = Verified::default();
    verified.examined.events = log.events;
    verified.reconciliation.sequence_holes = log.holes;
    if log.unreadable > 0 {
        verified.notes.push(format!("{} events of the log cannot be read", log.unreadable));
        verified.reconciliation.sequence_holes += log.unreadable;
    }
    for claim in &claims {
        verified.take(claim, &log, &fresh, now);
    }
    verified.reconciliation.rows_in_not_out = rows_in_not_out(store, &claims).await?;
    Ok(verified)
}

/// Rows that went into a run and do not come out of the report, or come out twice.
async fn rows_in_not_out(store: &dyn Store, claims: &[Claim]) -> anyhow::Result<u64> {
    let Some(run) = claims.iter().find_map(|claim| claim.run) else { return Ok(0) };
    let went_in: BTreeSet<String> =
        standing::rows(store, run).await?.into_iter().map(|row| row.row.row_id).collect();
    let mut came_out = BTreeSet::new();
    let twice = claims.iter().filter(|claim| !came_out.insert(claim.row_id.clone())).count();
    Ok((went_in.difference(&came_out).count() + twice) as u64)
}

async fn read_all(eyes: Eyes<'_>, claims: &[Claim], log: &Log, heard: &Heard<'_>) -> BTreeMap<Uuid, Fresh> {
    let mut wanted: BTreeMap<Uuid, (BTreeSet<Uuid>, bool)> = BTreeMap::new();
    for claim in claims {
        let Some(customer) = claim.customer else { continue };
        let (users, pools) = wanted.entry(customer).or_default();
        let story = claim.migration.and_then(|migration| log.migrations.get(&migration));
        if let Some(instruction) = story.and_then(|story| story.instruction.as_ref()) {
            *pools = true;
            users.extend(instruction.moves.iter().flat_map(|group| group.users.iter().map(|user| user.0)));
        }
    }
    let of = wanted.len() as u64;
    let mut done = 0;
    let mut read = futures::stream::iter(wanted)
        .map(|(customer, (users, pools))| async move {
            let mut fresh = fresh::read(eyes, customer, &users).await;
            if pools {
                fresh::read_pools(eyes, customer, &mut fresh).await;
            }
            (customer, fresh)
        })
        .buffer_unordered(AT_ONCE);
    let mut all = BTreeMap::new();
    while let Some((customer, fresh)) = read.next().await {
        all.insert(customer, fresh);
        done += 1;
        heard(done, of);
    }
    all
}

impl Verified {
    fn take(&mut self, claim: &Claim, log: &Log, fresh: &BTreeMap<Uuid, Fresh>, now: Timestamp) {
        let story = claim.migration.and_then(|migration| log.migrations.get(&migration));
        let begun = story.is_some_and(|story| story.instruction.is_some());
        let nothing = Fresh::default();
        let seen = claim.customer.and_then(|customer| fresh.get(&customer));
        let unread =
            seen.map_or_else(|| vec!["the row names no customer".to_owned()], |seen| seen.unread.clone());
        let finding = judge::judge(claim, story, seen.unwrap_or(&nothing));
        self.examined.migrations += u64::from(begun);
        self.examined.users += u64::from(finding.users_checked);
        self.reconciliation.rows_without_verdict += u64::from(claim.verdict.is_none());
        self.reconciliation.seats_not_conserved += u64::from(finding.seats_lost);
        let mut differences = finding.differences.clone();
        let still_true = if !unread.is_empty() && !begun && claim.verdict.is_some() {
            // Nothing was begun, so there is nothing of ours to look for; a customer without rights for us stays so.
            self.unreadable += 1;
            differences = unread;
            "unreadable"
        } else {
            self.examined.rows += 1;
            differences.extend(unread);
            if differences.is_empty() { "yes" } else { "no" }
        };
        self.reconciliation.verdicts_not_matching += u64::from(still_true == "no");
        self.rows.push(VerifyRow {
            row_id: claim.row_id.clone(),
            migration: claim.migration.map(|id| id.to_string()).unwrap_or_default(),
            verdict: claim.verdict.clone().unwrap_or_default(),
            still_true: still_true.to_owned(),
            differences: differences.join("; "),
            old_status: finding.old_status,
            new_status: finding.new_status,
            users_checked: finding.users_checked,
            users_wrong: finding.users_wrong,
            seats_used: finding.seats_used,
            seats_spare: finding.seats_spare,
            read_at: Some(now),
        });
    }
}

//! Reading the facts of admitted rows again: the last look before money is spent.
//!
//! Nothing is queued for it: the stage *checking* is the memory, and after a crash the look is simply made again.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seatshift_messages::MigrationId;

use crate::control::Inner;
use crate::participant::A_MOMENT;
use crate::records;
use crate::run::{Question, Rechecked, RunRow};
use crate::tracker::{Fact, RowRef};

/// Until it is dropped.
pub(crate) async fn run(control: &Inner) {
    let mut changes = control.board.watch();
    let mut running = FuturesUnordered::new();
    let mut under_way: BTreeSet<MigrationId> = BTreeSet::new();
    loop {
        changes.borrow_and_update();
        // Among so many there are enough that are not looked at yet.
        let first = control.config.checks_at_once + under_way.len();
        for migration in control.board.checking(first) {
            if running.len() < control.config.checks_at_once && under_way.insert(migration) {
                running.push(check(control, migration));
            }
        }
        tokio::select! {
            biased;
            Some(migration) = running.next() => drop(under_way.remove(&migration)),
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

async fn check(control: &Inner, migration: MigrationId) -> MigrationId {
    // A migration that is being checked has its row.
    let Some(row) = control.host.stage(migration).await.row else { return migration };
    let stored = stored_row(control, &row).await;
    let mut tries = 0;
    loop {
        // It is judged by the day, and asks for the migration.
        control.right_time().await;
        let question = Question { run: row.run, migration, retries: row.retries, row: &stored.row, tries };
        let rechecked = control.recheck.recheck(question).await;
        if !control.clock.is_right() {
            continue;
        }
        let fact = match rechecked {
            Rechecked::StillTrue(instruction) => Fact::StillTrue { instruction },
            Rechecked::Stopped(cause) => Fact::Stopped { cause },
            Rechecked::Later(wait) => {
                control.clock.sleep(wait).await;
                tries += 1;
                // An operator may have stopped it meanwhile.
                if !control.board.is_checking(migration) {
                    return migration;
                }
                continue;
            }
        };
        control.tell(migration, fact).await;
        return migration;
    }
}

/// The row as it was planned. Read until the store answers: a row that was admitted is there.
async fn stored_row(control: &Inner, row: &RowRef) -> RunRow {
    let key = records::row_key(row.run, row.index);
    loop {
        match records::get(&*control.store, records::ROW, &key).await {
            Ok(Some(stored)) => return stored,
            Ok(None) => tracing::error!(row = %row.row, "an admitted row is not in the store"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not read a row; trying again"
                );
            }
        }
        control.clock.sleep(A_MOMENT).await;
    }
}

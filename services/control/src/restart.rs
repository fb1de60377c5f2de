//! What control reads when it starts, and what a crash left half done.

use seatshift_messages::{MigrationId, Service};
use seatshift_store::{LedgerRow, Store, StoreError};

use crate::board::Board;
use crate::control::Inner;
use crate::records;
use crate::run::RunRow;
use crate::tracker::{Fact, Ledger, RowRef};

/// Ledgers read at a time.
const PAGE: usize = 500;

/// Builds the board of a process that is alone on its store: every row of every run, and whatever tries it again.
pub(crate) async fn read(store: &dyn Store, board: &Board) -> Result<(), StoreError> {
    let mut pages = records::Pages::new(records::ROW, "");
    while let Some(rows) = pages.next::<RunRow>(store).await? {
        let mut wanted: Vec<MigrationId> =
            rows.iter().filter(|(_, row)| !row.already).map(|(_, row)| row.migration).collect();
        drop(rows);
        while !wanted.is_empty() {
            let mut successors = Vec::new();
            for page in wanted.chunks(PAGE) {
                for row in store.without_instructions(Service::Control, page).await? {
                    successors.extend(note(board, &row).and_then(|ledger| ledger.successor));
                }
            }
            wanted = successors;
        }
    }
    let (pause, window, resumed) = records::pause(store).await?;
    board.set_pause(pause, window, resumed);
    Ok(())
}

/// Takes a stored ledger to the board. None where it cannot be read: then its customer waits, and nobody else.
pub(crate) fn note(board: &Board, row: &LedgerRow) -> Option<Ledger> {
    match read_ledger(row) {
        Ok(ledger) => {
            board.note(row.migration, row.version, &ledger);
            Some(ledger)
        }
        Err(error) => {
            if board.note_unreadable(row.migration, row.version, row.customer) {
                tracing::error!(
                    migration = %row.migration,
                    customer = row.customer.as_ref().map(tracing::field::display),
                    error = &error as &dyn std::error::Error,
                    "what is written down of this migration cannot be read: nothing is begun for its customer"
                );
            }
            None
        }
    }
}

/// Does what was promised: migrations whose maker died between the two ledgers.
pub(crate) async fn finish(control: &Inner) {
    for (successor, before) in control.board.promised() {
        let ledger = control.host.stage(before).await;
        if let Some(row) = again(before, &ledger) {
            let customer = Some(row.customer);
            control.tell_of(successor, customer, Fact::Queued { row, stored: None }).await;
        }
    }
}

/// The row of a migration that is tried again, for its successor.
pub(crate) fn again(migration: MigrationId, ledger: &Ledger) -> Option<RowRef> {
    let row = ledger.row.as_ref()?;
    let revision = ledger.verdict.as_ref().map_or(row.revision, |verdict| verdict.revision);
    Some(RowRef { retries: Some(migration), revision, not_before: None, ..row.clone() })
}

/// Control's ledgers of these migrations, those that are stored.
pub(crate) async fn ledgers(
    store: &dyn Store,
    migrations: &[MigrationId],
) -> Result<Vec<(MigrationId, Ledger)>, StoreError> {
    let mut found = Vec::with_capacity(migrations.len());
    for page in migrations.chunks(PAGE) {
        for row in store.without_instructions(Service::Control, page).await? {
            found.push((row.migration, read_ledger(&row)?));
        }
    }
    Ok(found)
}

/// What a ledger row of control holds.
pub(crate) fn read_ledger(row: &LedgerRow) -> Result<Ledger, StoreError> {
    serde_json::from_str(&row.stage)
        .map_err(|source| StoreError::Damaged { what: "ledger", source: Box::new(source) })
}

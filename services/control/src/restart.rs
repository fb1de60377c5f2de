//! What control reads when it starts, and what a crash left half done.

use seatshift_messages::{MigrationId, Service};
use seatshift_store::{Store, StoreError};

use crate::board::Board;
use crate::control::Inner;
use crate::pause::Pause;
use crate::records;
use crate::run::RunRow;
use crate::tracker::{Fact, Ledger, RowRef};

/// Ledgers read at a time.
const PAGE: usize = 500;

/// A migration that was promised and is not there yet: the crash came between the two ledgers.
#[derive(Debug)]
pub(crate) struct Promised {
    migration: MigrationId,
    row: RowRef,
}

/// Builds the board; gives back what is to be finished.
pub(crate) async fn read(store: &dyn Store, board: &Board) -> Result<Vec<Promised>, StoreError> {
    let rows = records::all::<RunRow>(store, records::ROW, "").await?;
    let mut wanted: Vec<MigrationId> =
        rows.iter().filter(|(_, row)| !row.already).map(|(_, row)| row.migration).collect();
    let mut promised = Vec::new();
    while !wanted.is_empty() {
        let mut successors = Vec::new();
        for page in wanted.chunks(PAGE) {
            let ledgers = ledgers(store, page).await?;
            for (migration, ledger) in &ledgers {
                board.note(*migration, ledger);
                if let (Some(successor), Some(row)) = (ledger.successor, again(*migration, ledger)) {
                    successors.push(Promised { migration: successor, row });
                }
            }
        }
        wanted = successors.iter().map(|promised| promised.migration).collect();
        let known = known(store, &wanted).await?;
        wanted.retain(|migration| known.contains(migration));
        promised.extend(successors.into_iter().filter(|one| !known.contains(&one.migration)));
    }
    let pause: Option<Pause> = records::get(store, records::PAUSE, records::CURRENT).await?;
    let window = records::get(store, records::PAUSE, records::WINDOW).await?;
    board.set_pause(pause, window);
    Ok(promised)
}

/// Does what was promised.
pub(crate) async fn finish(control: &Inner, promised: Vec<Promised>) {
    for Promised { migration, row } in promised {
        let customer = Some(row.customer);
        control.tell_of(migration, customer, Fact::Queued { row, stored: None }).await;
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
    let rows = store.ledgers(Service::Control, migrations).await?;
    rows.into_iter()
        .map(|row| {
            let ledger = serde_json::from_str(&row.stage);
            let ledger =
                ledger.map_err(|source| StoreError::Damaged { what: "ledger", source: Box::new(source) })?;
            Ok((row.migration, ledger))
        })
        .collect()
}

async fn known(store: &dyn Store, migrations: &[MigrationId]) -> Result<Vec<MigrationId>, StoreError> {
    let rows = ledgers(store, migrations).await?;
    Ok(rows.into_iter().filter(|(_, ledger)| ledger.row.is_some()).map(|(migration, _)| migration).collect())
}

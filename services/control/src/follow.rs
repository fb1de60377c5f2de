//! Following what other replicas commit: the board is fed a page of changes at a time, in the order of commits, with what
//! each ledger says by then. What must never happen here: a picture that is called whole up to a change that it does not have.

use std::time::Duration;

use seatshift_messages::{MigrationId, Service};
use seatshift_store::StoreError;

use crate::control::Inner;
use crate::shared::{Shared, pause};
use crate::{records, restart};

/// Ledgers read at a time.
const PAGE: usize = 500;
/// Between two looks while something happens, and while nothing does.
const BUSY: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_millis(200);
const AFTER_AN_ERROR: Duration = Duration::from_secs(1);

/// Until it is dropped.
pub(crate) async fn run(control: &Inner, shared: &dyn Shared) {
    loop {
        let wait = match once(control, shared).await {
            Ok(0) => IDLE,
            Ok(_) => BUSY,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not see what other replicas have committed; trying again"
                );
                AFTER_AN_ERROR
            }
        };
        pause(wait).await;
    }
}

/// Follows to the end of what is committed now, and says how many ledgers had changed.
pub(crate) async fn once(control: &Inner, shared: &dyn Shared) -> Result<usize, StoreError> {
    // One at a time: two would only read the same.
    let _turn = control.following.lock().await;
    let mut seen = 0;
    loop {
        let page = shared.changed(control.board.position(), PAGE).await?;
        // Most of what changed is what this replica has committed itself.
        let unknown = page.iter().filter(|change| !control.board.knows(change.migration, change.version));
        let unknown: Vec<MigrationId> = unknown.map(|change| change.migration).collect();
        if !unknown.is_empty() {
            for row in control.store.without_instructions(Service::Control, &unknown).await? {
                restart::note(&control.board, &row);
            }
        }
        if let Some(last) = page.last() {
            control.board.reached(last.number);
        }
        seen += page.len();
        if page.len() < PAGE {
            break;
        }
    }
    read_pause(control).await?;
    Ok(seen)
}

/// The pause as it is written down.
async fn read_pause(control: &Inner) -> Result<(), StoreError> {
    // Not in the middle of a pause that this very process is making.
    let _not_now = control.pausing.lock().await;
    let (standing, window, resumed) = records::pause(&*control.store).await?;
    control.board.set_pause(standing, window, resumed);
    Ok(())
}

//! Admission: who begins next. One customer, one migration at a time; customers in parallel; the nearest end date first.
//!
//! One task grants slots, so two rows of a customer can never both be granted; what it grants is decided by the tracker and
//! on disk before the next look. What must never happen here: a grant that only memory knows, or one by a clock that is wrong.

use std::time::Duration;

use futures::future::join_all;
use seatshift_store::Committed;

use crate::control::{Config, Inner};
use crate::pause::STOP_RULE;
use crate::shared::pause;
use crate::tracker::{Fact, Slot};

/// Grants decided at the same time.
const AT_ONCE: usize = 64;
/// After a grant that the store refused: the board is behind, and follows in a moment.
const BEHIND: Duration = Duration::from_millis(200);

/// Until it is dropped.
pub(crate) async fn run(control: &Inner) {
    let mut changes = control.board.watch();
    loop {
        // A wave's day, and what the stop rule counts, are compared with what others have written down.
        control.right_time().await;
        changes.borrow_and_update();
        if let Some(why) = control.board.goes_wrong() {
            control.pause_by_rule(STOP_RULE, why).await;
        }
        if grant(control).await {
            continue;
        }
        let ripens = async {
            match control.board.ripens() {
                Some(at) => control.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() { return },
            () = ripens => {}
        }
    }
}

/// True when something was granted or told.
async fn grant(control: &Inner) -> bool {
    let Config { allow_changes, max_in_flight, .. } = control.config;
    let most = if allow_changes { AT_ONCE } else { 0 };
    let grants = control.board.grants(max_in_flight, most, control.clock.now());
    let waits = control.board.to_tell(AT_ONCE);
    let any = !grants.is_empty() || !waits.is_empty();
    let slot = if control.shared { Slot::Recorded } else { Slot::Granted };
    let granted =
        join_all(grants.into_iter().map(|migration| control.tell(migration, Fact::Admit { slot }))).await;
    let waits = waits.into_iter().map(|(row, holder)| control.tell(row, Fact::WaitsFor { holder }));
    join_all(waits).await;
    if granted.contains(&Committed::Stale) {
        pause(BEHIND).await;
    }
    any
}

//! The gate and the pause that is written down agree.
//!
//! A pause is two things in two places: the gate is shut, then a record says so. Whoever makes one may lose the lock in
//! between, and whoever acts next sees no record and opens the gate. So the one who acts looks at both from time to time
//! and turns the gate as the record says. What must never happen here: a gate that stands open while everybody is told that
//! the run is paused; or one that opens while a pause is asked for and not carried out yet.

use std::time::Duration;

use seatshift_store::StoreError;

use crate::commands::{Command, Verb};
use crate::control::Inner;
use crate::pause::{Pause, Turned, Valve};
use crate::records;
use crate::shared::pause;

/// Between two looks. One difference alone is a pause on its way.
const LOOK: Duration = Duration::from_secs(1);

/// Until it is dropped.
pub(crate) async fn run(control: &Inner) {
    let mut before = None;
    loop {
        pause(LOOK).await;
        match look(control, before).await {
            Ok(differs) => before = differs,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not see whether the gate stands as the pause says; trying again"
            ),
        }
    }
}

/// Turns the gate where it differs for the second time; says how it should stand and does not.
async fn look(control: &Inner, before: Option<Turned>) -> Result<Option<Turned>, StoreError> {
    let _not_now = control.pausing.lock().await;
    let Some(should) = should(control).await? else { return Ok(None) };
    match control.valve.stands() {
        None => Ok(before),
        Some(stands) if stands == should => Ok(None),
        Some(stands) if before == Some(should) => {
            tracing::warn!(?stands, ?should, "the gate does not stand as the pause says; it is turned");
            turn(&*control.valve, should).await;
            Ok(None)
        }
        Some(_) => Ok(Some(should)),
    }
}

/// How the gate should stand; none where a pause is asked for and not carried out yet: then nobody opens it.
pub(crate) async fn should(control: &Inner) -> Result<Option<Turned>, StoreError> {
    let store = &*control.store;
    let standing: Option<Pause> = records::get(store, records::PAUSE, records::CURRENT).await?;
    if let Some(standing) = standing {
        return Ok(Some(standing.turned()));
    }
    let asked = records::all::<Command>(store, records::COMMAND, "").await?;
    let to_pause = asked.iter().any(|(_, command)| matches!(command.verb, Verb::Pause { .. }));
    Ok((!to_pause).then_some(Turned::Open))
}

pub(crate) async fn turn(valve: &dyn Valve, turned: Turned) {
    match turned {
        Turned::Open => valve.resume().await,
        Turned::Draining => valve.pause(true).await,
        Turned::Shut => valve.pause(false).await,
    }
}

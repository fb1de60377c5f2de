//! The alarm for silence: a migration under way of which nothing is heard for longer than any step may take.
//!
//! The likeliest cause is a fact that went to nobody: a binding that somebody deleted loses events without a sound, because
//! the history stream still takes them. Control cannot know which one, so it says everything about that migration once more,
//! the same bytes with the same ids: who has heard it drops it. A verdict never comes of silence; those come from facts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use seatshift_bus::Outgoing;
use seatshift_host::later;
use seatshift_messages::{Envelope, MigrationId};
use seatshift_store::StoreError;

use crate::applies;
use crate::control::Inner;

/// Migrations whose events are said again at one look.
const MOST: usize = 100;
/// Events of one migration read at a time.
const PAGE: usize = 200;
/// Looks within the limit.
const LOOKS: i32 = 48;

/// Until it is dropped.
pub(crate) async fn run(control: &Inner) {
    let limit = control.config.silence;
    let mut said: BTreeMap<MigrationId, Timestamp> = BTreeMap::new();
    loop {
        control.clock.sleep((limit / LOOKS).max(SignedDuration::from_secs(1))).await;
        let now = control.clock.now();
        if let Err(error) = look(control, now, limit, &mut said).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not look for silence; trying again"
            );
        }
        applies::forget_old(control, now).await;
    }
}

async fn look(
    control: &Inner,
    now: Timestamp,
    limit: SignedDuration,
    said: &mut BTreeMap<MigrationId, Timestamp>,
) -> Result<(), StoreError> {
    let silent = control.board.silent(now, limit);
    said.retain(|migration, _| silent.iter().any(|(id, _)| id == migration));
    let due: Vec<_> = silent
        .iter()
        .filter(|(id, _)| said.get(id).is_none_or(|at| later(*at, limit) <= now))
        .take(MOST)
        .copied()
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        migrations = silent.len(),
        "nothing was heard of some migrations for too long: are the services running, and are all bindings there? \
         (`seatshift doctor`; a service that starts declares them). Their events are published once more"
    );
    for (migration, since) in due {
        tracing::warn!(%migration, %since, "silent");
        said.insert(migration, now);
        say_again(control, migration).await?;
    }
    Ok(())
}

/// Publishes what the log has of a migration, in order. What is not confirmed is said again at a later look.
async fn say_again(control: &Inner, migration: MigrationId) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page = control.store.events(after, PAGE, Some(migration.0)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        let readable = page.iter().filter_map(|row| {
            let envelope = Envelope::from_bytes(&row.bytes).ok()?;
            Some(Outgoing { id: envelope.id, bytes: row.bytes.clone() })
        });
        let confirms: Vec<_> = readable.map(|event| control.bus.publish(event)).collect();
        // On a bus that confirms at the reader's acknowledgment this would wait for control itself.
        drop(confirms);
    }
}

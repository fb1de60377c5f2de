//! From the outbox to the bus: publish what waits, many at a time, and clear what is safe.
//!
//! A row leaves the outbox only after the bus has said that the event cannot be lost. Whatever is in between at a crash is
//! published again, with the same id.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seatshift_bus::{Bus, Confirm, Outgoing};
use seatshift_messages::Service;
use seatshift_store::Store;

use crate::clock::{Clock, later};
use crate::committer::Bells;
use crate::limits::Limits;

/// What a relay works with.
pub(crate) struct Relay {
    pub(crate) service: Service,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) limits: Limits,
}

/// Most events that may be unconfirmed at a time.
const WINDOW: usize = 512;

impl Relay {
    /// Until it is dropped.
    pub(crate) async fn run(self) {
        let mut unconfirmed = FuturesUnordered::new();
        loop {
            let room = WINDOW.saturating_sub(unconfirmed.len()).min(self.limits.batch);
            let rows = self.claim(room).await;
            let more = room > 0 && rows.len() == room;
            for row in rows {
                let confirm = self.bus.publish(Outgoing { id: row.id, bytes: row.bytes });
                unconfirmed.push(async move { (row.position, confirm.await) });
            }
            if more {
                continue;
            }
            tokio::select! {
                biased;
                Some(confirmed) = unconfirmed.next() => {
                    let mut settled = vec![confirmed];
                    while let Some(Some(confirmed)) = futures::FutureExt::now_or_never(unconfirmed.next()) {
                        settled.push(confirmed);
                    }
                    self.settle(settled).await;
                }
                () = self.bells.outbox.notified() => {}
            }
        }
    }

    async fn claim(&self, room: usize) -> Vec<seatshift_store::OutboxRow> {
        if room == 0 {
            return Vec::new();
        }
        let now = self.clock.now();
        match self.store.claim_outbox(self.service, now, later(now, self.limits.lease), room).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not read the outbox; trying again"
                );
                self.clock.sleep(jiff::SignedDuration::from_secs(1)).await;
                self.bells.outbox.notify_one();
                Vec::new()
            }
        }
    }

    async fn settle(&self, settled: Vec<(u64, Confirm)>) {
        let (safe, unknown): (Vec<_>, Vec<_>) =
            settled.into_iter().partition(|(_, confirm)| *confirm == Confirm::Safe);
        let positions =
            |rows: Vec<(u64, Confirm)>| rows.into_iter().map(|(position, _)| position).collect::<Vec<_>>();
        let (safe, unknown) = (positions(safe), positions(unknown));
        if !safe.is_empty()
            && let Err(error) = self.store.clear_outbox(self.service, &safe).await
        {
            // They stay, and are published again when their lease has run out: readers drop what they have seen.
            tracing::warn!(error = &error as &dyn std::error::Error, "published events could not be cleared");
        }
        if !unknown.is_empty() {
            if let Err(error) = self.store.release_outbox(self.service, &unknown).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "unconfirmed events could not be given back"
                );
            }
            self.bells.outbox.notify_one();
        }
    }
}

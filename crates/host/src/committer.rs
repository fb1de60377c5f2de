//! Group commit: whatever has finished is committed together; nobody waits for a batch to fill.
//!
//! One task owns the writing. While one batch is being committed the next one gathers, so the batch size follows the load.

use std::sync::Arc;

use jiff::SignedDuration;
use seatshift_store::{Committed, Store, Unit};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::Clock;

/// Largest number of units in one transaction. 64 gets most of what batching can give.
const BATCH: usize = 64;

type Waiting = (Unit, oneshot::Sender<Committed>);

/// The way to the store for everything that is written.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Waiting>,
}

/// Told when a commit brought something to do.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    /// There may be work due.
    pub(crate) work: Notify,
    /// There may be something to publish.
    pub(crate) outbox: Notify,
}

impl Committer {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (queue, waiting) = mpsc::channel(4 * BATCH);
        (Committer { queue }, waiting)
    }

    /// Commits one unit, together with whatever else is waiting. Never resolves once the host has stopped: whoever waits
    /// is being dropped.
    pub(crate) async fn commit(&self, unit: Unit) -> Committed {
        let (answer, committed) = oneshot::channel();
        if self.queue.send((unit, answer)).await.is_ok()
            && let Ok(committed) = committed.await
        {
            return committed;
        }
        std::future::pending().await
    }
}

/// The task that writes, until every [`Committer`] is gone.
pub(crate) async fn run(
    mut queue: mpsc::Receiver<Waiting>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    bells: Arc<Bells>,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        let (units, answers): (Vec<Unit>, Vec<_>) = waiting.drain(..).unzip();
        let publishes = units.iter().any(|unit| !unit.events.is_empty());
        let works = units.iter().any(|unit| !unit.work.is_empty());
        let committed = commit_until_done(&*store, &*clock, units).await;
        for (answer, committed) in answers.into_iter().zip(committed) {
            // Whoever waited may have been dropped meanwhile; what was committed stands.
            answer.send(committed).ok();
        }
        if publishes {
            bells.outbox.notify_one();
        }
        if works {
            bells.work.notify_one();
        }
    }
}

/// A store that cannot be reached is tried again without end: there is nothing else to be done, and nothing is lost.
async fn commit_until_done(store: &dyn Store, clock: &dyn Clock, units: Vec<Unit>) -> Vec<Committed> {
    let mut wait = SignedDuration::from_millis(100);
    loop {
        match store.commit(units.clone()).await {
            Ok(committed) => return committed,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "could not commit; trying again");
                clock.sleep(wait).await;
                wait = wait.saturating_mul(2).min(SignedDuration::from_secs(10));
            }
        }
    }
}

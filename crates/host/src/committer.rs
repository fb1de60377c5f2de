//! Group commit: whatever has finished is committed together; nobody waits for a batch to fill.
//!
//! One task owns the writing. While one batch is being committed the next one gathers, so the batch size follows the load.
//! Where a commit is a conversation with a server, a batch also gathers for a small multiple of the last commit's time
//! ([`crate::Limits::gather`] at most): a third of the commits, and the busier the server, the larger the batches.
//!
//! What must never happen here: a unit that is answered and not committed, one that is committed twice (see `settle`), or
//! one that cannot be committed and keeps the others from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use seatshift_store::{Committed, Store, StoreError, Unit, WorkChange};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::Clock;
use crate::ids::Ids;
use crate::meters::{Meters, Pulse};
use crate::patience::Patience;

/// A batch gathers for so many times the last commit's time.
const GATHERS_FOR: u32 = 2;

type Waiting = (Unit, oneshot::Sender<Result<Committed, Unwritable>>);

/// The store will not take this unit, whatever is tried. Nothing of it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store does not take this")]
pub(crate) struct Unwritable;

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
    pub(crate) fn new(batch: usize) -> (Self, mpsc::Receiver<Waiting>) {
        let (queue, waiting) = mpsc::channel(4 * batch.max(1));
        (Committer { queue }, waiting)
    }

    /// Commits one unit, together with whatever else is waiting. Never resolves once the host has stopped: whoever waits
    /// is being dropped.
    pub(crate) async fn commit(&self, unit: Unit) -> Result<Committed, Unwritable> {
        let (answer, committed) = oneshot::channel();
        if self.queue.send((unit, answer)).await.is_ok()
            && let Ok(committed) = committed.await
        {
            return committed;
        }
        std::future::pending().await
    }
}

/// The task that writes.
pub(crate) struct Writer {
    pub(crate) queue: mpsc::Receiver<Waiting>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) meters: Meters,
    pub(crate) batch: usize,
    /// How long a batch gathers at most.
    pub(crate) gather: Duration,
}

impl Writer {
    /// Until every [`Committer`] is gone.
    pub(crate) async fn run(mut self) {
        let pulse = self.meters.pulse("commit");
        let batch = self.batch.max(1);
        let mut waiting = Vec::with_capacity(batch);
        let mut last = Duration::ZERO;
        while self.queue.recv_many(&mut waiting, batch).await > 0 {
            pulse.beat();
            self.gather(&mut waiting, batch, last.saturating_mul(GATHERS_FOR)).await;
            let begun = Instant::now();
            let (units, answers): (Vec<Unit>, Vec<_>) = waiting.drain(..).unzip();
            let publishes = units.iter().any(|unit| !unit.events.is_empty());
            let works = units.iter().any(brings_work);
            let committed = self.commit(units, &pulse).await;
            last = begun.elapsed();
            for (answer, committed) in answers.into_iter().zip(committed) {
                // Whoever waited may have been dropped meanwhile; what was committed stands.
                answer.send(committed).ok();
            }
            if publishes {
                self.bells.outbox.notify_one();
            }
            if works {
                self.bells.work.notify_one();
            }
            pulse.rest();
        }
    }

    /// Takes in what comes within a moment, until the batch is full.
    async fn gather(&mut self, waiting: &mut Vec<Waiting>, batch: usize, moment: Duration) {
        let moment = moment.min(self.gather);
        if moment.is_zero() {
            return;
        }
        let over = self.clock.pause(moment);
        tokio::pin!(over);
        while waiting.len() < batch {
            let room = batch - waiting.len();
            tokio::select! {
                biased;
                more = self.queue.recv_many(waiting, room) => if more == 0 { return },
                () = &mut over => return,
            }
        }
    }

    /// All together; where that fails for another reason than an outage, one by one, so that only the guilty fails.
    async fn commit(&self, units: Vec<Unit>, pulse: &Pulse) -> Vec<Result<Committed, Unwritable>> {
        let own = self.meters.own();
        let begun = Instant::now();
        own.commit_units.observe(units.len() as f64);
        let alone = units.len() == 1;
        let committed = self.commit_until_done(&units, pulse).await;
        own.commit_seconds.observe(begun.elapsed().as_secs_f64());
        match committed {
            Ok(committed) => committed.into_iter().map(Ok).collect(),
            Err(error) if alone => {
                tracing::error!(error = &error as &dyn std::error::Error, "this cannot be committed");
                vec![Err(Unwritable)]
            }
            Err(_) => {
                let mut all = Vec::with_capacity(units.len());
                for unit in units {
                    let committed = self.commit_until_done(&[unit], pulse).await;
                    all.push(committed.map(|mut one| one.remove(0)).map_err(|error| {
                        tracing::error!(error = &error as &dyn std::error::Error, "this cannot be committed");
                        Unwritable
                    }));
                }
                all
            }
        }
    }

    /// A store that cannot be used is tried again without end: there is nothing else to be done, and nothing is lost.
    async fn commit_until_done(&self, units: &[Unit], pulse: &Pulse) -> Result<Vec<Committed>, StoreError> {
        let mut patience = Patience::new();
        let mut unknown = false;
        loop {
            match self.store.commit(units.to_vec()).await {
                // Where this cannot be found out just now, the same is committed once more, with the same answers.
                Ok(committed) if unknown => match self.settle(units, committed).await {
                    Ok(settled) => return Ok(settled),
                    Err(_) => patience.wait(&*self.clock, &self.ids).await,
                },
                Ok(committed) => return Ok(committed),
                Err(error) if error.is_the_stores() => {
                    unknown |= matches!(error, StoreError::Unknown { .. });
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "could not commit; trying again"
                    );
                    patience.wait(&*self.clock, &self.ids).await;
                    pulse.beat();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// After a commit whose outcome was not known: a unit that is stale *because it stands already* is done. Otherwise
    /// whoever is told so would decide the same fact once more.
    async fn settle(&self, units: &[Unit], committed: Vec<Committed>) -> Result<Vec<Committed>, StoreError> {
        let mut settled = Vec::with_capacity(committed.len());
        for (unit, committed) in units.iter().zip(committed) {
            let stands = committed == Committed::Stale && self.stands(unit).await?;
            settled.push(if stands { Committed::Done } else { committed });
        }
        Ok(settled)
    }

    /// Whether the ledger, or what it writes in place of a certain version of a record, is just as this unit wanted it.
    async fn stands(&self, unit: &Unit) -> Result<bool, StoreError> {
        let Some(write) = &unit.ledger else { return self.records_stand(unit).await };
        let rows = self.store.without_instructions(unit.service, &[write.migration]).await?;
        Ok(rows.first().is_some_and(|row| {
            row.version == write.expected + 1 && row.sequence == write.sequence && row.stage == write.stage
        }))
    }

    async fn records_stand(&self, unit: &Unit) -> Result<bool, StoreError> {
        let fenced = unit.records.iter().filter_map(|write| Some((write, write.expected?)));
        let mut stand = false;
        for (write, expected) in fenced {
            let row = self.store.record(&write.kind, &write.key).await?;
            stand = row.is_some_and(|row| {
                row.version == expected + 1 && Some(row.body.as_str()) == write.body.as_deref()
            });
            if !stand {
                break;
            }
        }
        Ok(stand)
    }
}

/// Whether it can make work due; saving an intent or removing a row cannot.
fn brings_work(unit: &Unit) -> bool {
    unit.work.iter().any(|change| match change {
        WorkChange::Put { due, .. } => due.is_some(),
        WorkChange::Wake { .. } => true,
        _ => false,
    })
}

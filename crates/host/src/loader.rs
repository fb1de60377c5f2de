//! Group reading: ledgers that are asked for at the same time are read with one question.
//!
//! Many decisions begin at once (a batch of deliveries, a batch of answers), each with a read of its own ledger; a question
//! to a server costs the same for one row as for many. While one question is under way the next gathers.

use std::collections::BTreeMap;
use std::sync::Arc;

use seatshift_messages::{MigrationId, Service};
use seatshift_store::{LedgerRow, Store};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::ids::Ids;
use crate::meters::{Meters, Pulse};
use crate::patience::Patience;

type Asked = (MigrationId, oneshot::Sender<Result<Option<LedgerRow>, Unreadable>>);

/// What is stored about this migration cannot be read: damaged, or written by a newer version. Whoever went on would decide
/// on something that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is stored about this migration cannot be read")]
pub(crate) struct Unreadable;

/// The way to the ledgers.
#[derive(Debug, Clone)]
pub(crate) struct Loader {
    queue: mpsc::Sender<Asked>,
}

impl Loader {
    pub(crate) fn new(batch: usize) -> (Self, mpsc::Receiver<Asked>) {
        let (queue, asked) = mpsc::channel(4 * batch.max(1));
        (Loader { queue }, asked)
    }

    /// One ledger row, as it stands at some moment after the question. Never resolves once the host has stopped.
    pub(crate) async fn load(&self, migration: MigrationId) -> Result<Option<LedgerRow>, Unreadable> {
        let (answer, row) = oneshot::channel();
        if self.queue.send((migration, answer)).await.is_ok()
            && let Ok(row) = row.await
        {
            return row;
        }
        std::future::pending().await
    }
}

/// The task that reads.
pub(crate) struct Reader {
    pub(crate) queue: mpsc::Receiver<Asked>,
    pub(crate) service: Service,
    /// With their instructions.
    pub(crate) instructions: bool,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) meters: Meters,
    pub(crate) batch: usize,
}

impl Reader {
    /// Until every [`Loader`] is gone.
    pub(crate) async fn run(mut self) {
        let pulse = self.meters.pulse("load");
        let batch = self.batch.max(1);
        let mut asked: Vec<Asked> = Vec::with_capacity(batch);
        while self.queue.recv_many(&mut asked, batch).await > 0 {
            pulse.beat();
            self.meters.own().loaded.observe(asked.len() as f64);
            let mut ids: Vec<MigrationId> = asked.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids.dedup();
            let rows = self.read(&ids, &pulse).await;
            for (id, answer) in asked.drain(..) {
                // Whoever asked may have been dropped meanwhile.
                answer.send(rows.get(&id).cloned().unwrap_or(Ok(None))).ok();
            }
            pulse.rest();
        }
    }

    /// All together; where one cannot be read, one by one, so that it does not keep the others from being read.
    async fn read(&self, ids: &[MigrationId], pulse: &Pulse) -> Rows {
        match self.read_until_answered(ids, pulse).await {
            Ok(rows) => rows,
            Err(Unreadable) if ids.len() == 1 => ids.iter().map(|id| (*id, Err(Unreadable))).collect(),
            Err(Unreadable) => {
                let mut all = Rows::new();
                for id in ids {
                    match self.read_until_answered(&[*id], pulse).await {
                        Ok(rows) => all.extend(rows),
                        Err(unreadable) => drop(all.insert(*id, Err(unreadable))),
                    }
                }
                all
            }
        }
    }

    /// A store that cannot be used is asked again without end.
    async fn read_until_answered(&self, ids: &[MigrationId], pulse: &Pulse) -> Result<Rows, Unreadable> {
        let mut patience = Patience::new();
        loop {
            let asked = match self.instructions {
                true => self.store.ledgers(self.service, ids),
                false => self.store.without_instructions(self.service, ids),
            };
            match asked.await {
                Ok(rows) => return Ok(rows.into_iter().map(|row| (row.migration, Ok(Some(row)))).collect()),
                Err(error) if error.is_the_stores() => {
                    tracing::error!(error = &error as &dyn std::error::Error, "could not read; trying again");
                    patience.wait(&*self.clock, &self.ids).await;
                    pulse.beat();
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        ?ids,
                        "a ledger cannot be read"
                    );
                    return Err(Unreadable);
                }
            }
        }
    }
}

type Rows = BTreeMap<MigrationId, Result<Option<LedgerRow>, Unreadable>>;

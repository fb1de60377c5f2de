//! A running service: its loops, and the handle by which a process tells it things.

use std::sync::Arc;

use seatshift_bus::Bus;
use seatshift_messages::{CustomerId, Instruction, MigrationId};
use seatshift_store::{Committed, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::committer::{self, Bells, Committer};
use crate::engine::{Engine, Told};
use crate::ids::Ids;
use crate::limits::Limits;
use crate::participant::Participant;
use crate::relay::Relay;
use crate::{inbound, work};

/// What every service runs on.
#[derive(Debug, Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub limits: Limits,
}

/// A way to tell a running service something that no event carries: an operator's wish, an admission.
#[derive(Debug)]
pub struct Handle<P: Participant> {
    engine: Arc<Engine<P>>,
}

impl<P: Participant> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Handle { engine: self.engine.clone() }
    }
}

impl<P: Participant> Handle<P> {
    /// Tells it; returns when what it decided is saved.
    pub async fn tell(
        &self,
        migration: MigrationId,
        customer: Option<CustomerId>,
        instruction: Option<Arc<Instruction>>,
        fact: P::Fact,
    ) -> Committed {
        let told = Told { customer, instruction, ..Told::fact(fact) };
        self.engine.tell(migration, told).await
    }

    /// Where a migration stands with this service.
    pub async fn stage(&self, migration: MigrationId) -> P::Stage {
        self.engine.load(migration).await.stage
    }

    /// Writes something that belongs to no decision (a run's own record), through the same group commit.
    pub async fn write(&self, unit: seatshift_store::Unit) -> Committed {
        self.engine.committer.commit(unit).await
    }
}

/// Prepares a service: the handle works as soon as the returned future is polled. The future runs until `stopping`, then
/// finishes what is in hand; dropping it is a crash, and loses nothing that was committed.
pub fn start<P: Participant>(
    participant: Arc<P>,
    parts: Parts,
    stopping: CancellationToken,
) -> (Handle<P>, impl Future<Output = ()> + Send) {
    let (committer, queue) = Committer::new();
    let bells = Arc::new(Bells::default());
    let engine = Arc::new(Engine {
        participant,
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        ids: parts.ids,
        limits: parts.limits,
        committer,
        bells: bells.clone(),
    });
    let handle = Handle { engine: engine.clone() };
    let relay = Relay {
        service: P::SERVICE,
        store: parts.store.clone(),
        bus: parts.bus.clone(),
        clock: parts.clock.clone(),
        bells: bells.clone(),
        limits: parts.limits,
    };
    let writing = committer::run(queue, parts.store, parts.clock, bells);
    let running = async move {
        tokio::select! {
            biased;
            () = writing => {}
            () = relay.run() => {}
            () = inbound::run(engine.clone(), parts.bus) => {}
            () = work::run(engine, stopping) => {}
        }
    };
    (handle, running)
}

//! A running service: its loops, and the handle by which a process tells it things.

use std::sync::Arc;

use seatshift_bus::Bus;
use seatshift_messages::{CustomerId, Instruction, MigrationId};
use seatshift_store::{Committed, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::committer::{Bells, Committer, Writer};
use crate::engine::{Engine, Told};
use crate::ids::Ids;
use crate::inbound::Inbound;
use crate::limits::Limits;
use crate::loader::{Loader, Reader};
use crate::meters::Meters;
use crate::participant::Participant;
use crate::relay::Relay;
use crate::work::Workshop;

/// What every service runs on.
#[derive(Debug, Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub limits: Limits,
    pub meters: Meters,
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
    ///
    /// # Panics
    /// Where what stands cannot be read, or what follows cannot be written, for other reasons than an outage (which is
    /// waited for): nothing of this kind mends itself.
    pub async fn tell(
        &self,
        migration: MigrationId,
        customer: Option<CustomerId>,
        instruction: Option<Arc<Instruction>>,
        fact: P::Fact,
    ) -> Committed {
        let told = Told { customer, instruction, ..Told::fact(fact) };
        match self.engine.tell(migration, told).await {
            Ok(committed) => committed,
            Err(error) => panic!("{} {migration}: {error}", P::SERVICE),
        }
    }

    /// Where a migration stands with this service.
    ///
    /// # Panics
    /// Where what is stored cannot be read.
    pub async fn stage(&self, migration: MigrationId) -> P::Stage {
        match self.engine.load(migration).await {
            Ok(ledger) => ledger.stage,
            Err(error) => panic!("{} {migration}: {error}", P::SERVICE),
        }
    }

    /// Writes something that belongs to no decision (a run's own record), through the same group commit.
    ///
    /// # Panics
    /// Where the store does not take it, for other reasons than an outage.
    pub async fn write(&self, unit: seatshift_store::Unit) -> Committed {
        match self.engine.committer.commit(unit).await {
            Ok(committed) => committed,
            Err(error) => panic!("{}: {error}", P::SERVICE),
        }
    }
}

/// Prepares a service: the handle works as soon as the returned future is polled. The future runs until `stopping`, then
/// finishes what is in hand; dropping it is a crash, and loses nothing that was committed.
///
/// With other processes on the same rows ([`Limits::replicated`]) the end has its order, so that nothing is left for them to
/// wait for: no more is taken from the bus and what is in hand is settled, what runs comes to its end, and then what that
/// led to is published.
pub fn start<P: Participant>(
    participant: Arc<P>,
    parts: Parts,
    stopping: CancellationToken,
) -> (Handle<P>, impl Future<Output = ()> + Send) {
    let Parts { store, bus, clock, ids, limits, meters } = parts;
    let (committer, to_write) = Committer::new(limits.batch);
    let (loader, to_read) = Loader::new(limits.batch);
    let bells = Arc::new(Bells::default());
    let writer = Writer {
        queue: to_write,
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        bells: bells.clone(),
        meters: meters.clone(),
        batch: limits.batch,
        gather: limits.gather,
    };
    let reader = Reader {
        queue: to_read,
        service: P::SERVICE,
        instructions: P::READS_INSTRUCTIONS,
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        meters: meters.clone(),
        batch: limits.batch,
    };
    let relay = Relay {
        service: P::SERVICE,
        store: store.clone(),
        bus: bus.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        bells: bells.clone(),
        meters: meters.clone(),
        limits,
    };
    let engine =
        Arc::new(Engine { participant, store, clock, ids, limits, committer, loader, meters, bells });
    let handle = Handle { engine: engine.clone() };
    let running = async move {
        tokio::select! {
            biased;
            () = writer.run() => {}
            () = reader.run() => {}
            () = move_things(engine, relay, bus, stopping) => {}
        }
    };
    (handle, running)
}

/// The loops that bring something in or out.
async fn move_things<P: Participant>(
    engine: Arc<Engine<P>>,
    relay: Relay,
    bus: Arc<dyn Bus>,
    stopping: CancellationToken,
) {
    let workshop = Workshop { engine: engine.clone(), stopping: stopping.clone() };
    if engine.limits.replicated() {
        let flushing = CancellationToken::new();
        let inbound = Inbound::new(engine, bus, stopping);
        let in_hand = async {
            futures::join!(inbound.run(), workshop.run());
            flushing.cancel();
        };
        futures::join!(relay.run(flushing.clone()), in_hand);
    } else {
        // Alone: what the others would have to take in to confirm it stays in the outbox for the next start.
        let never = CancellationToken::new();
        let inbound = Inbound::new(engine, bus, never.clone());
        tokio::select! {
            biased;
            () = relay.run(never) => {}
            () = inbound.run() => {}
            () = workshop.run() => {}
        }
    }
}

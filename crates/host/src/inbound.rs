//! From the bus to a decision: take what is ready, decode, tell, acknowledge.
//!
//! Acknowledged after the commit, never before. What cannot be read goes to the dead letters with the reason.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seatshift_bus::{Bus, Delivery};
use seatshift_messages::{Envelope, Event, MigrationId, Unreadable};
use seatshift_store::{DeadLetter, Unit};

use crate::engine::{Engine, Told};
use crate::participant::{Heard, Participant};

/// Until it is dropped.
pub(crate) async fn run<P: Participant>(engine: Arc<Engine<P>>, bus: Arc<dyn Bus>) {
    loop {
        let mut batch: FuturesUnordered<_> = bus
            .receive(P::SERVICE, engine.limits.batch)
            .await
            .into_iter()
            .map(|delivery| settle(&engine, delivery))
            .collect();
        while batch.next().await.is_some() {}
    }
}

async fn settle<P: Participant>(engine: &Engine<P>, delivery: Delivery) {
    match read(&delivery.bytes) {
        Ok((envelope, event)) => hear(engine, &envelope, event).await,
        Err(reason) => bury(engine, &delivery, &reason).await,
    }
    delivery.ack();
}

fn read(bytes: &[u8]) -> Result<(Envelope, Event), Unreadable> {
    let envelope = Envelope::from_bytes(bytes)?;
    let event = Event::read(&envelope)?;
    Ok((envelope, event))
}

async fn hear<P: Participant>(engine: &Engine<P>, envelope: &Envelope, event: Event) {
    let Some(Heard { fact, instruction }) = engine.participant.receive(envelope, event) else { return };
    let told = Told {
        fact,
        customer: envelope.partitionkey,
        instruction: instruction.map(Arc::new),
        consumed: Some(envelope.id),
        ends: None,
    };
    let committed = engine.tell(MigrationId(envelope.subject), told).await;
    tracing::debug!(
        service = %P::SERVICE, migration = %envelope.subject, event = %envelope.kind, id = %envelope.id, ?committed, "heard"
    );
}

async fn bury<P: Participant>(engine: &Engine<P>, delivery: &Delivery, reason: &Unreadable) {
    let detail = std::error::Error::source(reason).map(|source| format!(": {source}")).unwrap_or_default();
    tracing::error!(service = %P::SERVICE, %reason, "a message cannot be read; it goes to the dead letters");
    let mut unit = Unit::new(P::SERVICE);
    unit.dead_letter = Some(DeadLetter {
        service: P::SERVICE,
        at: engine.clock.now(),
        reason: format!("{reason}{detail}"),
        bytes: delivery.bytes.clone(),
    });
    engine.committer.commit(unit).await;
}

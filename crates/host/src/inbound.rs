//! From the bus to a decision: take what is ready, decode, tell, acknowledge.
//!
//! Acknowledged after the commit, never before. Many deliveries are in hand at a time, and none waits for another: as one
//! is settled the next is taken. What cannot be read goes to the dead letters with the reason; so does what makes the
//! decision panic each time it is tried, so that one poisoned message does not stop the others.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use seatshift_bus::{Buried, Bus, Delivery};
use seatshift_messages::{Envelope, Event, EventId, MigrationId, TraceContext, Unreadable};
use seatshift_store::{Committed, DeadLetter, Unit};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::engine::{Engine, Told, Untold};
use crate::limits::Sabotage;
use crate::participant::{Heard, Participant};

/// A message that made this process panic so often is poisoned.
const MOST_PANICS: u32 = 3;
/// So often what a message leads to cannot be read or written, for reasons of its own, before it is put aside. Many: while
/// replicas are being replaced by newer ones, an old one may not read what a new one can.
const MOST_UNTOLD: u32 = 25;
/// Before a message that could not be handled is given back. Real time.
const BEFORE_AGAIN: Duration = Duration::from_secs(1);

/// The inbound side of one host.
pub(crate) struct Inbound<P: Participant> {
    pub(crate) engine: Arc<Engine<P>>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) stopping: CancellationToken,
    /// What trouble each message has made here, until it was settled.
    pub(crate) troubles: Mutex<BTreeMap<EventId, Troubles>>,
}

/// How often a message could not be handled.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Troubles {
    panics: u32,
    untold: u32,
}

impl<P: Participant> Inbound<P> {
    pub(crate) fn new(engine: Arc<Engine<P>>, bus: Arc<dyn Bus>, stopping: CancellationToken) -> Self {
        Inbound { engine, bus, stopping, troubles: Mutex::default() }
    }

    /// Until `stopping`; then no more is taken, and what is in hand is settled.
    pub(crate) async fn run(self) {
        let pulse = self.engine.meters.pulse("inbound");
        let in_hand_gauge = self.engine.meters.own().in_hand.clone();
        let most = self.engine.limits.batch.max(1) * 2;
        let mut in_hand = FuturesUnordered::new();
        loop {
            in_hand_gauge.set(in_hand.len() as f64);
            let room = most.saturating_sub(in_hand.len()).min(self.engine.limits.batch);
            pulse.rest();
            // By a wrong clock what follows would come due at a wrong time; nobody decides here until it is right.
            let right = self.engine.clock.is_right();
            let taken = tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                Some(()) = in_hand.next() => Vec::new(),
                () = self.engine.clock.pause(BEFORE_AGAIN), if !right => Vec::new(),
                taken = self.bus.receive(P::SERVICE, room), if right && room > 0 => taken,
            };
            pulse.beat();
            in_hand.extend(taken.into_iter().map(|delivery| self.handle(delivery)));
            while let Some(Some(())) = in_hand.next().now_or_never() {}
        }
        while in_hand.next().await.is_some() {}
        in_hand_gauge.set(0.0);
    }

    async fn handle(&self, delivery: Delivery) {
        match read(&delivery.bytes) {
            Ok((envelope, event)) => {
                let context = TraceContext::of(envelope.subject, envelope.id);
                let span = tracing::info_span!(
                    "heard",
                    migration = %envelope.subject,
                    customer = envelope.partitionkey.as_ref().map(tracing::field::display),
                    message_id = %envelope.id,
                    trace_id = context.trace_id(),
                    span_id = context.span_id(),
                );
                self.hear(delivery, envelope, event).instrument(span).await;
            }
            Err(unreadable) => {
                let detail = source(&unreadable);
                self.bury(delivery, &format!("{unreadable}{detail}")).await;
            }
        }
    }

    /// A panic in here is this message's alone.
    async fn hear(&self, delivery: Delivery, envelope: Envelope, event: Event) {
        let id = envelope.id;
        let mut delivery = delivery;
        if self.engine.limits.sabotage == Some(Sabotage::AckBeforeCommit) {
            let bytes = delivery.bytes.clone();
            std::mem::replace(&mut delivery, Delivery::new(bytes, |_| {})).ack();
        }
        let _in_hand = self.engine.meters.in_hand(envelope.time);
        let telling = AssertUnwindSafe(self.tell(envelope, event)).catch_unwind();
        let heard = &self.engine.meters.own().heard;
        match telling.await {
            Ok(Ok(outcome)) => {
                heard.count(outcome);
                self.troubles().remove(&id);
                delivery.ack();
            }
            Ok(Err(untold)) => {
                heard.count("given_back");
                let Troubles { untold: times, .. } = self.trouble(id, |troubles| troubles.untold += 1);
                if times < MOST_UNTOLD || !self.engine.limits.replicated() {
                    self.failed(delivery, &untold.to_string()).await;
                } else {
                    self.troubles().remove(&id);
                    self.bury(delivery, &format!("could not be handled {times} times: {untold}")).await;
                }
            }
            Err(panic) if !self.engine.limits.replicated() => {
                // Alone: the engine stops, and says why, rather than go on beside a fault in itself.
                std::panic::resume_unwind(panic);
            }
            Err(_) => {
                heard.count("panicked");
                let Troubles { panics, .. } = self.trouble(id, |troubles| troubles.panics += 1);
                if panics < MOST_PANICS {
                    self.failed(delivery, "the decision panicked").await;
                } else {
                    self.troubles().remove(&id);
                    self.bury(delivery, &format!("the decision panicked {panics} times")).await;
                }
            }
        }
    }

    async fn tell(&self, envelope: Envelope, event: Event) -> Result<&'static str, Untold> {
        let engine = &self.engine;
        let heard = engine.limits.log_heard.then(|| envelope.clone());
        let Some(Heard { fact, instruction }) = engine.participant.receive(&envelope, event) else {
            if heard.is_some() {
                // It leads to nothing, and is kept for the timeline all the same.
                let consumed = Some((envelope.id, engine.clock.now()));
                engine.committer.commit(Unit { consumed, heard, ..Unit::new(P::SERVICE) }).await?;
            }
            return Ok("ignored");
        };
        let told = Told {
            fact,
            customer: envelope.partitionkey,
            instruction: instruction.map(Arc::new),
            consumed: (engine.limits.sabotage != Some(Sabotage::InboxOff)).then_some(envelope.id),
            heard,
            ends: None,
        };
        let committed = engine.tell(MigrationId(envelope.subject), told).await?;
        tracing::debug!(service = %P::SERVICE, event = %envelope.kind, ?committed, "heard");
        Ok(match committed {
            Committed::Done => "done",
            Committed::Duplicate => "duplicate",
            Committed::Stale => "stale",
        })
    }

    /// Given back after a while, so that a message nobody can handle does not go round in a hurry.
    async fn failed(&self, delivery: Delivery, why: &str) {
        tracing::error!(service = %P::SERVICE, why, "a message could not be handled; it comes again");
        self.after_a_while().await;
        delivery.fail();
    }

    async fn after_a_while(&self) {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => {}
            () = self.engine.clock.pause(BEFORE_AGAIN) => {}
        }
    }

    /// To the dead letters: the broker's, where there is one, and never elsewhere then, for nobody would find it; else the
    /// store's.
    async fn bury(&self, delivery: Delivery, reason: &str) {
        match self.bus.bury(P::SERVICE, delivery.bytes.clone(), reason).await {
            Buried::Kept => {
                self.buried(reason);
                delivery.ack();
            }
            Buried::NotNow => {
                tracing::error!(
                    service = %P::SERVICE, reason,
                    "a message cannot be put among the dead letters just now; it comes again"
                );
                self.after_a_while().await;
                delivery.give_back();
            }
            Buried::NotKept => self.bury_at_home(delivery, reason).await,
        }
    }

    fn buried(&self, reason: &str) {
        tracing::error!(service = %P::SERVICE, reason, "a message goes to the dead letters");
        self.engine.meters.own().heard.count("buried");
    }

    async fn bury_at_home(&self, delivery: Delivery, reason: &str) {
        self.buried(reason);
        let mut unit = Unit::new(P::SERVICE);
        unit.dead_letter = Some(DeadLetter {
            service: P::SERVICE,
            at: self.engine.clock.now(),
            reason: reason.to_owned(),
            bytes: delivery.bytes.clone(),
        });
        match self.engine.committer.commit(unit).await {
            Ok(_) => delivery.ack(),
            Err(unwritable) => self.failed(delivery, &unwritable.to_string()).await,
        }
    }

    /// Notes one more trouble of this message, and answers all it has made.
    fn trouble(&self, id: EventId, note: impl FnOnce(&mut Troubles)) -> Troubles {
        let mut all = self.troubles();
        let troubles = all.entry(id).or_default();
        note(troubles);
        *troubles
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, BTreeMap<EventId, Troubles>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bytes: &[u8]) -> Result<(Envelope, Event), Unreadable> {
    let envelope = Envelope::from_bytes(bytes)?;
    let event = Event::read(&envelope)?;
    Ok((envelope, event))
}

fn source(unreadable: &Unreadable) -> String {
    std::error::Error::source(unreadable).map(|source| format!(": {source}")).unwrap_or_default()
}

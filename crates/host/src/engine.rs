//! The middle of a host: load a ledger, decide, save everything that the decision changes, as one unit.
//!
//! Deliveries and finished work come through the same door, so there is one place where state changes. A lost race is read
//! again and decided again.

use std::sync::Arc;

use seatshift_messages::{CustomerId, EventId, Heading, Instruction, MigrationId};
use seatshift_store::{Committed, LedgerWrite, Store, Unit, WorkChange};

use crate::clock::{Clock, later};
use crate::committer::{Bells, Committer};
use crate::ids::Ids;
use crate::limits::Limits;
use crate::participant::{About, Decision, Effect, Participant};

/// Everything that the loops of one host share.
#[derive(Debug)]
pub(crate) struct Engine<P: Participant> {
    pub(crate) participant: Arc<P>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) limits: Limits,
    pub(crate) committer: Committer,
    pub(crate) bells: Arc<Bells>,
}

/// A ledger row with its stage read.
#[derive(Debug)]
pub(crate) struct Ledger<P: Participant> {
    pub(crate) migration: MigrationId,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) version: u64,
    pub(crate) sequence: u64,
    pub(crate) stage: P::Stage,
    pub(crate) instruction: Option<Arc<Instruction>>,
}

/// Something that a service is told.
#[derive(Debug)]
pub(crate) struct Told<P: Participant> {
    pub(crate) fact: P::Fact,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) instruction: Option<Arc<Instruction>>,
    /// The event it came with.
    pub(crate) consumed: Option<EventId>,
    /// What the fact ends: the row of the work that found it out.
    pub(crate) ends: Option<WorkChange>,
}

impl<P: Participant> Told<P> {
    pub(crate) fn fact(fact: P::Fact) -> Self {
        Told { fact, customer: None, instruction: None, consumed: None, ends: None }
    }
}

impl<P: Participant> Engine<P> {
    /// The ledger of a migration; a fresh one where none is stored. Tried until the store answers.
    pub(crate) async fn load(&self, migration: MigrationId) -> Ledger<P> {
        let row = loop {
            match self.store.ledgers(P::SERVICE, &[migration]).await {
                Ok(mut rows) => break rows.pop(),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "could not read; trying again");
                    self.clock.sleep(jiff::SignedDuration::from_secs(1)).await;
                }
            }
        };
        let Some(row) = row else {
            return Ledger {
                migration,
                customer: None,
                version: 0,
                sequence: 0,
                stage: P::Stage::default(),
                instruction: None,
            };
        };
        let stage = serde_json::from_str(&row.stage).unwrap_or_else(|error| {
            // A stage that a newer version wrote. Going on would mean deciding on something that is not so.
            panic!("{} {migration}: the stored stage cannot be read: {error}", P::SERVICE)
        });
        Ledger {
            migration,
            customer: row.customer,
            version: row.version,
            sequence: row.sequence,
            stage,
            instruction: row.instruction,
        }
    }

    /// Tells the service a fact about a migration and saves what it decides.
    ///
    /// Answers [`Committed::Stale`] only where the work that the fact ends is no longer wanted.
    pub(crate) async fn tell(&self, migration: MigrationId, told: Told<P>) -> Committed {
        loop {
            let ledger = self.load(migration).await;
            let version = ledger.version;
            let (unit, stage) = self.decide(ledger, &told);
            match self.committer.commit(unit).await {
                Committed::Stale if self.load(migration).await.version != version => {}
                committed => {
                    if committed == Committed::Done {
                        self.participant.committed(migration, version + 1, &stage);
                    }
                    return committed;
                }
            }
        }
    }

    fn decide(&self, ledger: Ledger<P>, told: &Told<P>) -> (Unit, P::Stage) {
        let now = self.clock.now();
        let instruction = ledger
            .instruction
            .clone()
            .or_else(|| told.instruction.clone())
            .or_else(|| P::instruction_in(&told.fact));
        let customer = ledger.customer.or(told.customer);
        let about = About { migration: ledger.migration, customer, instruction: instruction.clone(), now };
        let Decision { next, effects } = P::decide(ledger.stage, told.fact.clone());

        let mut unit = Unit::new(P::SERVICE);
        unit.consumed = told.consumed.map(|id| (id, now));
        unit.work.extend(told.ends.clone());
        let mut sequence = ledger.sequence;
        for effect in effects {
            self.carry_out(effect, &about, told.consumed, &mut sequence, &mut unit);
        }
        unit.ledger = Some(LedgerWrite {
            migration: ledger.migration,
            customer,
            expected: ledger.version,
            sequence,
            stage: serde_json::to_string(&next).expect("a stage holds only JSON values and text keys"),
            instruction,
        });
        (unit, next)
    }

    fn carry_out(
        &self,
        effect: Effect<P>,
        about: &About,
        causation: Option<EventId>,
        sequence: &mut u64,
        unit: &mut Unit,
    ) {
        let migration = about.migration;
        match effect {
            Effect::Say(said) => {
                *sequence += 1;
                unit.events.push(self.participant.say(said, about).seal(Heading {
                    id: self.ids.event(about.now),
                    source: P::SERVICE,
                    subject: migration.0,
                    time: about.now,
                    sequence: *sequence,
                    causation,
                    customer: about.customer,
                }));
            }
            Effect::Do { part, work, after } => unit.work.push(WorkChange::Put {
                migration,
                part,
                expected: None,
                body: serde_json::to_string(&work).expect("work holds only JSON values and text keys"),
                due: Some(later(about.now, after)),
            }),
            Effect::Wake { part } => unit.work.push(WorkChange::Wake { migration, part, due: about.now }),
            Effect::Drop { part } => unit.work.push(WorkChange::Remove { migration, part, expected: None }),
            Effect::Record(write) => unit.records.push(write),
        }
    }
}

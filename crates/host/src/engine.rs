//! The middle of a host: load a ledger, decide, save everything that the decision changes, as one unit.
//!
//! Deliveries and finished work come through the same door, so there is one place where state changes. A lost race is read
//! again and decided again.

use std::sync::Arc;

use seatshift_messages::{CustomerId, Envelope, Event, EventId, Heading, Instruction, MigrationId};
use seatshift_store::{Committed, LedgerWrite, Store, Unit, WorkChange};

use crate::clock::{Clock, later};
use crate::committer::{Bells, Committer, Unwritable};
use crate::ids::Ids;
use crate::limits::Limits;
use crate::loader::{Loader, Unreadable};
use crate::meters::Meters;
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
    pub(crate) loader: Loader,
    pub(crate) meters: Meters,
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
    /// That event, where our own log keeps what is heard.
    pub(crate) heard: Option<Envelope>,
    /// What the fact ends: the row of the work that found it out.
    pub(crate) ends: Option<WorkChange>,
}

impl<P: Participant> Told<P> {
    pub(crate) fn fact(fact: P::Fact) -> Self {
        Told { fact, customer: None, instruction: None, consumed: None, heard: None, ends: None }
    }
}

impl<P: Participant> Engine<P> {
    /// The ledger of a migration; a fresh one where none is stored. Tried until the store answers.
    pub(crate) async fn load(&self, migration: MigrationId) -> Result<Ledger<P>, Unreadable> {
        let Some(row) = self.loader.load(migration).await? else {
            return Ok(Ledger {
                migration,
                customer: None,
                version: 0,
                sequence: 0,
                stage: P::Stage::default(),
                instruction: None,
            });
        };
        let stage = serde_json::from_str(&row.stage).map_err(|error| {
            tracing::error!(service = %P::SERVICE, %migration, %error, "the stored stage cannot be read");
            Unreadable
        })?;
        Ok(Ledger {
            migration,
            customer: row.customer,
            version: row.version,
            sequence: row.sequence,
            stage,
            instruction: row.instruction,
        })
    }

    /// Tells the service a fact about a migration and saves what it decides.
    ///
    /// Answers [`Committed::Stale`] only where the work that the fact ends is no longer wanted.
    pub(crate) async fn tell(&self, migration: MigrationId, told: Told<P>) -> Result<Committed, Untold> {
        loop {
            let ledger = self.load(migration).await?;
            let version = ledger.version;
            let Decided { unit, stage, said } = self.decide(ledger, &told);
            match self.committer.commit(unit).await? {
                Committed::Stale if self.load(migration).await?.version != version => {}
                committed => {
                    if committed == Committed::Done {
                        self.count(&said);
                        self.participant.committed(migration, version + 1, &stage);
                    }
                    return Ok(committed);
                }
            }
        }
    }

    fn count(&self, said: &[Said]) {
        let own = self.meters.own();
        for said in said {
            own.said.count(said.kind);
            own.licenses_moved.inc_by(u64::from(said.moved));
        }
    }

    fn decide(&self, ledger: Ledger<P>, told: &Told<P>) -> Decided<P> {
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
        unit.heard = told.heard.clone();
        unit.work.extend(told.ends.clone());
        let mut draft = Draft { unit, sequence: ledger.sequence, said: Vec::new() };
        for effect in effects {
            self.carry_out(effect, &about, told.consumed, &mut draft);
        }
        let Draft { mut unit, sequence, said } = draft;
        unit.ledger = Some(LedgerWrite {
            migration: ledger.migration,
            customer,
            expected: ledger.version,
            sequence,
            stage: serde_json::to_string(&next).expect("a stage holds only JSON values and text keys"),
            instruction,
        });
        Decided { unit, stage: next, said }
    }

    fn carry_out(&self, effect: Effect<P>, about: &About, causation: Option<EventId>, draft: &mut Draft) {
        let migration = about.migration;
        let unit = &mut draft.unit;
        match effect {
            Effect::Say(said) => {
                let event = self.participant.say(said, about);
                draft.sequence += 1;
                draft.said.push(Said::of(&event));
                unit.events.push(event.seal(Heading {
                    id: self.ids.event(about.now),
                    source: P::SERVICE,
                    subject: migration.0,
                    time: about.now,
                    sequence: draft.sequence,
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

/// A decision's changes while its effects are gone through.
struct Draft {
    unit: Unit,
    sequence: u64,
    said: Vec<Said>,
}

/// A decision, as it is to be saved.
struct Decided<P: Participant> {
    unit: Unit,
    stage: P::Stage,
    said: Vec<Said>,
}

/// What of an event is counted.
struct Said {
    kind: &'static str,
    moved: u32,
}

impl Said {
    fn of(event: &Event) -> Self {
        let moved = match event {
            Event::LicensesReassigned(reassigned) => reassigned.moved,
            _ => 0,
        };
        Said { kind: event.kind(), moved }
    }
}

/// A fact could not be told: what stands cannot be read, or what follows cannot be written. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Untold {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

//! What a service is to its host: a pure decision, and an edge that does what was decided.
//!
//! [`Participant::decide`] is a function of a stage and a fact; it touches nothing. What it wants done comes back as
//! [`Effect`]s beside the next stage, and all of it is saved together. An effect that calls Microsoft is a row of *work*
//! until its answer has come back as a fact; so whatever crashes, the row is there, with the calls it had begun.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use seatshift_messages::{CustomerId, Envelope, Event, Instruction, MigrationId, Service};
use seatshift_store::RecordWrite;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::desk::Desk;

/// A service of the saga.
#[async_trait]
pub trait Participant: Send + Sync + Sized + 'static {
    const SERVICE: Service;
    /// Whether it decides or works with the instruction of a migration that it knows already. Not so: it is not read with
    /// the ledger, and [`About::instruction`] is there only with the fact that brings it.
    const READS_INSTRUCTIONS: bool = true;
    /// Where one migration stands, with everything that must be remembered. `Default` = never heard of it.
    type Stage: Serialize + DeserializeOwned + Default + Debug + Send + Sync;
    /// What happened, as this service hears it.
    type Fact: Clone + Debug + Send + Sync;
    /// A piece of work, with the calls it has begun.
    type Work: Serialize + DeserializeOwned + Debug + Send + Sync;
    /// What it has to say; [`Participant::say`] makes the event of it.
    type Said: Debug + Send;

    /// The decision. Synchronous, total, and a function of its arguments alone.
    fn decide(stage: Self::Stage, fact: Self::Fact) -> Decision<Self>;

    /// Which fact an event is for this service; none where it is not for it.
    fn hear(&self, event: Event) -> Option<Heard<Self::Fact>>;

    /// As [`Participant::hear`], for the one service that also needs what stands on the envelope: who said it, when, and
    /// its number.
    fn receive(&self, _envelope: &Envelope, event: Event) -> Option<Heard<Self::Fact>> {
        self.hear(event)
    }

    /// The instruction inside a fact, for the one service that makes instructions.
    fn instruction_in(_fact: &Self::Fact) -> Option<Arc<Instruction>> {
        None
    }

    /// Told after a stage was committed, for a picture in memory. Must be quick; must not be relied on after a crash.
    /// `version` is the ledger row's: of two commits that are told the wrong way round, the higher one counts.
    fn committed(&self, _migration: MigrationId, _version: u64, _stage: &Self::Stage) {}

    /// The event for what `decide` wants said.
    fn say(&self, said: Self::Said, about: &About) -> Event;

    /// Does a piece of work and turns the answers into a fact. May be begun any number of times for the same row: it reads
    /// what is before it changes anything.
    async fn perform(&self, job: Job<Self::Work>, desk: &Desk<Self>) -> Performed<Self>;
}

/// The next stage and what is to be done: saved together or not at all.
#[derive(Debug)]
pub struct Decision<P: Participant> {
    pub next: P::Stage,
    pub effects: Vec<Effect<P>>,
}

impl<P: Participant> Decision<P> {
    /// With one more effect.
    #[must_use]
    pub fn and(mut self, effect: Effect<P>) -> Self {
        self.effects.push(effect);
        self
    }
}

/// What a decision asks of the edge.
#[derive(Debug)]
pub enum Effect<P: Participant> {
    /// Publish.
    Say(P::Said),
    /// Queue a piece of work, in place of any of the same part, due after this long.
    Do { part: String, work: P::Work, after: SignedDuration },
    /// Let a piece of work that stands be looked at again now.
    Wake { part: String },
    /// This part is no longer wanted.
    Drop { part: String },
    /// Write a record (control alone).
    Record(RecordWrite),
}

/// An event as one service hears it.
#[derive(Debug)]
pub struct Heard<F> {
    pub fact: F,
    /// The instruction, where the event carries it.
    pub instruction: Option<Instruction>,
}

/// What is known of a migration when something is said about it or done for it.
#[derive(Debug, Clone)]
pub struct About {
    pub migration: MigrationId,
    pub customer: Option<CustomerId>,
    pub instruction: Option<Arc<Instruction>>,
    pub now: jiff::Timestamp,
}

/// A piece of work, taken up.
#[derive(Debug)]
pub struct Job<W> {
    pub migration: MigrationId,
    pub customer: CustomerId,
    pub instruction: Arc<Instruction>,
    pub part: String,
    pub work: W,
    /// A process that died held it: every call it had begun may still land, its horizon begins now.
    pub interrupted: bool,
}

/// How a piece of work went.
#[derive(Debug)]
pub enum Performed<P: Participant> {
    /// Not finished: look again after this long. The waiting is a row, not a sleeping task.
    Again { work: P::Work, after: SignedDuration },
    /// Finished with this fact; the row goes.
    Done(P::Fact),
    /// Finished with this fact; the row stays as memory, not due.
    Kept { fact: P::Fact, work: P::Work },
    /// Nothing to do just now: the row stays as memory, not due, and nothing is told.
    Rest { work: P::Work },
    /// The row is no longer ours ([`crate::Superseded`]): everything it had begun is saved already, and whoever takes it up
    /// next goes on. Not for stopping: what is to go on at once elsewhere is given back with [`Performed::Again`].
    Stopped,
}

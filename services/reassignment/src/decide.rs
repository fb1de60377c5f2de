//! Reassignment, decided: what each fact means at each stage. Pure, total, and every pair is named.
//!
//! Reassignment is *compensatable*: everyone it moved it can move back, until suspension has passed the pivot. Going
//! forward and turning back both run over chunks. Three rules keep users from falling between the plans: the direction is
//! one value in this ledger, read by every worker before each changing call; the undo of a chunk is queued in the
//! transaction that settles it, never earlier; and nothing is said, and nobody is parked, while a chunk is open.
#![deny(clippy::wildcard_enum_match_arm)]

use jiff::SignedDuration;
use seatshift_host::{Decision, Effect};
use seatshift_messages::{Cause, Direction, OnRefusal, Policy, Purchase, Stands, UserId};
use serde::{Deserialize, Serialize};

use crate::Reassigning;
use crate::work::{self, Chunk, Work, chunk_part};

/// Everything reassignment remembers of one migration; the users themselves are in the chunk rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// A rollback was requested. Set once, never cleared.
    pub rollback: bool,
    /// How often it has parked; an answer names the parking it answers.
    pub parkings: u32,
    pub stage: Stage,
}

/// Where reassignment stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The migration has not come to us (perhaps its rollback has).
    #[default]
    Unreached,
    /// Same SKU: looking whether the seats that will be left cover their holders.
    CheckingPool { step: Step },
    /// Users are being moved.
    Moving { step: Step, chunks: Vec<ChunkState> },
    /// `licenses.reassigned` is said; suspension holds the migration.
    Moved { chunks: Vec<ChunkState> },
    /// Users are being moved back. One-way.
    TurningBack { chunks: Vec<ChunkState>, cause: Cause, answer: Answer },
    /// `reassignment.refused` is said.
    Refused,
    /// `licenses.restored` is said.
    Restored,
    /// Cannot go forward without a person.
    ParkedForward { step: Step, chunks: Vec<ChunkState> },
    /// Cannot undo without a person.
    ParkedUndoing { chunks: Vec<ChunkState>, cause: Cause, answer: Answer },
}

/// What is needed to say the forward word, and the policy for refused users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub purchase: Purchase,
    pub policy: Policy,
}

/// With which word the way back ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// We had not said our forward word.
    Refused,
    /// We had.
    Restored,
}

/// One chunk, as the ledger sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChunkState {
    pub forward: Forward,
    pub undo: Undo,
    pub moved: u32,
    pub already: u32,
    #[serde(default)]
    pub restored: u32,
    #[serde(default)]
    pub left: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forward {
    /// Queued or running; a call of ours may be on its way.
    Open,
    /// Some users cannot be moved; nothing is on its way.
    Stuck(Stuck),
    Settled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    None,
    Open,
    Stuck(Stuck),
    Settled,
}

/// Why some users of a chunk could not be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stuck {
    pub cause: Cause,
    /// A person can mend it; false: Microsoft's no is final.
    pub person: bool,
    /// Found out too late what should have asked a person before anything was bought (a license that comes from a
    /// group, which no listing shows): everyone goes back, whatever the policy says of ordinary refusals.
    #[serde(default)]
    pub unasked: bool,
    pub users: Vec<UserId>,
}

/// What became of a chunk going forward.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    pub moved: u32,
    pub already: u32,
    pub stuck: Option<Stuck>,
}

/// What became of a chunk going back.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoTally {
    pub restored: u32,
    pub left: u32,
    pub stuck: Option<Stuck>,
}

/// What reassignment hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// `subscription.purchased`; the chunks are cut already.
    Purchased { step: Step, chunks: Vec<Chunk> },
    /// `rollback.requested`.
    RollbackRequested,
    /// `retry.requested` to us.
    RetryRequested { parking: u32 },
    /// `suspension.refused` or `subscription.reactivated`: ours is the next to undo.
    TurnedBack { cause: Cause },
    /// Same SKU: the seats that will be left cover their holders.
    PoolCovers,
    /// Same SKU: they would not.
    PoolShort { cause: Cause },
    /// No call of this chunk is on its way; all its users are settled, or those named are stuck.
    ChunkSettled { chunk: usize, tally: Tally },
    /// Everyone of this chunk whom we moved is back, left as somebody else changed them, or stuck.
    ChunkUndone { chunk: usize, tally: UndoTally },
}

/// What reassignment says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Reassigned { purchase: Purchase, moved: u32, already: u32 },
    Refused { cause: Cause, restored: u32, left: u32 },
    Restored { cause: Cause, restored: u32, left: u32 },
    Parked { cause: Cause, direction: Direction, stands: Stands, parking: u32, rollback_seen: bool },
    Progressed { moved: u32 },
}

/// The cause of everything that an operator's rollback leads to.
pub(crate) fn operator() -> Cause {
    Cause::new("operator", "an operator asked for the migration to be rolled back")
}

pub(crate) fn decide(ledger: Ledger, fact: Fact) -> Decision<Reassigning> {
    use Fact::*;
    use Stage::*;
    let Ledger { rollback, parkings, stage } = ledger;
    let at = Turn { rollback, parkings };
    match (stage, fact) {
        // === forward
        (Unreached, Purchased { .. }) if rollback => at.end(Answer::Refused, operator(), &[]),
        (Unreached, Purchased { step, chunks }) if chunks.is_empty() => at.check_pool(step),
        (Unreached, Purchased { step, chunks }) => at.begin(step, chunks),
        (CheckingPool { step }, PoolCovers) => at.reassigned(step, Vec::new()),
        (CheckingPool { .. }, PoolShort { cause }) => at.end(Answer::Refused, cause, &[]),
        (Moving { step, mut chunks }, ChunkSettled { chunk, tally }) => {
            settle(&mut chunks, chunk, tally);
            at.forward(step, chunks)
        }

        // === back
        (Moved { chunks }, TurnedBack { cause }) => at.turn_back(chunks, cause, Answer::Restored),
        (TurningBack { mut chunks, cause, answer }, ChunkSettled { chunk, mut tally }) => {
            // Whatever it was stuck on going forward no longer matters; its undo is queued in this very transaction.
            tally.stuck = None;
            settle(&mut chunks, chunk, tally);
            at.turn_back(chunks, cause, answer)
        }
        (TurningBack { mut chunks, cause, answer }, ChunkUndone { chunk, tally }) => {
            undone(&mut chunks, chunk, tally);
            at.turn_back(chunks, cause, answer)
        }

        // === an operator wants it undone: whoever holds the migration acts
        (Unreached, RollbackRequested) => at.remember().to(Unreached),
        (CheckingPool { .. }, RollbackRequested) => at
            .remember()
            .end(Answer::Refused, operator(), &[])
            .and(Effect::Drop { part: work::POOL.to_owned() }),
        (Moving { chunks, .. } | ParkedForward { chunks, .. }, RollbackRequested) => {
            at.remember().turn_back(chunks, operator(), Answer::Refused)
        }
        (ParkedUndoing { chunks, cause, answer }, RollbackRequested) => {
            at.remember().undo_again(chunks, cause, answer)
        }
        // Said our forward word: suspension answers. Turning back or back: the chain that runs ends in a verdict.
        (stage @ (Moved { .. } | TurningBack { .. } | Refused | Restored), RollbackRequested) => {
            at.remember().to(stage)
        }

        // === a person says: try again
        (ParkedForward { step, chunks }, RetryRequested { parking }) if parking == parkings => {
            at.forward_again(step, chunks)
        }
        (ParkedUndoing { chunks, cause, answer }, RetryRequested { parking }) if parking == parkings => {
            at.undo_again(chunks, cause, answer)
        }
        // An answer to a parking that stands no more.
        (stage, RetryRequested { .. }) => at.to(stage),

        // === repeats and late arrivals
        (
            stage @ (CheckingPool { .. }
            | Moving { .. }
            | Moved { .. }
            | TurningBack { .. }
            | Refused
            | Restored
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            Purchased { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | CheckingPool { .. }
            | Moving { .. }
            | TurningBack { .. }
            | Refused
            | Restored
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            TurnedBack { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | Moving { .. }
            | Moved { .. }
            | TurningBack { .. }
            | Refused
            | Restored
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            PoolCovers | PoolShort { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | CheckingPool { .. }
            | Moved { .. }
            | Refused
            | Restored
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            ChunkSettled { .. },
        ) => at.to(stage),
        (
            stage @ (Unreached
            | CheckingPool { .. }
            | Moving { .. }
            | Moved { .. }
            | Refused
            | Restored
            | ParkedForward { .. }
            | ParkedUndoing { .. }),
            ChunkUndone { .. },
        ) => at.to(stage),
    }
}

fn settle(chunks: &mut [ChunkState], index: usize, tally: Tally) {
    let Some(chunk) = chunks.get_mut(index) else { return };
    if chunk.forward != Forward::Open {
        return;
    }
    chunk.moved = tally.moved;
    chunk.already = tally.already;
    chunk.forward = tally.stuck.map_or(Forward::Settled, Forward::Stuck);
}

fn undone(chunks: &mut [ChunkState], index: usize, tally: UndoTally) {
    let Some(chunk) = chunks.get_mut(index) else { return };
    if chunk.undo != Undo::Open {
        return;
    }
    chunk.restored = tally.restored;
    chunk.left = tally.left;
    chunk.undo = tally.stuck.map_or(Undo::Settled, Undo::Stuck);
}

fn moved(chunks: &[ChunkState]) -> u32 {
    chunks.iter().map(|chunk| chunk.moved).sum()
}

/// What every turn carries along.
#[derive(Clone, Copy)]
struct Turn {
    rollback: bool,
    parkings: u32,
}

impl Turn {
    fn remember(self) -> Self {
        Turn { rollback: true, ..self }
    }

    fn to(self, stage: Stage) -> Decision<Reassigning> {
        let Turn { rollback, parkings } = self;
        Decision { next: Ledger { rollback, parkings, stage }, effects: Vec::new() }
    }

    fn check_pool(self, step: Step) -> Decision<Reassigning> {
        self.to(Stage::CheckingPool { step }).and(Effect::Do {
            part: work::POOL.to_owned(),
            work: Work::Pool { looks: 0 },
            after: SignedDuration::ZERO,
        })
    }

    fn begin(self, step: Step, chunks: Vec<Chunk>) -> Decision<Reassigning> {
        let open = ChunkState {
            forward: Forward::Open,
            undo: Undo::None,
            moved: 0,
            already: 0,
            restored: 0,
            left: 0,
        };
        let mut decision = self.to(Stage::Moving { step, chunks: vec![open; chunks.len()] });
        decision.effects.extend(chunks.into_iter().map(|chunk| Effect::Do {
            part: chunk_part(chunk.index),
            work: Work::Chunk(chunk),
            after: SignedDuration::ZERO,
        }));
        decision
    }

    fn reassigned(self, step: Step, chunks: Vec<ChunkState>) -> Decision<Reassigning> {
        let already = chunks.iter().map(|chunk| chunk.already).sum();
        let said = Said::Reassigned { purchase: step.purchase, moved: moved(&chunks), already };
        self.to(Stage::Moved { chunks }).and(Effect::Say(said))
    }

    /// Going forward, after a chunk has changed: still open, over, refused, or in need of a person.
    fn forward(self, step: Step, chunks: Vec<ChunkState>) -> Decision<Reassigning> {
        let open = chunks.iter().any(|chunk| chunk.forward == Forward::Open);
        let stuck: Vec<&Stuck> = chunks
            .iter()
            .filter_map(|chunk| match &chunk.forward {
                Forward::Stuck(stuck) => Some(stuck),
                Forward::Open | Forward::Settled => None,
            })
            .collect();
        let refused = stuck.iter().find(|stuck| !stuck.person).map(|stuck| stuck.cause.clone());
        let person = stuck.iter().any(|stuck| stuck.person);
        if let Some(unasked) = stuck.iter().find(|stuck| stuck.unasked) {
            let cause = unasked.cause.clone();
            return self.turn_back(chunks, cause, Answer::Refused);
        }
        match refused {
            // The policy wants no waiting: turning back begins while other chunks still settle.
            Some(cause) if step.policy.on_user_refused == OnRefusal::Rollback => {
                self.turn_back(chunks, cause, Answer::Refused)
            }
            _ if open => {
                let moved = moved(&chunks);
                self.to(Stage::Moving { step, chunks }).and(Effect::Say(Said::Progressed { moved }))
            }
            None if !person => self.reassigned(step, chunks),
            Some(cause) if !person && moved(&chunks) <= step.policy.roll_back_up_to => {
                self.turn_back(chunks, cause, Answer::Refused)
            }
            Some(_) | None => {
                let (cause, stands) = trouble(&stuck, moved(&chunks));
                self.park(Stage::ParkedForward { step, chunks }, Direction::Forward, cause, stands)
            }
        }
    }

    fn forward_again(self, step: Step, mut chunks: Vec<ChunkState>) -> Decision<Reassigning> {
        let mut effects = Vec::new();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            if let Forward::Stuck(_) = chunk.forward {
                chunk.forward = Forward::Open;
                effects.push(Effect::Wake { part: chunk_part(index) });
            }
        }
        Decision { effects, ..self.to(Stage::Moving { step, chunks }) }
    }

    /// Going back, after the direction was set or a chunk has changed. A settled chunk's undo is queued here, in the
    /// transaction that settles it; an open one is woken, sees the direction and settles first.
    fn turn_back(self, mut chunks: Vec<ChunkState>, cause: Cause, answer: Answer) -> Decision<Reassigning> {
        let mut effects = Vec::new();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            match (&chunk.forward, &chunk.undo) {
                (Forward::Settled | Forward::Stuck(_), Undo::None) => {
                    chunk.forward = Forward::Settled;
                    chunk.undo = Undo::Open;
                    effects.push(Effect::Wake { part: chunk_part(index) });
                }
                (Forward::Open, Undo::None) => effects.push(Effect::Wake { part: chunk_part(index) }),
                (
                    Forward::Open | Forward::Settled | Forward::Stuck(_),
                    Undo::Open | Undo::Stuck(_) | Undo::Settled,
                ) => {}
            }
        }
        if chunks.iter().any(|chunk| chunk.forward == Forward::Open || chunk.undo == Undo::Open) {
            return Decision { effects, ..self.to(Stage::TurningBack { chunks, cause, answer }) };
        }
        let stuck: Vec<&Stuck> = chunks
            .iter()
            .filter_map(|chunk| match &chunk.undo {
                Undo::Stuck(stuck) => Some(stuck),
                Undo::None | Undo::Open | Undo::Settled => None,
            })
            .collect();
        if stuck.is_empty() {
            return self.end(answer, cause, &chunks);
        }
        let (why, stands) = trouble(&stuck, moved(&chunks));
        self.park(Stage::ParkedUndoing { chunks, cause, answer }, Direction::Undo, why, stands)
    }

    fn undo_again(self, mut chunks: Vec<ChunkState>, cause: Cause, answer: Answer) -> Decision<Reassigning> {
        let mut effects = Vec::new();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            if let Undo::Stuck(_) = chunk.undo {
                chunk.undo = Undo::Open;
                effects.push(Effect::Wake { part: chunk_part(index) });
            }
        }
        Decision { effects, ..self.to(Stage::TurningBack { chunks, cause, answer }) }
    }

    fn end(self, answer: Answer, cause: Cause, chunks: &[ChunkState]) -> Decision<Reassigning> {
        let restored = chunks.iter().map(|chunk| chunk.restored).sum();
        let left = chunks.iter().map(|chunk| chunk.left).sum();
        match answer {
            Answer::Refused => {
                self.to(Stage::Refused).and(Effect::Say(Said::Refused { cause, restored, left }))
            }
            Answer::Restored => {
                self.to(Stage::Restored).and(Effect::Say(Said::Restored { cause, restored, left }))
            }
        }
    }

    fn park(self, stage: Stage, direction: Direction, cause: Cause, stands: Stands) -> Decision<Reassigning> {
        let parking = self.parkings + 1;
        let said = Said::Parked { cause, direction, stands, parking, rollback_seen: self.rollback };
        Turn { parkings: parking, ..self }.to(stage).and(Effect::Say(said))
    }
}

/// The cause to show (one that a person can mend first) and the users concerned, at most a hundred.
fn trouble(stuck: &[&Stuck], moved: u32) -> (Cause, Stands) {
    let shown = stuck.iter().find(|stuck| stuck.person).or(stuck.first());
    let cause =
        shown.map_or_else(|| Cause::new("unknown", "no cause was recorded"), |stuck| stuck.cause.clone());
    let users = stuck.iter().flat_map(|stuck| stuck.users.iter().copied()).take(100).collect();
    (cause, Stands { users_moved: Some(moved), users, ..Stands::default() })
}

//! Does reassignment's work: looks at the ledger for the direction, runs passes over a chunk, reports what came of it.

use jiff::SignedDuration;
use seatshift_edge::{Meaning, meaning_of};
use seatshift_host::{Desk, Job, Performed};
use seatshift_messages::{Cause, CustomerId, Instruction};

use crate::Reassigning;
use crate::decide::{ChunkState, Fact, Forward, Ledger, Stage, Stuck, Tally, Undo, UndoTally};
use crate::pass::{Ended, Pass};
use crate::work::{Chunk, Refusal, Standing, UserRow, Work};

type Done = Performed<Reassigning>;

/// How a chunk is to go now, read from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heading {
    Forward,
    /// Turning back, and this chunk has not settled: bring what is on its way to a known outcome.
    Settle,
    Undo,
    /// Nothing is wanted of this chunk.
    Rest,
}

/// The heading of one chunk under a ledger.
pub(crate) fn heading(ledger: &Ledger, index: usize) -> Heading {
    let of =
        |chunks: &[ChunkState]| chunks.get(index).map(|chunk| (chunk.forward.clone(), chunk.undo.clone()));
    match &ledger.stage {
        Stage::Moving { chunks, .. } => match of(chunks) {
            Some((Forward::Open, _)) => Heading::Forward,
            Some((Forward::Stuck(_) | Forward::Settled, _)) | None => Heading::Rest,
        },
        Stage::TurningBack { chunks, .. } => match of(chunks) {
            Some((Forward::Open, _)) => Heading::Settle,
            Some((Forward::Stuck(_) | Forward::Settled, Undo::Open)) => Heading::Undo,
            Some((Forward::Stuck(_) | Forward::Settled, Undo::None | Undo::Stuck(_) | Undo::Settled))
            | None => Heading::Rest,
        },
        Stage::Unreached
        | Stage::CheckingPool { .. }
        | Stage::Moved { .. }
        | Stage::Refused
        | Stage::Restored
        | Stage::ParkedForward { .. }
        | Stage::ParkedUndoing { .. } => Heading::Rest,
    }
}

impl Reassigning {
    pub(crate) async fn do_work(&self, job: Job<Work>, desk: &Desk<Self>) -> Done {
        let client = self.client.correlated(job.migration.0);
        let Job { customer, instruction, work, interrupted, .. } = job;
        match work {
            Work::Pool { looks } => self.pool(&client, customer, &instruction, desk, looks).await,
            Work::Chunk(mut chunk) => {
                if interrupted {
                    let now = desk.now();
                    chunk.users.iter_mut().filter(|row| row.sent.is_some()).for_each(|row| row.lost(now));
                }
                let pass = Pass {
                    client: &client,
                    customer,
                    instruction: &instruction,
                    desk,
                    horizons: self.horizons,
                };
                let heading = heading(&desk.stage().await, chunk.index);
                match pass.run(&mut chunk, heading).await {
                    Ended::Settled => settled(chunk, heading),
                    Ended::Trouble(cause, person) => troubled(chunk, heading, &cause, person),
                    Ended::Again(after) => Performed::Again { work: Work::Chunk(chunk), after },
                    Ended::Rest => Performed::Rest { work: Work::Chunk(chunk) },
                    Ended::Superseded => Performed::Stopped,
                }
            }
        }
    }

    /// Same SKU: nobody is reassigned; the seats that will be left without the old subscription must cover the holders.
    async fn pool(
        &self,
        client: &seatshift_partner_center::Client,
        customer: CustomerId,
        instruction: &Instruction,
        desk: &Desk<Self>,
        looks: u32,
    ) -> Done {
        /// Looks before short seats count as a no: they may still be on their way.
        const MOST_LOOKS: u32 = 12;
        let old = &instruction.old;
        let again = |after| Performed::Again { work: Work::Pool { looks: looks + 1 }, after };
        let pause = desk.backoff(looks + 1, SignedDuration::from_secs(15), SignedDuration::from_mins(5));
        match client.seats_without(customer.0, old.sku.0, old.subscription.0, old.quantity).await {
            Ok(seats) if seats.active_elsewhere >= seats.holders => Performed::Done(Fact::PoolCovers),
            Ok(_) if looks < MOST_LOOKS => again(pause),
            Ok(seats) => {
                let text = format!(
                    "{} users hold the plan and only {} seats would be left for them",
                    seats.holders, seats.active_elsewhere
                );
                Performed::Done(Fact::PoolShort { cause: Cause::new("seats_short", text) })
            }
            Err(error) => match meaning_of(&error) {
                Meaning::Later { after } => again(after.unwrap_or(pause)),
                Meaning::NotYet | Meaning::Unknown => again(pause),
                Meaning::Refused(cause) | Meaning::Person(cause) => {
                    Performed::Done(Fact::PoolShort { cause })
                }
            },
        }
    }
}

fn settled(mut chunk: Chunk, heading: Heading) -> Done {
    let index = chunk.index;
    let stuck = stuck(&mut chunk, heading);
    let fact = match heading {
        Heading::Forward | Heading::Settle => {
            Fact::ChunkSettled { chunk: index, tally: tally(&chunk, stuck) }
        }
        Heading::Undo => Fact::ChunkUndone { chunk: index, tally: undo_tally(&chunk, stuck) },
        Heading::Rest => return Performed::Rest { work: Work::Chunk(chunk) },
    };
    Performed::Kept { fact, work: Work::Chunk(chunk) }
}

/// Reading itself is refused: the whole chunk waits for a person. Only where nothing of ours is unanswered.
fn troubled(chunk: Chunk, heading: Heading, cause: &Cause, person: bool) -> Done {
    let users = chunk.users.iter().map(|row| row.user).collect();
    let stuck = Some(Stuck { cause: cause.clone(), person, unasked: false, users });
    let index = chunk.index;
    let fact = match heading {
        Heading::Forward | Heading::Settle => {
            Fact::ChunkSettled { chunk: index, tally: tally(&chunk, stuck) }
        }
        Heading::Undo => Fact::ChunkUndone { chunk: index, tally: undo_tally(&chunk, stuck) },
        Heading::Rest => return Performed::Rest { work: Work::Chunk(chunk) },
    };
    Performed::Kept { fact, work: Work::Chunk(chunk) }
}

/// The users that could not be changed, with one cause for all (a person's before a final no). Their marks are cleared, so
/// that a retry begins afresh.
fn stuck(chunk: &mut Chunk, heading: Heading) -> Option<Stuck> {
    let refusals: Vec<_> = chunk
        .users
        .iter_mut()
        .filter_map(|row| row.refused.take().map(|refusal| (row.user, refusal)))
        .collect();
    chunk.users.iter_mut().for_each(|row| row.tries = 0);
    if heading == Heading::Settle {
        return None;
    }
    let which = |wanted: fn(&Refusal) -> bool| refusals.iter().find(|(_, refusal)| wanted(refusal));
    let (unasked, person) = (which(|refusal| refusal.unasked), which(|refusal| refusal.person));
    let shown = unasked.or(person).or(refusals.first())?.1.cause.clone();
    let (unasked, person) = (unasked.is_some(), person.is_some());
    Some(Stuck { cause: shown, person, unasked, users: refusals.into_iter().map(|(user, _)| user).collect() })
}

fn tally(chunk: &Chunk, stuck: Option<Stuck>) -> Tally {
    Tally { moved: count(chunk, Standing::Moved), already: count(chunk, Standing::AlreadyThere), stuck }
}

fn undo_tally(chunk: &Chunk, stuck: Option<Stuck>) -> UndoTally {
    UndoTally { restored: count(chunk, Standing::Restored), left: count(chunk, Standing::Left), stuck }
}

fn count(chunk: &Chunk, standing: Standing) -> u32 {
    let counts = |row: &&UserRow| row.standing == standing;
    u32::try_from(chunk.users.iter().filter(counts).count()).unwrap_or(u32::MAX)
}

//! Reassignment: moves each user's license from the old SKU to the new one, and back when the migration turns round.
//!
//! `decide` says what a fact means for the migration, `user` what a read means for one user, `pass` does the calls of a
//! chunk. What must never happen here: a user without a license because of us, a change of a user who is not in the
//! instruction, or a word about licenses that a read has not shown.

#[cfg(test)]
mod conversation;
mod decide;
mod effects;
mod pass;
mod user;
#[cfg(test)]
mod user_walks;
mod work;

use async_trait::async_trait;
use seatshift_host::{About, Decision, Desk, Heard, Horizons, Job, Participant, Performed};
use seatshift_messages::{
    Choice, Event, LicensesReassigned, LicensesRestored, MigrationProgressed, Parked, ReassignmentRefused,
    Service,
};
use seatshift_partner_center::Client;

pub use decide::{Fact, Ledger, Said, Stage};
pub use work::Work;

/// The participant.
#[derive(Debug)]
pub struct Reassigning {
    client: Client,
    horizons: Horizons,
}

impl Reassigning {
    pub fn new(client: Client, horizons: Horizons) -> Self {
        Reassigning { client, horizons }
    }
}

#[async_trait]
impl Participant for Reassigning {
    const SERVICE: Service = Service::Reassignment;
    type Stage = Ledger;
    type Fact = Fact;
    type Work = Work;
    type Said = Said;

    fn decide(stage: Ledger, fact: Fact) -> Decision<Self> {
        decide::decide(stage, fact)
    }

    fn hear(&self, event: Event) -> Option<Heard<Fact>> {
        let (fact, instruction) = match event {
            Event::SubscriptionPurchased(said) => {
                let chunks = work::chunks(&said.instruction.moves);
                let step = decide::Step { purchase: said.purchase, policy: said.instruction.policy };
                (Fact::Purchased { step, chunks }, Some(said.instruction))
            }
            Event::SuspensionRefused(said) => (Fact::TurnedBack { cause: said.cause }, None),
            Event::SubscriptionReactivated(said) => (Fact::TurnedBack { cause: said.cause }, None),
            Event::RollbackRequested(_) => (Fact::RollbackRequested, None),
            Event::RetryRequested(said) if said.participant == Service::Reassignment => {
                (Fact::RetryRequested { parking: said.parking }, None)
            }
            _ => return None,
        };
        Some(Heard { fact, instruction })
    }

    fn say(&self, said: Said, about: &About) -> Event {
        let instruction =
            || about.instruction.as_deref().cloned().expect("whoever was reached knows the instruction");
        match said {
            Said::Reassigned { purchase, moved, already } => {
                Event::LicensesReassigned(Box::new(LicensesReassigned {
                    instruction: instruction(),
                    purchase,
                    moved,
                    already_there: already,
                }))
            }
            Said::Refused { cause, restored, left } => {
                Event::ReassignmentRefused(Box::new(ReassignmentRefused { cause, restored, left }))
            }
            Said::Restored { cause, restored, left } => {
                Event::LicensesRestored(Box::new(LicensesRestored { cause, restored, left }))
            }
            Said::Parked { cause, direction, mut stands, parking, rollback_seen } => {
                stands.read_at = Some(about.now);
                Event::ReassignmentParked(Box::new(Parked {
                    cause,
                    direction,
                    stands,
                    choices: vec![Choice::Retry, Choice::Rollback, Choice::Accept],
                    parking,
                    rollback_seen,
                }))
            }
            Said::Progressed { moved } => {
                let of = about.instruction.as_ref().map_or(0, |instruction| instruction.users());
                let of = u32::try_from(of).unwrap_or(u32::MAX);
                Event::MigrationProgressed(Box::new(MigrationProgressed { moved, of }))
            }
        }
    }

    async fn perform(&self, job: Job<Work>, desk: &Desk<Self>) -> Performed<Self> {
        self.do_work(job, desk).await
    }
}

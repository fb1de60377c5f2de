//! Suspension: suspends the old subscription once everyone is on the new plan, and makes it active again when the
//! migration turns round.
//!
//! `decide` says what a fact means; `suspending` and `reactivating` make the calls. What must never happen here: a
//! suspension while the seats left would not cover those who still hold them.

#[cfg(test)]
mod conversation;
mod decide;
mod reactivating;
mod suspending;
mod work;

use async_trait::async_trait;
use seatshift_host::{About, Decision, Desk, Heard, Horizons, Job, Participant, Performed};
use seatshift_messages::{
    Choice, CustomerId, Event, Instruction, Parked, Service, Stands, SubscriptionReactivated,
    SubscriptionSuspended, SuspensionRefused,
};
use seatshift_partner_center::Client;

pub use decide::{Done, Fact, Ledger, Said, Stage};
pub use work::Work;

/// The participant.
#[derive(Debug)]
pub struct Suspending {
    client: Client,
    horizons: Horizons,
}

impl Suspending {
    pub fn new(client: Client, horizons: Horizons) -> Self {
        Suspending { client, horizons }
    }
}

/// One piece of work's surroundings.
#[derive(Clone, Copy)]
struct Case<'a> {
    client: &'a Client,
    customer: CustomerId,
    instruction: &'a Instruction,
    desk: &'a Desk<Suspending>,
}

#[async_trait]
impl Participant for Suspending {
    const SERVICE: Service = Service::Suspension;
    type Stage = Ledger;
    type Fact = Fact;
    type Work = Work;
    type Said = Said;

    fn decide(stage: Ledger, fact: Fact) -> Decision<Self> {
        decide::decide(stage, fact)
    }

    fn hear(&self, event: Event) -> Option<Heard<Fact>> {
        let (fact, instruction) = match event {
            Event::LicensesReassigned(said) => {
                let policy = said.instruction.policy.on_suspension_refused;
                (Fact::Reassigned { policy }, Some(said.instruction))
            }
            Event::RollbackRequested(_) => (Fact::RollbackRequested, None),
            Event::RetryRequested(said) if said.participant == Service::Suspension => {
                (Fact::RetryRequested { parking: said.parking }, None)
            }
            _ => return None,
        };
        Some(Heard { fact, instruction })
    }

    fn say(&self, said: Said, about: &About) -> Event {
        let read_now = |stands: Stands| Stands { read_at: Some(about.now), ..stands };
        match said {
            Said::Suspended { done } => Event::SubscriptionSuspended(Box::new(SubscriptionSuspended {
                suspended_at: done.at,
                undo_until: done.undo_until,
                undo_reason: done.undo_reason,
                stands: read_now(done.stands),
            })),
            Said::Refused { cause, stands } => {
                Event::SuspensionRefused(Box::new(SuspensionRefused { cause, stands: read_now(stands) }))
            }
            Said::Reactivated { cause, stands } => {
                Event::SubscriptionReactivated(Box::new(SubscriptionReactivated {
                    cause,
                    stands: read_now(stands),
                }))
            }
            Said::Parked { cause, direction, stands, parking, rollback_seen } => {
                Event::SuspensionParked(Box::new(Parked {
                    cause,
                    direction,
                    stands: read_now(stands),
                    choices: vec![Choice::Retry, Choice::Rollback, Choice::Accept],
                    parking,
                    rollback_seen,
                }))
            }
        }
    }

    async fn perform(&self, job: Job<Work>, desk: &Desk<Self>) -> Performed<Self> {
        let client = self.client.correlated(job.migration.0);
        let Job { customer, instruction, work, interrupted, .. } = job;
        let case = Case { client: &client, customer, instruction: &instruction, desk };
        match work {
            Work::Suspending(work) => suspending::perform(&case, work, interrupted, self.horizons).await,
            Work::Reactivating(work) => reactivating::perform(&case, work, interrupted, self.horizons).await,
        }
    }
}

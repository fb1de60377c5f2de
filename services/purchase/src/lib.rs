//! Purchase: buys the new subscription, and suspends it again when the migration turns round.
//!
//! `decide` says what a fact means; `ordering`, `provisioning` and `reverting` make the calls. What must never happen here:
//! a second order while the first may still land, a word of *refused* while something of ours stands, or the suspension of
//! a subscription whose seats somebody needs.

#[cfg(test)]
mod conversation;
mod decide;
mod ordering;
mod provisioning;
mod reverting;
mod work;

use async_trait::async_trait;
use jiff::SignedDuration;
use seatshift_host::{About, Decision, Desk, Heard, Horizons, Job, Participant, Performed};
use seatshift_messages::{
    Cause, Choice, CustomerId, Event, Instruction, Parked, Path, PurchaseRefused, PurchaseReverted, Service,
    Stands, SubscriptionPurchased,
};
use seatshift_partner_center::Client;

pub use decide::{Bought, Fact, Halt, Ledger, Said, Stage};
pub use work::Work;

/// The participant.
#[derive(Debug)]
pub struct Purchasing {
    client: Client,
    horizons: Horizons,
    limits: Waits,
}

/// How long purchase waits for Microsoft before it asks a person. Nothing of this is documented; the figures are ours.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// From order to assignable seats: hours, not minutes (wire contract 7.5).
    pub provisioning: SignedDuration,
}

impl Default for Waits {
    fn default() -> Self {
        Waits { provisioning: SignedDuration::from_hours(24) }
    }
}

impl Purchasing {
    pub fn new(client: Client, horizons: Horizons, limits: Waits) -> Self {
        Purchasing { client, horizons, limits }
    }
}

/// Planning skips such rows; should one come all the same, nothing is bought.
fn new_commerce_later() -> Cause {
    Cause::new("new_commerce_later", "buying through new commerce comes later; nothing was bought")
}

/// One piece of work's surroundings.
#[derive(Clone, Copy)]
struct Case<'a> {
    client: &'a Client,
    customer: CustomerId,
    instruction: &'a Instruction,
    desk: &'a Desk<Purchasing>,
}

#[async_trait]
impl Participant for Purchasing {
    const SERVICE: Service = Service::Purchase;
    type Stage = Ledger;
    type Fact = Fact;
    type Work = Work;
    type Said = Said;

    fn decide(stage: Ledger, fact: Fact) -> Decision<Self> {
        decide::decide(stage, fact)
    }

    fn hear(&self, event: Event) -> Option<Heard<Fact>> {
        let (fact, instruction) = match event {
            Event::MigrationRequested(said) => (Fact::Requested, Some(said.instruction)),
            Event::ReassignmentRefused(said) => (Fact::TurnedBack { cause: said.cause }, None),
            Event::LicensesRestored(said) => (Fact::TurnedBack { cause: said.cause }, None),
            Event::RollbackRequested(_) => (Fact::RollbackRequested, None),
            Event::RetryRequested(said) if said.participant == Service::Purchase => {
                (Fact::RetryRequested { parking: said.parking }, None)
            }
            _ => return None,
        };
        Some(Heard { fact, instruction })
    }

    fn say(&self, said: Said, about: &About) -> Event {
        let read_now = |stands: Stands| Stands { read_at: Some(about.now), ..stands };
        match said {
            Said::Purchased { purchase } => Event::SubscriptionPurchased(Box::new(SubscriptionPurchased {
                instruction: about
                    .instruction
                    .as_deref()
                    .cloned()
                    .expect("whoever was reached knows the instruction"),
                purchase,
            })),
            Said::Refused { cause } => Event::PurchaseRefused(Box::new(PurchaseRefused {
                cause,
                stands: read_now(Stands::default()),
            })),
            Said::Reverted { cause, stands } => {
                Event::PurchaseReverted(Box::new(PurchaseReverted { cause, stands: read_now(stands) }))
            }
            Said::Parked { cause, direction, stands, parking, rollback_seen } => {
                Event::PurchaseParked(Box::new(Parked {
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
            Work::Ordering(work) => match instruction.target.path {
                Path::Legacy => case.order(work, interrupted, self.horizons.orders).await,
                Path::NewCommerce => Performed::Done(Fact::NothingBought { cause: new_commerce_later() }),
            },
            Work::Provisioning(work) => provisioning::perform(&case, work, self.limits).await,
            Work::Reverting(work) => reverting::perform(&case, work, interrupted, self.horizons).await,
        }
    }
}

//! Making the old subscription active again, and waiting until its seats can be assigned.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_edge::{Errand, Guard, Meaning, StatusChange, StatusWish, Step, change_status, meaning_of};
use seatshift_host::{Horizons, Performed, later};
use seatshift_messages::Cause;
use seatshift_partner_center::{CallError, Purpose, Subscription, SubscriptionChange};

use crate::decide::Fact;
use crate::suspending::stands;
use crate::work::{Change, Work};
use crate::{Case, Suspending};

/// How long seats may take to come back before a person is asked.
const SEATS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn perform(
    case: &Case<'_>,
    work: Change,
    interrupted: bool,
    horizons: Horizons,
) -> Performed<Suspending> {
    let Case { client, customer, instruction, desk } = *case;
    let Change { mut change, mut began, mut looks } = work;
    if interrupted && let Some(sent) = &mut change.sent {
        sent.begins_anew(desk.now());
    }
    let wish = StatusWish {
        customer,
        subscription: instruction.old.subscription,
        change: SubscriptionChange::Activate,
        purpose: Purpose::Compensation,
        horizon: horizons.subscriptions,
    };
    let errand = Reactivate { case: *case, began, looks };
    let step = change_status(client, desk, wish, &mut change, &errand).await;
    let again = |change, began, looks, after| Performed::Again {
        work: Work::Reactivating(Change { change, began, looks }),
        after,
    };
    let stuck = |cause, seen: Option<&Subscription>| {
        Performed::Done(Fact::ReactivateStuck { cause, stands: stands(seen, desk.now()) })
    };
    match step {
        Step::Reached(seen) => {
            let since = *began.get_or_insert(desk.now());
            looks += 1;
            let pause = desk.backoff(looks, SignedDuration::from_secs(15), SignedDuration::from_mins(5));
            match seats_are_back(case).await {
                Ok(true) => Performed::Done(Fact::Reactivated { stands: stands(Some(&seen), desk.now()) }),
                Ok(false) if desk.now() >= later(since, SEATS_WITHIN) => {
                    let text = "the old subscription is active again, but its seats have not come back";
                    stuck(Cause::new("seats_not_back", text), Some(&seen))
                }
                Ok(false) => again(change, began, looks, pause),
                Err(error) => match meaning_of(&error) {
                    Meaning::Later { after } => again(change, began, looks, after.unwrap_or(pause)),
                    Meaning::NotYet | Meaning::Unknown => again(change, began, looks, pause),
                    Meaning::Refused(cause) | Meaning::Person(cause) => stuck(cause, Some(&seen)),
                },
            }
        }
        Step::Refused(cause, seen) | Step::Person(cause, seen) => stuck(cause, seen.as_deref()),
        Step::Guarded(cause, seen) => stuck(cause, Some(&seen)),
        Step::TurnedBack(_) => again(change, began, looks, SignedDuration::ZERO),
        Step::Again(after) => again(change, began, looks, after),
        Step::Stopped => Performed::Stopped,
    }
}

struct Reactivate<'a> {
    case: Case<'a>,
    began: Option<Timestamp>,
    looks: u32,
}

#[async_trait]
impl Errand<Suspending> for Reactivate<'_> {
    fn work(&self, change: &StatusChange) -> Work {
        Work::Reactivating(Change { change: change.clone(), began: self.began, looks: self.looks })
    }

    /// An undo is never withdrawn.
    async fn wanted(&self) -> bool {
        true
    }

    async fn guard(&self, _: &Subscription) -> Result<Guard, CallError> {
        // The end date is inclusive: the end of that day.
        let ends = later(self.case.instruction.old.commitment_end, SignedDuration::from_hours(24));
        if self.case.desk.now() < ends {
            return Ok(Guard::Clear);
        }
        let text = "the old subscription's commitment has ended: it cannot be made active again";
        Ok(Guard::Closed(Cause::new("undo_deadline_passed", text)))
    }
}

/// Seats for everyone of the row; for a same-SKU move, whose users hold them all along, that the pool covers its holders.
async fn seats_are_back(case: &Case<'_>) -> Result<bool, CallError> {
    let Case { client, customer, instruction, .. } = *case;
    let skus = client.subscribed_skus(customer.0).await?;
    let Some(pool) = skus.items.iter().find(|pool| pool.sku == instruction.old.sku.0) else {
        return Ok(false);
    };
    let needed = i64::try_from(instruction.users()).unwrap_or(i64::MAX);
    Ok(if instruction.same_sku() {
        pool.active - i64::from(instruction.target.quantity) >= pool.consumed
    } else {
        pool.available >= needed
    })
}

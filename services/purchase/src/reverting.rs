//! Suspending what we bought, when the migration turns round.
//!
//! Everyone *we* moved is back by then. Somebody else may have come to the new SKU since; so the seats that would be left
//! must cover its holders, read after our last call that could change that, or nothing is done and a person is told who.

use async_trait::async_trait;
use jiff::SignedDuration;
use seatshift_edge::{Errand, Guard, Meaning, StatusChange, StatusWish, Step, change_status, meaning_of};
use seatshift_host::{Desk, Horizons, Performed, later};
use seatshift_messages::{Cause, Stands, SubscriptionId};
use seatshift_partner_center::{CallError, Purpose, Subscription, SubscriptionChange};

use crate::decide::{Bought, Fact};
use crate::provisioning::subscription_of;
use crate::work::{Reverting, Work};
use crate::{Case, Purchasing};

type Done = Performed<Purchasing>;

/// How long an order may stay without a subscription before a person is asked.
const APPEARS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn perform(
    case: &Case<'_>,
    mut work: Reverting,
    interrupted: bool,
    horizons: Horizons,
) -> Done {
    let Case { client, customer, desk, .. } = *case;
    let subscription = match subscription_of(case, &mut work.bought).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return wait_for_it(desk, work, None),
        Err(error) => match meaning_of(&error) {
            Meaning::Later { after } => return wait_for_it(desk, work, after),
            Meaning::NotYet | Meaning::Unknown => return wait_for_it(desk, work, None),
            Meaning::Refused(cause) | Meaning::Person(cause) => return stuck(&work, cause, None, desk),
        },
    };
    let mut change = std::mem::take(&mut work.change);
    if interrupted && let Some(sent) = &mut change.sent {
        sent.begins_anew(desk.now());
    }
    let wish = StatusWish {
        customer,
        subscription,
        change: SubscriptionChange::Suspend,
        purpose: Purpose::Compensation,
        horizon: horizons.subscriptions,
    };
    let errand = Undo { case: *case, bought: work.bought.clone(), subscription };
    let step = change_status(client, desk, wish, &mut change, &errand).await;
    work.change = change;
    match step {
        Step::Reached(seen) => Performed::Done(Fact::Reverted { stands: stands(&work, Some(&seen), desk) }),
        Step::Refused(cause, seen) | Step::Person(cause, seen) => stuck(&work, cause, seen.as_deref(), desk),
        Step::Guarded(cause, seen) => stuck(&work, cause, Some(&seen), desk),
        Step::TurnedBack(_) => Performed::Again { work: Work::Reverting(work), after: SignedDuration::ZERO },
        Step::Again(after) => Performed::Again { work: Work::Reverting(work), after },
        Step::Stopped => Performed::Stopped,
    }
}

struct Undo<'a> {
    case: Case<'a>,
    bought: Bought,
    subscription: SubscriptionId,
}

#[async_trait]
impl Errand<Purchasing> for Undo<'_> {
    fn work(&self, change: &StatusChange) -> Work {
        Work::Reverting(Reverting { change: change.clone(), ..Reverting::of(self.bought.clone()) })
    }

    /// An undo is never withdrawn.
    async fn wanted(&self) -> bool {
        true
    }

    async fn guard(&self, seen: &Subscription) -> Result<Guard, CallError> {
        let Case { client, customer, instruction, .. } = self.case;
        let target = &instruction.target;
        // All of its seats go, also those that somebody has added to ours.
        let quantity = seen.quantity.max(target.quantity);
        let seats = client.seats_without(customer.0, target.sku.0, self.subscription.0, quantity).await?;
        if seats.active_elsewhere >= seats.holders {
            return Ok(Guard::Clear);
        }
        let text = format!(
            "{} users hold the new plan and only {} seats would be left for them: suspending it would take it from somebody",
            seats.holders, seats.active_elsewhere
        );
        Ok(Guard::Closed(Cause::new("seats_in_use", text)))
    }
}

fn wait_for_it(desk: &Desk<Purchasing>, mut work: Reverting, after: Option<SignedDuration>) -> Done {
    let began = *work.began.get_or_insert(desk.now());
    work.looks += 1;
    if desk.now() >= later(began, APPEARS_WITHIN) {
        let cause = Cause::new(
            "order_without_subscription",
            "our order has no subscription yet that could be suspended",
        );
        return stuck(&work, cause, None, desk);
    }
    let pause = desk.backoff(work.looks, SignedDuration::from_secs(30), SignedDuration::from_mins(5));
    Performed::Again { work: Work::Reverting(work), after: after.unwrap_or(pause) }
}

fn stuck(work: &Reverting, cause: Cause, seen: Option<&Subscription>, desk: &Desk<Purchasing>) -> Done {
    Performed::Done(Fact::RevertStuck { cause, stands: stands(work, seen, desk) })
}

fn stands(work: &Reverting, seen: Option<&Subscription>, desk: &Desk<Purchasing>) -> Stands {
    Stands {
        read_at: Some(desk.now()),
        order: Some(work.bought.order.clone()),
        new_subscription: seen.map(|seen| SubscriptionId(seen.id)).or(work.bought.subscription),
        new_status: seen.map(|seen| seen.status.to_string()),
        ..Stands::default()
    }
}

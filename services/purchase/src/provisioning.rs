//! Waiting until what was bought can be used: the order has its subscription, it is active, its seats can be assigned.
//!
//! Nothing says when that is; the seats in the tenant are the only witness that counts, because they are what the next
//! service needs. Same SKU: the seats have come when the pool would still cover its holders without the old subscription.

use jiff::SignedDuration;
use seatshift_edge::{Meaning, meaning_of};
use seatshift_host::{Desk, Performed, later};
use seatshift_messages::{Cause, Purchase, SubscriptionId};
use seatshift_partner_center::{CallError, ProvisioningState, Status, Subscription};

use crate::decide::{Bought, Fact};
use crate::work::{Provisioning, Work};
use crate::{Case, Purchasing, Waits};

type Done = Performed<Purchasing>;

pub(crate) async fn perform(case: &Case<'_>, mut work: Provisioning, waits: Waits) -> Done {
    let desk = case.desk;
    let began = *work.began.get_or_insert(desk.now());
    work.looks += 1;
    let late = desk.now() >= later(began, waits.provisioning);
    match look(case, &mut work.bought, work.looks).await {
        Ok(Look::Ready(subscription)) => {
            let purchase = Purchase {
                order: work.bought.order,
                subscription: SubscriptionId(subscription.id),
                quantity: subscription.quantity,
                purchased_at: subscription.created.unwrap_or(began),
                cancellable_until: subscription.cancellation_allowed_until,
            };
            Performed::Done(Fact::Assignable { purchase })
        }
        Ok(Look::Failed(cause)) => Performed::Done(Fact::ProvisioningFailed { bought: work.bought, cause }),
        Ok(Look::NotYet) if late => {
            let cause = Cause::new(
                "provisioning_slow",
                "the seats of the new subscription have not come within the time allowed",
            );
            Performed::Done(Fact::ProvisioningStuck { bought: work.bought, cause })
        }
        Ok(Look::NotYet) => again(desk, work, None),
        // What was just bought can be unknown to the next read for a while.
        Err(error) if error.is_not_found() && !late => again(desk, work, None),
        Err(error) => match meaning_of(&error) {
            Meaning::Later { after } => again(desk, work, after),
            Meaning::NotYet | Meaning::Unknown => again(desk, work, None),
            // Reading is refused: what we bought stands, so a person is asked rather than anything undone.
            Meaning::Refused(cause) | Meaning::Person(cause) => {
                Performed::Done(Fact::ProvisioningStuck { bought: work.bought, cause })
            }
        },
    }
}

enum Look {
    Ready(Box<Subscription>),
    NotYet,
    Failed(Cause),
}

async fn look(case: &Case<'_>, bought: &mut Bought, looks: u32) -> Result<Look, CallError> {
    let Case { client, customer, .. } = *case;
    let Some(id) = subscription_of(case, bought).await? else { return Ok(Look::NotYet) };
    let subscription = client.subscription(customer.0, id.0).await?;
    match &subscription.status {
        Status::Active => {}
        Status::Suspended | Status::Deleted | Status::Expired | Status::Disabled => {
            let text = format!("the new subscription is {} instead of active", subscription.status);
            return Ok(Look::Failed(Cause::new("provisioning_failed", text)));
        }
        Status::Pending | Status::None | Status::Other(_) => {
            return Ok(Look::NotYet);
        }
    }
    if seats_have_come(case).await? {
        return Ok(Look::Ready(Box::new(subscription)));
    }
    // Asked seldom: Microsoft refreshes it every 15 minutes only.
    if looks.is_multiple_of(4) {
        let status = client.provisioning_status(customer.0, id.0).await;
        if status.is_ok_and(|status| status.state == ProvisioningState::Failed) {
            return Ok(Look::Failed(Cause::new(
                "provisioning_failed",
                "Microsoft says that provisioning has failed",
            )));
        }
    }
    Ok(Look::NotYet)
}

async fn seats_have_come(case: &Case<'_>) -> Result<bool, CallError> {
    let Case { client, customer, instruction, .. } = *case;
    let target = instruction.target.sku.0;
    let skus = client.subscribed_skus(customer.0).await?;
    let Some(pool) = skus.items.iter().find(|pool| pool.sku == target) else { return Ok(false) };
    let needed = i64::try_from(instruction.users()).unwrap_or(i64::MAX);
    Ok(if instruction.same_sku() {
        pool.active - i64::from(instruction.old.quantity) >= pool.consumed
    } else {
        pool.available >= needed && pool.active >= i64::from(instruction.target.quantity)
    })
}

/// The subscription of our order, once it has one.
pub(crate) async fn subscription_of(
    case: &Case<'_>,
    bought: &mut Bought,
) -> Result<Option<SubscriptionId>, CallError> {
    let Case { client, customer, instruction, .. } = *case;
    if bought.subscription.is_none() {
        let order = client.order(customer.0, &bought.order.as_str().into()).await?;
        let mark = instruction.target.friendly_name.as_str();
        let line = order.lines.iter().find(|line| line.friendly_name == mark);
        bought.subscription =
            line.or(order.lines.first()).and_then(|line| line.subscription).map(SubscriptionId);
    }
    Ok(bought.subscription)
}

fn again(desk: &Desk<Purchasing>, work: Provisioning, after: Option<SignedDuration>) -> Done {
    let pause = desk.backoff(work.looks, SignedDuration::from_secs(30), SignedDuration::from_mins(5));
    Performed::Again { work: Work::Provisioning(work), after: after.unwrap_or(pause) }
}

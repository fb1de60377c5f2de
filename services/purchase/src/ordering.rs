//! Placing the order, and finding it again when its answer was lost.
//!
//! An order has no etag and its repeat may be a second purchase: whether Microsoft replays an answer for a repeated request
//! id is not documented. So a lost order is searched for until it is found, or until its horizon has passed and a look at
//! orders *and* subscriptions shows nothing; only then is it sent again, with the same request id.

use jiff::SignedDuration;
use seatshift_edge::{Meaning, cause_of, meaning_of};
use seatshift_host::{Performed, Sent};
use seatshift_messages::{Cause, OrderId, Stands, SubscriptionId};
use seatshift_partner_center::{BillingCycle, CallError, Family, NewOrder, Order, Purpose};

use crate::decide::{Bought, Fact, operator};
use crate::work::{Ordering, Work};
use crate::{Case, Purchasing};

type Done = Performed<Purchasing>;

/// What a look for a lost order shows.
enum Found {
    Ours(Bought),
    /// No order and no subscription carries our mark.
    Nothing,
    /// None that could be read does.
    Unclear,
}

/// Lost answers in a row after which a person should look: an order that is answered by nobody is not sent for ever.
const MOST_LOST: u32 = 6;
/// "Not yet" in a row after which a person should look.
const MOST_TRIES: u32 = 12;

impl Case<'_> {
    pub(crate) async fn order(&self, mut work: Ordering, interrupted: bool, horizon: SignedDuration) -> Done {
        let rollback = self.desk.stage().await.rollback;
        if let Some(mut sent) = work.sent {
            // The search may take long, and both ends of it err on the side of the horizon: what it finds missing was
            // missing at its beginning, and what we have taken over may have been on its way until its end.
            let began = self.desk.now();
            let found = self.search().await;
            if interrupted {
                sent.begins_anew(self.desk.now());
                work.sent = Some(sent);
            }
            match found {
                Ok(Found::Ours(bought)) => return Performed::Done(Fact::Ordered { bought }),
                Ok(Found::Nothing | Found::Unclear) if !sent.is_settled(began, horizon) => {
                    return self.look_again(work, &sent, horizon);
                }
                // Settled: it was not done, and will not be.
                Ok(Found::Nothing) => {}
                Ok(Found::Unclear) => {
                    let text = "the answer to the order was lost, and part of what Microsoft lists cannot be read: ours may be in it";
                    return self.stuck(work, Cause::new("order_unclear", text), rollback);
                }
                Err(error) => return self.unread(work, &error),
            }
            if let Some(cause) = work.refused {
                return Performed::Done(Fact::NothingBought { cause });
            }
            if !rollback && work.lost >= MOST_LOST {
                let cause = Cause::new(
                    "order_unanswered",
                    "the order was sent several times and no answer came; nothing was found at Microsoft",
                );
                let kept = Work::Ordering(Ordering { lost: 0, ..work });
                return Performed::Kept {
                    fact: Fact::OrderStuck { cause, stands: Stands::default(), undoing: false },
                    work: kept,
                };
            }
        }
        if rollback {
            return Performed::Done(Fact::NothingBought { cause: operator() });
        }
        self.send(work).await
    }

    async fn send(&self, mut work: Ordering) -> Done {
        let until = self.desk.send_until();
        let permit = self.client.permit(Family::Orders, self.customer.0, Purpose::Forward, until);
        let Some(permit) = self.desk.unless_stopping(permit).await else {
            return again(work, SignedDuration::ZERO);
        };
        if self.desk.stage().await.rollback || !self.desk.may_send() {
            return again(work, SignedDuration::ZERO);
        }
        let before = work.sent;
        let request_id = before.map_or_else(|| self.desk.request_id(), |sent| sent.request_id);
        work.sent = Some(Sent::new(request_id, self.desk.now()));
        if self.desk.save(&Work::Ordering(work.clone())).await.is_err() {
            return Performed::Stopped;
        }
        let answer = self.client.place_order(permit, request_id, self.customer.0, &self.new_order()).await;
        match answer {
            Ok(order) => match self.ours(&order) {
                Some(bought) => Performed::Done(Fact::Ordered { bought }),
                // An answer that does not name our line: found by looking, like a lost one.
                None => again(work, SignedDuration::from_secs(10)),
            },
            Err(error) => self.not_ordered(work, before, &error),
        }
    }

    fn not_ordered(&self, mut work: Ordering, before: Option<Sent>, error: &CallError) -> Done {
        match meaning_of(error) {
            Meaning::Later { after } => {
                work.sent = before;
                work.outages += 1;
                let wait = after.unwrap_or_else(|| self.pause(work.outages));
                again(work, wait)
            }
            Meaning::Unknown => self.lost(work),
            // "In progress": somebody is working on it, perhaps on our own earlier try. Looked for like a lost one.
            Meaning::NotYet if before.is_some() => self.lost(work),
            Meaning::NotYet => {
                work.tries += 1;
                if work.tries >= MOST_TRIES {
                    return self.stuck(work, cause_of(error), false);
                }
                self.lost(work)
            }
            // A repeat is refused: the first may still have been done, so one more look decides.
            Meaning::Refused(cause) | Meaning::Person(cause) if before.is_some() => {
                work.refused = Some(cause);
                again(work, SignedDuration::ZERO)
            }
            Meaning::Refused(cause) => Performed::Done(Fact::NothingBought { cause }),
            Meaning::Person(cause) => {
                work.sent = None;
                self.stuck(work, cause, false)
            }
        }
    }

    fn lost(&self, mut work: Ordering) -> Done {
        work.lost += 1;
        if let Some(sent) = &mut work.sent {
            sent.begins_anew(self.desk.now());
        }
        again(work, SignedDuration::from_secs(30))
    }

    fn stuck(&self, work: Ordering, cause: Cause, undoing: bool) -> Done {
        let kept = Work::Ordering(Ordering { tries: 0, lost: 0, ..work });
        Performed::Kept { fact: Fact::OrderStuck { cause, stands: Stands::default(), undoing }, work: kept }
    }

    /// Looks at shorter steps first: most lost answers were answers to orders that were done.
    fn look_again(&self, mut work: Ordering, sent: &Sent, horizon: SignedDuration) -> Done {
        work.outages += 1;
        let step =
            self.desk.backoff(work.outages, SignedDuration::from_secs(60), SignedDuration::from_mins(5));
        let left = sent.settles(horizon).duration_since(self.desk.now()).max(SignedDuration::ZERO);
        again(work, step.min(left))
    }

    fn unread(&self, mut work: Ordering, error: &CallError) -> Done {
        work.outages += 1;
        let wait = match meaning_of(error) {
            Meaning::Later { after: Some(after) } => after,
            // Whatever it is: an order of ours may be out there, so looking for it is never given up.
            Meaning::Later { after: None }
            | Meaning::NotYet
            | Meaning::Unknown
            | Meaning::Refused(_)
            | Meaning::Person(_) => self.pause(work.outages),
        };
        again(work, wait)
    }

    fn pause(&self, outages: u32) -> SignedDuration {
        self.desk.backoff(outages, SignedDuration::from_secs(10), SignedDuration::from_mins(5))
    }

    /// The order of this migration, by the mark in its nickname: as a subscription, or in the order list (which lags).
    async fn search(&self) -> Result<Found, CallError> {
        let mark = self.instruction.target.friendly_name.as_str();
        let subscriptions = self.client.subscriptions(self.customer.0).await?;
        if let Some(held) = subscriptions.items.iter().find(|held| held.friendly_name == mark)
            && let Some(order) = &held.order
        {
            let subscription = Some(SubscriptionId(held.id));
            return Ok(Found::Ours(Bought { order: OrderId::new(order.as_str()), subscription }));
        }
        let orders = self.client.orders(self.customer.0).await?;
        Ok(match orders.items.iter().find_map(|order| self.ours(order)) {
            Some(bought) => Found::Ours(bought),
            None if subscriptions.is_complete() && orders.is_complete() => Found::Nothing,
            None => Found::Unclear,
        })
    }

    fn ours(&self, order: &Order) -> Option<Bought> {
        let mark = self.instruction.target.friendly_name.as_str();
        let line = order.lines.iter().find(|line| line.friendly_name == mark)?;
        Some(Bought {
            order: OrderId::new(order.id.as_str()),
            subscription: line.subscription.map(SubscriptionId),
        })
    }

    fn new_order(&self) -> NewOrder {
        let target = &self.instruction.target;
        NewOrder {
            offer: target.offer.as_str().into(),
            quantity: target.quantity,
            billing_cycle: BillingCycle::from(target.billing_cycle.as_str()),
            friendly_name: target.friendly_name.clone(),
            partner_id_on_record: target.reseller.clone(),
        }
    }
}

fn again(work: Ordering, after: SignedDuration) -> Done {
    Performed::Again { work: Work::Ordering(work), after }
}

//! Suspending the old subscription.
//!
//! The seats that would be left are read right before: whoever still holds the old SKU (people who came later, people of
//! another subscription that shares it) must be covered without this subscription. Where they are not, somebody may just be
//! moving; it is looked at again for a while before it counts as a no.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_edge::{Errand, Guard, StatusChange, StatusWish, Step, change_status};
use seatshift_host::{Horizons, Performed, later};
use seatshift_messages::{Cause, Instruction, Stands};
use seatshift_partner_center::{CallError, Purpose, Subscription, SubscriptionChange};

use crate::decide::{Done, Fact};
use crate::work::{Change, Work};
use crate::{Case, Suspending};

/// How long seats that do not cover are looked at again before it counts as a no.
const COVER_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// The safe reading of "90 days" here, "120 days" there (wire contract 5.3).
const DELETED_AFTER_DAYS: i64 = 90;

pub(crate) async fn perform(
    case: &Case<'_>,
    work: Change,
    interrupted: bool,
    horizons: Horizons,
) -> Performed<Suspending> {
    let Case { client, customer, instruction, desk } = *case;
    let Change { mut change, mut began, looks } = work;
    if interrupted && let Some(sent) = &mut change.sent {
        sent.begins_anew(desk.now());
    }
    let wish = StatusWish {
        customer,
        subscription: instruction.old.subscription,
        change: SubscriptionChange::Suspend,
        purpose: Purpose::Forward,
        horizon: horizons.subscriptions,
    };
    let errand = Suspend { case: *case, began, looks };
    let step = change_status(client, desk, wish, &mut change, &errand).await;
    let kept = |change: StatusChange| {
        Work::Suspending(Change {
            change: StatusChange { refused: None, tries: 0, ..change },
            ..Change::default()
        })
    };
    match step {
        Step::Reached(seen) => {
            Performed::Done(Fact::Suspended { done: done(&seen, instruction, desk.now()) })
        }
        Step::TurnedBack(seen) => {
            Performed::Done(Fact::StillActive { stands: stands(Some(&seen), desk.now()) })
        }
        Step::Refused(cause, seen) => Performed::Kept {
            fact: Fact::Impossible { cause, stands: stands(seen.as_deref(), desk.now()) },
            work: kept(change),
        },
        Step::Person(cause, seen) => Performed::Kept {
            fact: Fact::SuspendStuck { cause, stands: stands(seen.as_deref(), desk.now()) },
            work: kept(change),
        },
        Step::Guarded(cause, seen) => {
            let since = *began.get_or_insert(desk.now());
            if desk.now() < later(since, COVER_WITHIN) {
                let work = Change { change, began, looks: looks + 1 };
                let after =
                    desk.backoff(work.looks, SignedDuration::from_mins(1), SignedDuration::from_mins(10));
                return Performed::Again { work: Work::Suspending(work), after };
            }
            Performed::Kept {
                fact: Fact::Impossible { cause, stands: stands(Some(&seen), desk.now()) },
                work: kept(change),
            }
        }
        Step::Again(after) => {
            Performed::Again { work: Work::Suspending(Change { change, began, looks }), after }
        }
        Step::Stopped => Performed::Stopped,
    }
}

struct Suspend<'a> {
    case: Case<'a>,
    began: Option<Timestamp>,
    looks: u32,
}

#[async_trait]
impl Errand<Suspending> for Suspend<'_> {
    fn work(&self, change: &StatusChange) -> Work {
        Work::Suspending(Change { change: change.clone(), began: self.began, looks: self.looks })
    }

    async fn wanted(&self) -> bool {
        !self.case.desk.stage().await.rollback
    }

    async fn guard(&self, seen: &Subscription) -> Result<Guard, CallError> {
        let Case { client, customer, instruction, .. } = self.case;
        let old = &instruction.old;
        let seats = client.seats_without(customer.0, old.sku.0, old.subscription.0, seen.quantity).await?;
        if seats.active_elsewhere >= seats.holders {
            return Ok(Guard::Clear);
        }
        let text = format!(
            "{} users still hold the old plan and only {} seats would be left for them",
            seats.holders, seats.active_elsewhere
        );
        Ok(Guard::Closed(Cause::new("seats_in_use", text)))
    }
}

fn done(seen: &Subscription, instruction: &Instruction, now: Timestamp) -> Done {
    let deleted = later(now, SignedDuration::from_hours(24 * DELETED_AFTER_DAYS));
    // The end date is inclusive: the end of that day.
    let ends = later(instruction.old.commitment_end, SignedDuration::from_hours(24));
    let (until, reason) = if ends < deleted {
        (ends, "the old subscription's commitment ends, and it cannot be renewed")
    } else {
        (
            deleted,
            "Microsoft deletes a suspended subscription, by the more careful of its two statements, after 90 days",
        )
    };
    let open = until > now;
    Done {
        at: now,
        undo_until: open.then_some(until),
        undo_reason: if open { reason.to_owned() } else { format!("there is no way back: {reason}") },
        stands: stands(Some(seen), now),
    }
}

pub(crate) fn stands(seen: Option<&Subscription>, now: Timestamp) -> Stands {
    Stands { read_at: Some(now), old_status: seen.map(|seen| seen.status.to_string()), ..Stands::default() }
}

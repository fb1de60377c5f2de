//! Changing a subscription's status with care: purchase suspends what it bought, suspension suspends and reactivates the
//! old one.
//!
//! The order of things is the point. *Read first*: already there means done, whoever did it. *Guard*: the seats that would
//! be left are read after everything of ours that could change them has settled. *Permission, direction, intent, call*: the
//! gate first (so that nothing waits with an intent written), then whether we still want it, then the intent, durably, then
//! the call, once. *Unknown*: repeat in the same direction with the same request id, or find it done; a refusal counts, and
//! giving up is allowed, only when nothing of ours is unanswered.

use async_trait::async_trait;
use jiff::SignedDuration;
use seatshift_host::{Desk, Participant, Sent};
use seatshift_messages::{Cause, CustomerId, SubscriptionId};
use seatshift_partner_center::{
    CallError, Changed, Client, Family, Purpose, Status, Subscription, SubscriptionChange,
};
use serde::{Deserialize, Serialize};

use crate::answer::{Meaning, meaning_of};

/// What must be remembered of the change over a crash.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The change that has not been answered, or was accepted and is not seen yet.
    #[serde(default)]
    pub sent: Option<Sent>,
    /// A definite no while an earlier try was unanswered: it counts once a later look has shown nothing.
    #[serde(default)]
    pub refused: Option<Cause>,
    /// Attempts that were answered "not yet".
    #[serde(default)]
    pub tries: u32,
    /// Looks in a row that failed; spaces them out.
    #[serde(default)]
    pub outages: u32,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct StatusWish {
    pub customer: CustomerId,
    pub subscription: SubscriptionId,
    pub change: SubscriptionChange,
    pub purpose: Purpose,
    pub horizon: SignedDuration,
}

impl StatusWish {
    fn is_reached(&self, seen: &Subscription) -> bool {
        match self.change {
            // Already gone counts: what was wanted, no longer billed and no longer in use, is so.
            SubscriptionChange::Suspend => matches!(
                seen.status,
                Status::Suspended | Status::Expired | Status::Disabled | Status::Deleted
            ),
            SubscriptionChange::Activate => seen.status == Status::Active,
        }
    }
}

/// Whether the change would harm somebody.
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    Clear,
    /// Not now and perhaps never: with the reason.
    Closed(Cause),
}

/// How far it got.
#[derive(Debug)]
pub enum Step {
    /// The status is as wanted, as read.
    Reached(Box<Subscription>),
    /// A final no; nothing of ours is unanswered; as last read.
    Refused(Cause, Option<Box<Subscription>>),
    /// A person is needed; nothing of ours is unanswered.
    Person(Cause, Option<Box<Subscription>>),
    /// The guard is closed; nothing of ours is unanswered.
    Guarded(Cause, Box<Subscription>),
    /// No longer wanted; nothing of ours is unanswered.
    TurnedBack(Box<Subscription>),
    /// Look again after this long.
    Again(SignedDuration),
    /// The row is no longer ours to work on: everything that was begun is saved.
    Stopped,
}

/// "Not yet" this often in a row, and a person should look.
const MOST_TRIES: u32 = 20;

/// What the one who wants it must answer on the way.
#[async_trait]
pub trait Errand<P: Participant>: Sync {
    /// The body of the work row, with this remembered.
    fn work(&self, change: &StatusChange) -> P::Work;
    /// Whether it is still wanted; asked right before the call.
    async fn wanted(&self) -> bool;
    /// Whether it would harm somebody, with the subscription as read.
    async fn guard(&self, seen: &Subscription) -> Result<Guard, CallError>;
}

/// One round of it.
pub async fn change_status<P: Participant>(
    client: &Client,
    desk: &Desk<P>,
    wish: StatusWish,
    state: &mut StatusChange,
    errand: &impl Errand<P>,
) -> Step {
    let seen = match client.subscription(wish.customer.0, wish.subscription.0).await {
        Ok(seen) => Box::new(seen),
        Err(error) => return unread(desk, state, &error),
    };
    if wish.is_reached(&seen) {
        *state = StatusChange::default();
        return Step::Reached(seen);
    }
    let unsettled = state.sent.filter(|sent| !sent.is_settled(desk.now(), wish.horizon));
    let look_at_settling = |sent: &Sent| {
        Step::Again(sent.settles(wish.horizon).duration_since(desk.now()).max(SignedDuration::ZERO))
    };
    if !errand.wanted().await {
        return unsettled.as_ref().map_or_else(|| Step::TurnedBack(seen), look_at_settling);
    }
    if let Some(cause) = state.refused.clone() {
        return match unsettled {
            Some(sent) => look_at_settling(&sent),
            None => Step::Refused(cause, Some(seen)),
        };
    }
    match errand.guard(&seen).await {
        Ok(Guard::Clear) => {}
        Ok(Guard::Closed(cause)) => {
            return unsettled.as_ref().map_or_else(|| Step::Guarded(cause, seen), look_at_settling);
        }
        Err(error) => return unread(desk, state, &error),
    }
    state.outages = 0;

    let permit = client.permit(Family::Subscriptions, wish.customer.0, wish.purpose, desk.send_until());
    let Some(permit) = desk.unless_stopping(permit).await else { return Step::Again(SignedDuration::ZERO) };
    if !errand.wanted().await || !desk.may_send() {
        return Step::Again(SignedDuration::ZERO);
    }
    let before = state.sent;
    // Until an answer has come every repeat carries the same request id.
    let request_id = before.map_or_else(|| desk.request_id(), |sent| sent.request_id);
    state.sent = Some(Sent::new(request_id, desk.now()));
    if desk.save(&errand.work(state)).await.is_err() {
        return Step::Stopped;
    }
    let answer = client.change_subscription(permit, request_id, wish.customer.0, &seen, wish.change).await;
    after_call(desk, wish, state, before, answer, seen)
}

fn after_call<P: Participant>(
    desk: &Desk<P>,
    wish: StatusWish,
    state: &mut StatusChange,
    before: Option<Sent>,
    answer: Result<Changed, CallError>,
    seen: Box<Subscription>,
) -> Step {
    let error = match answer {
        Ok(Changed::Now(subscription)) => {
            // A successful change with a fresh etag also fences whatever of ours was lost before it.
            state.sent = None;
            return if wish.is_reached(&subscription) {
                *state = StatusChange::default();
                Step::Reached(Box::new(subscription))
            } else {
                state.tries += 1;
                Step::Again(SignedDuration::from_secs(5))
            };
        }
        // Will be done, at some time: the same as unanswered.
        Ok(Changed::Accepted) => {
            state.sent =
                Some(Sent::new(state.sent.map_or_else(|| desk.request_id(), |s| s.request_id), desk.now()));
            return Step::Again(SignedDuration::from_secs(10));
        }
        Err(error) => error,
    };
    match meaning_of(&error) {
        Meaning::Later { after } => {
            state.sent = before;
            state.outages += 1;
            Step::Again(after.unwrap_or_else(|| pause(desk, state.outages)))
        }
        Meaning::NotYet => {
            state.sent = before;
            state.tries += 1;
            if state.tries >= MOST_TRIES && before.is_none() {
                return Step::Person(crate::cause_of(&error), Some(seen));
            }
            Step::Again(desk.backoff(
                state.tries,
                SignedDuration::from_secs(2),
                SignedDuration::from_mins(15),
            ))
        }
        Meaning::Unknown => {
            if let Some(sent) = &mut state.sent {
                sent.begins_anew(desk.now());
            }
            Step::Again(SignedDuration::from_secs(10))
        }
        Meaning::Refused(cause) | Meaning::Person(cause) if before.is_some() => {
            state.sent = before;
            state.refused = Some(cause);
            Step::Again(SignedDuration::ZERO)
        }
        Meaning::Refused(cause) => {
            state.sent = None;
            Step::Refused(cause, Some(seen))
        }
        Meaning::Person(cause) => {
            state.sent = None;
            Step::Person(cause, Some(seen))
        }
    }
}

/// A look that failed. Outages and throttling use up no attempts; a definite no to *reading* needs a person, but not while
/// a call of ours is unanswered: then it is tried again until that has settled.
fn unread<P: Participant>(desk: &Desk<P>, state: &mut StatusChange, error: &CallError) -> Step {
    state.outages += 1;
    match meaning_of(error) {
        Meaning::Later { after } => Step::Again(after.unwrap_or_else(|| pause(desk, state.outages))),
        Meaning::NotYet | Meaning::Unknown => Step::Again(pause(desk, state.outages)),
        // What was just bought can be unknown to the next read for a while.
        Meaning::Refused(_) if error.is_not_found() && state.outages < MOST_TRIES => {
            Step::Again(pause(desk, state.outages))
        }
        Meaning::Refused(_) | Meaning::Person(_) if state.sent.is_some() => {
            Step::Again(pause(desk, state.outages))
        }
        Meaning::Refused(cause) | Meaning::Person(cause) => Step::Person(cause, None),
    }
}

fn pause<P: Participant>(desk: &Desk<P>, outages: u32) -> SignedDuration {
    desk.backoff(outages, SignedDuration::from_secs(5), SignedDuration::from_mins(5))
}

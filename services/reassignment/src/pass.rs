//! Passes over one chunk: look at everyone who is not settled, write the intents down, make the changes, look again.
//!
//! Users of a chunk are independent, so their calls run side by side; the intents of a pass share one commit, made before
//! the first call. The direction is read from the ledger after the gate's permission and right before each call, so that
//! nothing is sent once the migration has turned.

use futures::StreamExt;
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use seatshift_edge::{Meaning, cause_of, meaning_of};
use seatshift_host::{Desk, Horizons, Sent};
use seatshift_messages::{Cause, CustomerId, Instruction, ServicePlanId, UserId};
use seatshift_partner_center::{
    CallError, Client, Family, LicenseAssignment, LicenseFailure, LicenseUpdate, Purpose, SubscribedSku,
    UserLicense,
};

use crate::Reassigning;
use crate::effects::{Heading, heading as heading_of};
use crate::user::{self, Change, Next, Rules, Seen};
use crate::work::{Before, Chunk, Refusal, Standing, UserRow, Work};

/// Calls of one chunk at a time. The gate bounds them all; this bounds one customer's share.
const SIDE_BY_SIDE: usize = 8;
/// Changes of one user that were answered and did not bring them further, before a person should look.
const MOST_TRIES: u32 = 12;
/// Passes in one go; then the row comes round again, so that a chunk cannot hold its lease for ever.
const MOST_PASSES: u32 = 8;

/// What a pass needs.
pub(crate) struct Pass<'a> {
    pub(crate) client: &'a Client,
    pub(crate) customer: CustomerId,
    pub(crate) instruction: &'a Instruction,
    pub(crate) desk: &'a Desk<Reassigning>,
    pub(crate) horizons: Horizons,
}

/// How the passes ended.
pub(crate) enum Ended {
    /// Everyone is settled, or marked as refused; nothing of ours is unanswered.
    Settled,
    /// Licenses cannot even be read (and nothing of ours is unanswered); a person can mend it, or not.
    Trouble(Cause, bool),
    Again(SignedDuration),
    Rest,
    Superseded,
}

/// What one change came to.
enum Outcome {
    Answered,
    NotSent,
    Failed(Box<CallError>),
}

impl Pass<'_> {
    pub(crate) async fn run(&self, chunk: &mut Chunk, heading: Heading) -> Ended {
        if heading == Heading::Rest {
            return Ended::Rest;
        }
        let mut skus: Option<Vec<SubscribedSku>> = None;
        for _ in 0..MOST_PASSES {
            let pending: Vec<usize> =
                (0..chunk.users.len()).filter(|at| is_pending(&chunk.users[*at], heading)).collect();
            if pending.is_empty() {
                return Ended::Settled;
            }
            if skus.is_none() {
                match self.client.subscribed_skus(self.customer.0).await {
                    Ok(listing) => skus = Some(listing.items),
                    Err(error) => return self.unread(chunk, heading, &error),
                }
            }
            let seen = match self.look(chunk, &pending, skus.as_deref().unwrap_or_default()).await {
                Ok(seen) => seen,
                Err(error) => return self.unread(chunk, heading, &error),
            };
            chunk.outages = 0;
            let (changes, next_look) = self.plan(chunk, heading, seen);
            if changes.is_empty() {
                match next_look {
                    Some(at) => {
                        return Ended::Again(at.duration_since(self.desk.now()).max(SignedDuration::ZERO));
                    }
                    None => continue,
                }
            }
            if let Some(ended) = self.change(chunk, heading, changes).await {
                return ended;
            }
        }
        Ended::Again(SignedDuration::ZERO)
    }

    async fn look(
        &self,
        chunk: &Chunk,
        pending: &[usize],
        skus: &[SubscribedSku],
    ) -> Result<Vec<(usize, Seen)>, CallError> {
        // Collected first: a stream over a borrowing iterator is not `Send` for every lifetime.
        let reads: Vec<_> = pending.iter().map(|at| self.read(*at, chunk.users[*at].user, skus)).collect();
        let results: Vec<Result<_, CallError>> = stream::iter(reads).buffered(SIDE_BY_SIDE).collect().await;
        results.into_iter().collect()
    }

    async fn read(
        &self,
        at: usize,
        user: UserId,
        skus: &[SubscribedSku],
    ) -> Result<(usize, Seen), CallError> {
        let held = self.client.user_licenses(self.customer.0, user.0).await?;
        Ok((at, self.seen(&held.items, skus)))
    }

    fn seen(&self, held: &[UserLicense], skus: &[SubscribedSku]) -> Seen {
        let disabled = |sku: uuid::Uuid| {
            let license = held.iter().find(|license| license.sku == sku)?;
            let pool = skus.iter().find(|pool| pool.sku == sku);
            Some(pool.map_or_else(Vec::new, |pool| {
                pool.excluded_from(license).into_iter().map(ServicePlanId).collect()
            }))
        };
        Seen { old: disabled(self.instruction.old.sku.0), new: disabled(self.instruction.target.sku.0) }
    }

    /// What to change now, and when to look again at those for whom it is too early.
    fn plan(
        &self,
        chunk: &mut Chunk,
        heading: Heading,
        seen: Vec<(usize, Seen)>,
    ) -> (Vec<(usize, Change)>, Option<Timestamp>) {
        let rules = Rules {
            now: self.desk.now(),
            horizon: self.horizons.licenses,
            swap: self.instruction.policy.swap,
        };
        let mut changes = Vec::new();
        let mut next_look: Option<Timestamp> = None;
        for (at, seen) in seen {
            let row = &mut chunk.users[at];
            let next = match heading {
                Heading::Forward => user::forward(row, &seen, rules),
                Heading::Settle => user::settle(row, &seen, rules),
                Heading::Undo => user::undo(row, &seen, rules),
                Heading::Rest => Next::Rest,
            };
            match next {
                Next::Rest => {}
                Next::Change(change) if seen == Seen::default() => changes.insert(0, (at, change)),
                Next::Change(change) => changes.push((at, change)),
                Next::Look(when) => next_look = Some(next_look.map_or(when, |earlier| earlier.min(when))),
            }
        }
        (changes, next_look)
    }

    /// Intents, one commit, then the calls.
    async fn change(
        &self,
        chunk: &mut Chunk,
        heading: Heading,
        changes: Vec<(usize, Change)>,
    ) -> Option<Ended> {
        let now = self.desk.now();
        for (at, _) in &changes {
            let row = &mut chunk.users[*at];
            // Until an answer has come every repeat carries the same request id.
            row.sent =
                Some(row.sent.map_or_else(|| self.desk.intent(), |sent| Sent::new(sent.request_id, now)));
        }
        if self.desk.save_aside(&Work::Chunk(chunk.clone())).await.is_err() {
            return Some(Ended::Superseded);
        }
        let calls: Vec<_> = changes
            .iter()
            .map(|(at, change)| {
                let row = &chunk.users[*at];
                self.call(row.user, row.sent, self.update(row, *change), heading, chunk.index)
            })
            .collect();
        let outcomes: Vec<Outcome> = stream::iter(calls).buffered(SIDE_BY_SIDE).collect().await;

        let mut ended = None;
        for ((at, _), outcome) in changes.iter().zip(outcomes) {
            if let Some(wait) = self.after_call(&mut chunk.users[*at], outcome) {
                let wait = match ended {
                    Some(Ended::Again(earlier)) => wait.min(earlier),
                    _ => wait,
                };
                ended = Some(Ended::Again(wait));
            }
        }
        ended
    }

    async fn call(
        &self,
        user: UserId,
        sent: Option<Sent>,
        update: LicenseUpdate,
        heading: Heading,
        index: usize,
    ) -> Outcome {
        let purpose = if heading == Heading::Forward { Purpose::Forward } else { Purpose::Compensation };
        let Some(sent) = sent else { return Outcome::NotSent };
        let until = self.desk.send_until();
        let permit = self.client.permit(Family::Licenses, self.customer.0, purpose, until);
        let Some(permit) = self.desk.unless_stopping(permit).await else { return Outcome::NotSent };
        if heading_of(&self.desk.stage().await, index) != heading || !self.desk.may_send() {
            return Outcome::NotSent;
        }
        match self.client.update_licenses(permit, sent.request_id, self.customer.0, user.0, &update).await {
            Ok(_) => Outcome::Answered,
            Err(error) => Outcome::Failed(Box::new(error)),
        }
    }

    fn update(&self, row: &UserRow, change: Change) -> LicenseUpdate {
        let (old, target) = (self.instruction.old.sku.0, self.instruction.target.sku.0);
        let before = row.before.clone().unwrap_or_default();
        let plans = |plans: &[ServicePlanId]| plans.iter().map(|plan| plan.0).collect();
        let assign_target =
            |excluded: &[ServicePlanId]| LicenseAssignment { sku: target, excluded_plans: plans(excluded) };
        let assign_old =
            |before: &Before| LicenseAssignment { sku: old, excluded_plans: plans(&before.disabled) };
        let (assign, remove) = match change {
            Change::Swap => (vec![assign_target(&row.exclude)], vec![old]),
            Change::AssignTarget => (vec![assign_target(&row.exclude)], vec![]),
            Change::RemoveOld => (vec![], vec![old]),
            Change::SwapBack => (vec![assign_old(&before)], vec![target]),
            Change::AssignOld => (vec![assign_old(&before)], vec![]),
            Change::RemoveTarget => (vec![], vec![target]),
            Change::RestoreBoth => {
                (vec![assign_target(&before.target_disabled), assign_old(&before)], vec![])
            }
        };
        LicenseUpdate { assign, remove }
    }

    /// Takes an outcome in; answers how long to wait before the chunk is looked at again, where it must be.
    fn after_call(&self, row: &mut UserRow, outcome: Outcome) -> Option<SignedDuration> {
        // Whatever the answer, this attempt is over; a lost one before it stays lost until its horizon has passed.
        let attempt = row.sent.take();
        let lost_before = attempt.filter(|_| row.lost_at.is_some());
        let error = match outcome {
            Outcome::Answered => {
                row.tries += 1;
                return self.give_up(row);
            }
            Outcome::NotSent => {
                row.sent = lost_before;
                return Some(SignedDuration::ZERO);
            }
            Outcome::Failed(error) => error,
        };
        match meaning_of(&error) {
            Meaning::Later { after } => {
                row.sent = lost_before;
                Some(after.unwrap_or_else(|| self.pause(row.tries + 1)))
            }
            Meaning::Unknown => {
                // Until an answer has come every repeat carries the same request id.
                row.sent = attempt;
                row.lost(self.desk.now());
                row.tries += 1;
                Some(self.pause(row.tries))
            }
            Meaning::NotYet => {
                row.tries += 1;
                if row.tries >= MOST_TRIES {
                    row.refused = Some(Refusal { cause: cause_of(&error), person: true, unasked: false });
                }
                Some(self.pause(row.tries))
            }
            // The state is not what the call was made for: look again.
            Meaning::Refused(_) | Meaning::Person(_)
                if error.license_failure == Some(LicenseFailure::NotHeld) =>
            {
                row.tries += 1;
                self.give_up(row).or(Some(SignedDuration::ZERO))
            }
            Meaning::Refused(cause) => {
                let unasked = error.license_failure == Some(LicenseFailure::GroupInherited);
                row.refused = Some(Refusal { cause, person: false, unasked });
                None
            }
            Meaning::Person(cause) => {
                row.refused = Some(Refusal { cause, person: true, unasked: false });
                None
            }
        }
    }

    /// Answered again and again, and nothing comes of it.
    fn give_up(&self, row: &mut UserRow) -> Option<SignedDuration> {
        if row.tries < MOST_TRIES {
            return None;
        }
        let text = "Microsoft accepts the change of this user's licenses, but it does not show";
        row.refused =
            Some(Refusal { cause: Cause::new("change_does_not_show", text), person: true, unasked: false });
        None
    }

    fn unread(&self, chunk: &mut Chunk, heading: Heading, error: &CallError) -> Ended {
        chunk.outages += 1;
        let pause = self.pause(chunk.outages);
        let now = self.desk.now();
        let unanswered = chunk.users.iter().any(|row| row.settles(now, self.horizons.licenses).is_some());
        match meaning_of(error) {
            Meaning::Later { after } => Ended::Again(after.unwrap_or(pause)),
            Meaning::NotYet | Meaning::Unknown => Ended::Again(pause),
            Meaning::Refused(_) | Meaning::Person(_) if unanswered || heading == Heading::Settle => {
                Ended::Again(pause)
            }
            Meaning::Refused(cause) => Ended::Trouble(cause, false),
            Meaning::Person(cause) => Ended::Trouble(cause, true),
        }
    }

    fn pause(&self, attempt: u32) -> SignedDuration {
        self.desk.backoff(attempt, SignedDuration::from_secs(5), SignedDuration::from_mins(5))
    }
}

/// Whether this user needs a look under this heading.
fn is_pending(row: &UserRow, heading: Heading) -> bool {
    let refused_for_good = row.refused.is_some() && row.lost_at.is_none();
    match heading {
        Heading::Forward => !row.standing.is_settled_forward() && !refused_for_good,
        Heading::Settle => row.sent.is_some() || row.lost_at.is_some() || row.refused.is_some(),
        Heading::Undo => {
            row.before.is_some()
                && matches!(row.standing, Standing::Begun | Standing::Moved)
                && !(row.undoing && refused_for_good)
        }
        Heading::Rest => false,
    }
}

//! One turn of a decision: the ledger as it becomes, and what is to be said and written with it.

use jiff::Timestamp;
use seatshift_host::{Decision, Effect};
use seatshift_messages::{
    AskedBy, Cause, MigrationId, Parked, ParkedAt, Service, Stands, SubscriptionId, VerdictReached,
};
use uuid::Uuid;

use super::decide::{WAITS_FOR, nobody};
use super::facts::{Answer, Ask, Outcome, Report, Said, Slot};
use super::ledger::{Ledger, RowRef, Stage, Verdict, VerdictKind, Wish};
use crate::Controlling;
use crate::records;
use crate::run::RunRow;

pub(super) struct Turn {
    ledger: Ledger,
    effects: Vec<Effect<Controlling>>,
    at: Timestamp,
}

/// What a verdict says beside its kind.
struct Ruling {
    kind: VerdictKind,
    cause: Cause,
    parking: Option<ParkedAt>,
    accepted: Option<AskedBy>,
}

impl Ruling {
    fn of(kind: VerdictKind, cause: Cause) -> Self {
        Ruling { kind, cause, parking: None, accepted: None }
    }
}

impl Turn {
    pub(super) fn new(ledger: Ledger, at: Timestamp) -> Self {
        Turn { ledger, effects: Vec::new(), at }
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn to(mut self, stage: Stage) -> Decision<Controlling> {
        self.ledger.stage = stage;
        if self.ledger.slot_recorded && !self.ledger.holds_slot() {
            self.ledger.slot_recorded = false;
            if let Some(row) = &self.ledger.row {
                self.effects.push(Effect::Record(records::free_slot(row.customer)));
            }
        }
        Decision { next: self.ledger, effects: self.effects }
    }

    fn say(&mut self, said: Said) {
        self.effects.push(Effect::Say(said));
    }

    // === the row

    pub(super) fn take(mut self, row: RowRef, stored: Option<Box<RunRow>>) -> Self {
        if let Some(stored) = stored {
            self.effects.push(Effect::Record(records::row(&stored)));
        }
        self.ledger.row = Some(row);
        self
    }

    /// Stopped by the plan itself.
    pub(super) fn leave_out(mut self, cause: Cause) -> Decision<Controlling> {
        self.ledger.stopped_by_plan = true;
        self.skip(cause)
    }

    /// A row that was set aside comes to its turn after all.
    pub(super) fn take_up(mut self) -> Decision<Controlling> {
        self.ledger.stopped_by_plan = false;
        self.end_verdict().to(Stage::Waiting)
    }

    pub(super) fn skip(mut self, cause: Cause) -> Decision<Controlling> {
        self.rule(Ruling::of(VerdictKind::Skipped, cause));
        self.to(Stage::Skipped)
    }

    /// The slot of its customer is its own from now on, until a stage that does not hold it.
    pub(super) fn take_slot(mut self, slot: Slot) -> Self {
        if let (Slot::Recorded, Some(row)) = (slot, &self.ledger.row) {
            self.effects.push(Effect::Record(records::take_slot(row.customer)));
            self.ledger.slot_recorded = true;
        }
        self
    }

    pub(super) fn request(mut self) -> Decision<Controlling> {
        self.ledger.known.requested_at = Some(self.at);
        self.ledger.heard_at = Some(self.at);
        self.say(Said::Requested);
        self.to(Stage::Running)
    }

    pub(super) fn wait_for(mut self, holder: MigrationId) -> Decision<Controlling> {
        let cause =
            Cause::new(WAITS_FOR, format!("waits for {holder}, a parked migration of the same customer"));
        if self.ledger.standing().is_some_and(|verdict| verdict.cause == cause) {
            return self.to(Stage::Waiting);
        }
        let parking = self.ledger.parkings.entry(Service::Control).or_default();
        *parking += 1;
        let parking = Some(nobody(*parking));
        self.rule(Ruling { parking, ..Ruling::of(VerdictKind::Parked, cause) });
        self.to(Stage::Waiting)
    }

    // === what participants say

    /// Remembers the number; says whether nothing later of this participant was heard before.
    pub(super) fn note(&mut self, source: Service, sequence: u64) -> bool {
        let last = self.ledger.upto.entry(source).or_default();
        let newest = sequence > *last;
        *last = sequence.max(*last);
        self.ledger.heard_at = Some(self.at);
        newest
    }

    /// Whether this parking is newer than the last one heard of; remembers it.
    pub(super) fn newer_parking(&mut self, participant: Service, parking: u32) -> bool {
        let last = self.ledger.parkings.entry(participant).or_default();
        let newer = parking > *last;
        *last = parking.max(*last);
        newer
    }

    /// Keeps what a report says. What stands at Microsoft is taken from a participant's latest word only.
    pub(super) fn learn(&mut self, event: &Report, said_at: Timestamp, newest: bool) {
        let known = &mut self.ledger.known;
        match event {
            Report::Purchased { purchase } => {
                known.purchased_at = Some(purchase.purchased_at);
                known.bought = purchase.quantity;
            }
            Report::Progressed { moved } => known.moved = known.moved.max(*moved),
            Report::Reassigned { moved, already } => {
                known.users_done_at = Some(said_at);
                known.moved = known.moved.max(*moved);
                known.already = *already;
            }
            Report::MovedBack { restored, left } => {
                known.restored = *restored;
                known.left = *left;
                // Everyone whom we had moved is back or is no longer as we left them.
                known.moved = known.moved.max(restored.saturating_add(*left));
            }
            Report::Suspended { at, undo_until, undo_reason, .. } => {
                known.suspended_at = Some(*at);
                known.undo_until = *undo_until;
                known.undo_reason.clone_from(undo_reason);
            }
            Report::Reactivated { .. } => known.reactivated_at = Some(said_at),
            Report::PurchaseRefused { .. }
            | Report::PurchaseReverted { .. }
            | Report::SuspensionRefused { .. }
            | Report::Parked(_) => {}
        }
        if newest {
            self.learn_stands(event, said_at);
        }
    }

    fn learn_stands(&mut self, event: &Report, said_at: Timestamp) {
        let stands = match event {
            Report::Purchased { purchase } => Stands {
                order: Some(purchase.order.clone()),
                new_subscription: Some(purchase.subscription),
                new_status: Some("active".to_owned()),
                ..Stands::default()
            },
            Report::Progressed { moved } | Report::Reassigned { moved, .. } => {
                Stands { users_moved: Some(*moved), ..Stands::default() }
            }
            Report::MovedBack { .. } => Stands { users_moved: Some(0), ..Stands::default() },
            Report::Suspended { stands, .. }
            | Report::Reactivated { stands }
            | Report::PurchaseRefused { stands, .. }
            | Report::PurchaseReverted { stands, .. }
            | Report::SuspensionRefused { stands } => stands.clone(),
            Report::Parked(parked) => parked.stands.clone(),
        };
        self.ledger.known.learn(stands, said_at);
    }

    pub(super) fn complete(mut self) -> Decision<Controlling> {
        let moved = self.ledger.known.moved;
        let text = format!("bought, {moved} users moved, the old subscription suspended");
        self.rule(Ruling::of(VerdictKind::Completed, Cause::new("completed", text)));
        self.to(Stage::Completed)
    }

    /// A final verdict.
    pub(super) fn close(mut self, stage: Stage, kind: VerdictKind, cause: Cause) -> Decision<Controlling> {
        self.ledger.wish = None;
        self.rule(Ruling::of(kind, cause));
        self.to(stage)
    }

    pub(super) fn park(mut self, participant: Service, parked: Parked) -> Decision<Controlling> {
        let Parked { cause, direction, choices, parking, .. } = parked;
        let at = ParkedAt { participant: Some(participant), parking, direction, choices };
        self.rule(Ruling { parking: Some(at.clone()), ..Ruling::of(VerdictKind::Parked, cause) });
        self.to(Stage::Parked { at })
    }

    // === what an operator wants

    pub(super) fn request_rollback(mut self, ask: &Ask) -> Decision<Controlling> {
        self.done(ask, "the rollback is asked for");
        self.publish_rollback(ask.asked.clone())
    }

    pub(super) fn request_retry(mut self, at: ParkedAt, ask: &Ask) -> Decision<Controlling> {
        self.done(ask, "it is tried again");
        self.publish_retry(&at, ask.asked.clone())
    }

    fn publish_rollback(mut self, asked: AskedBy) -> Decision<Controlling> {
        self.ledger.rollback = true;
        self.ledger.heard_at = Some(self.at);
        self.say(Said::RollbackRequested { asked });
        self.end_verdict().to(Stage::Running)
    }

    fn publish_retry(mut self, at: &ParkedAt, asked: AskedBy) -> Decision<Controlling> {
        // Control's own parkings are never a stage, so there is always a participant.
        if let Some(participant) = at.participant {
            self.ledger.heard_at = Some(self.at);
            self.say(Said::RetryRequested { participant, parking: at.parking, asked });
        }
        self.end_verdict().to(Stage::Running)
    }

    /// A closed migration takes its customer's slot like any other.
    pub(super) fn wish(mut self, stage: Stage, ask: &Ask, wish: Wish) -> Decision<Controlling> {
        self.ledger.wish = Some(wish);
        self.answer(ask, Outcome::Waits, "begins as soon as no other migration of this customer runs", None);
        self.to(stage)
    }

    pub(super) fn wish_rollback_of_completed(self, ask: Ask) -> Decision<Controlling> {
        match self.way_back() {
            Ok(()) => self.wish(Stage::Completed, &ask, Wish::Rollback(ask.asked.clone())),
            Err(why) => self.no(Stage::Completed, &ask, &why),
        }
    }

    /// Whether the suspension can still be undone.
    fn way_back(&self) -> Result<(), String> {
        let known = &self.ledger.known;
        match known.undo_until {
            Some(until) if self.at <= until => Ok(()),
            Some(until) => Err(format!("the last moment to undo it was {until} ({})", known.undo_reason)),
            None => Err(format!("there is no way back: {}", known.undo_reason)),
        }
    }

    /// The slot of a completed migration's customer is free.
    pub(super) fn granted_completed(mut self) -> Decision<Controlling> {
        match (self.ledger.wish.take(), self.way_back()) {
            (Some(Wish::Rollback(asked)), Ok(())) => self.publish_rollback(asked),
            // The deadline passed while it waited: completed still stands.
            (Some(Wish::Rollback(_) | Wish::Retry(_)) | None, Ok(()) | Err(_)) => self.to(Stage::Completed),
        }
    }

    /// The slot of an accepted migration's customer is free.
    pub(super) fn granted_accepted(mut self, at: ParkedAt) -> Decision<Controlling> {
        match self.ledger.wish.take() {
            Some(Wish::Rollback(asked)) if !self.ledger.rollback => self.publish_rollback(asked),
            Some(Wish::Rollback(asked) | Wish::Retry(asked)) => self.publish_retry(&at, asked),
            None => self.to(Stage::Accepted { at }),
        }
    }

    pub(super) fn accept(mut self, at: ParkedAt, ask: &Ask) -> Decision<Controlling> {
        let cause = self
            .ledger
            .verdict
            .as_ref()
            .map_or_else(|| Cause::new("accepted", "closed as it stands"), |parked| parked.cause.clone());
        self.done(ask, "closed as it stands");
        self.rule(Ruling {
            parking: Some(at.clone()),
            accepted: Some(ask.asked.clone()),
            ..Ruling::of(VerdictKind::Accepted, cause)
        });
        self.to(Stage::Accepted { at })
    }

    /// A closed row is never opened again: a new migration, with ledgers of its own, tries it.
    pub(super) fn begin_anew(
        mut self,
        stage: Stage,
        ask: &Ask,
        successor: MigrationId,
    ) -> Decision<Controlling> {
        if let Some(already) = self.ledger.successor {
            let text = format!("it is tried again already, as {already}");
            self.answer(ask, Outcome::No, &text, None);
            return self.to(stage);
        }
        self.ledger.successor = Some(successor);
        self.answer(ask, Outcome::Done, &format!("tried again, as {successor}"), Some(successor));
        self.to(stage)
    }

    pub(super) fn done(&mut self, ask: &Ask, text: &str) {
        self.answer(ask, Outcome::Done, text, None);
    }

    pub(super) fn no(mut self, stage: Stage, ask: &Ask, text: &str) -> Decision<Controlling> {
        self.answer(ask, Outcome::No, text, None);
        self.to(stage)
    }

    fn answer(&mut self, ask: &Ask, outcome: Outcome, text: &str, successor: Option<MigrationId>) {
        let row = self.ledger.row.as_ref().map(|row| row.row.clone()).unwrap_or_default();
        let answer = Answer { migration: ask.migration, row, outcome, text: text.to_owned(), successor };
        self.effects.push(Effect::Record(records::answer(&ask.command, &answer)));
    }

    // === verdicts

    /// A person's answer has ended the standing verdict, until the next.
    pub(super) fn end_verdict(mut self) -> Self {
        if let Some(verdict) = &mut self.ledger.verdict {
            verdict.stands = false;
        }
        self
    }

    /// A new verdict takes the place of the one before.
    fn rule(&mut self, ruling: Ruling) {
        // Only rows have verdicts, and every stage that comes here has one.
        let Some(row) = &self.ledger.row else { return };
        let before = self.ledger.verdict.as_ref().map_or(row.revision, |verdict| verdict.revision);
        let Ruling { kind, cause, parking, accepted } = ruling;
        let undo_until = self.ledger.known.undo_until.filter(|_| kind == VerdictKind::Completed);
        let verdict = Verdict {
            kind,
            revision: before + 1,
            at: self.at,
            stands: true,
            cause,
            what_stands: self.ledger.known.stands.clone(),
            parking,
            accepted,
            undo_until,
        };
        let reached = Box::new(VerdictReached {
            run: row.run,
            row: row.row.clone(),
            customer: row.customer,
            old_subscription: row.old_subscription.unwrap_or(SubscriptionId(Uuid::nil())),
            revision: verdict.revision,
            cause: verdict.cause.clone(),
            stands: verdict.what_stands.clone(),
            parking: verdict.parking.clone(),
            accepted: verdict.accepted.clone(),
            undo_until,
            upto: self.ledger.upto(),
            retries: row.retries,
        });
        self.ledger.verdict = Some(verdict);
        self.say(Said::Verdict { kind, verdict: reached });
    }
}

//! Conversations: told this and that, control says so and so. Every arm of `decide` is in one of them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatshift_host::Effect;
use seatshift_messages::*;
use uuid::Uuid;

use super::*;
use crate::Controlling;

const NOW: &str = "2019-03-01T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// One migration, told things one after the other.
struct Told {
    ledger: Ledger,
    at: Timestamp,
    sequences: std::collections::BTreeMap<Service, u64>,
    /// What was said on the last fact, in short.
    said: Vec<String>,
    answer: Option<Answer>,
}

fn id(number: u128) -> MigrationId {
    MigrationId(Uuid::from_u128(number))
}

pub(super) fn row() -> RowRef {
    RowRef {
        run: RunId(Uuid::from_u128(1)),
        index: 0,
        row: "r-1".to_owned(),
        customer: CustomerId(Uuid::from_u128(2)),
        old_subscription: Some(SubscriptionId(Uuid::from_u128(3))),
        commitment_end: Some(now() + SignedDuration::from_hours(24 * 60)),
        not_before: None,
        users: 2,
        retries: None,
        revision: 0,
    }
}

pub(super) fn ask() -> Ask {
    let asked = AskedBy { by: "ada".to_owned(), reason: None };
    Ask { command: "c".to_owned(), migration: id(7), asked }
}

fn cause(code: &str) -> Cause {
    Cause::new(code, "because")
}

impl Told {
    fn nothing() -> Self {
        Told {
            ledger: Ledger::default(),
            at: now(),
            sequences: Default::default(),
            said: Vec::new(),
            answer: None,
        }
    }

    fn waiting() -> Self {
        Told::nothing().fact(Fact::Queued { row: row(), stored: None })
    }

    fn running() -> Self {
        Told::waiting()
            .fact(Fact::Admit { slot: Slot::Granted })
            .fact(Fact::StillTrue { instruction: instruction() })
    }

    fn completed() -> Self {
        Told::running().hears(Service::Suspension, suspended())
    }

    fn parked() -> Self {
        Told::running().hears(Service::Purchase, parked(1, false))
    }

    fn fact(mut self, fact: Fact) -> Self {
        let decision = decide(self.ledger, News::new(self.at, fact));
        self.ledger = decision.next;
        self.said = decision.effects.iter().filter_map(said).collect();
        self.answer = decision.effects.iter().find_map(answer);
        self
    }

    fn hears(self, source: Service, event: Report) -> Self {
        let sequence = self.sequences.get(&source).copied().unwrap_or(0) + 1;
        self.hears_numbered(source, sequence, event)
    }

    fn hears_numbered(mut self, source: Service, sequence: u64, event: Report) -> Self {
        self.sequences.insert(source, sequence);
        let said_at = self.at;
        self.fact(Fact::Heard { source, sequence, said_at, event })
    }

    fn rollback(self) -> Self {
        self.fact(Fact::Rollback { ask: ask() })
    }
    fn retry(self) -> Self {
        self.fact(Fact::Retry { ask: ask(), successor: id(8) })
    }
    fn accept(self) -> Self {
        self.fact(Fact::Accept { ask: ask() })
    }

    fn days(mut self, days: i64) -> Self {
        self.at += SignedDuration::from_hours(24 * days);
        self
    }

    #[track_caller]
    fn says(self, said: &[&str]) -> Self {
        assert_eq!(self.said, said);
        self
    }

    #[track_caller]
    fn stands(self, kind: VerdictKind, revision: u32) -> Self {
        let verdict = self.ledger.standing().expect("a verdict stands");
        assert_eq!((verdict.kind, verdict.revision), (kind, revision));
        self
    }

    #[track_caller]
    fn none_stands(self) -> Self {
        assert_eq!(self.ledger.standing(), None);
        self
    }

    #[track_caller]
    fn answered(self, outcome: Outcome, words: &str) -> Self {
        let answer = self.answer.as_ref().expect("an operator is always answered");
        assert_eq!(answer.outcome, outcome, "{}", answer.text);
        assert!(answer.text.contains(words), "`{}` does not say `{words}`", answer.text);
        self
    }
}

fn said(effect: &Effect<Controlling>) -> Option<String> {
    let Effect::Say(said) = effect else { return None };
    Some(match said {
        Said::Requested => "requested".to_owned(),
        Said::RollbackRequested { .. } => "rollback requested".to_owned(),
        Said::RetryRequested { participant, parking, .. } => {
            format!("retry requested of {participant} {parking}")
        }
        Said::Verdict { kind, verdict } => format!("{kind} {} {}", verdict.revision, verdict.cause.code),
    })
}

fn answer(effect: &Effect<Controlling>) -> Option<Answer> {
    let Effect::Record(write) = effect else { return None };
    serde_json::from_str(write.body.as_deref()?).ok()
}

pub(super) fn instruction() -> Arc<Instruction> {
    Arc::new(Instruction {
        run: RunId(Uuid::from_u128(1)),
        row: "r-1".to_owned(),
        country: "SE".to_owned(),
        old: OldSubscription {
            subscription: SubscriptionId(Uuid::from_u128(3)),
            offer: OfferId::new("old"),
            sku: SkuId(Uuid::from_u128(4)),
            quantity: 2,
            commitment_end: now(),
        },
        target: Target {
            path: Path::Legacy,
            offer: OfferId::new("new"),
            sku: SkuId(Uuid::from_u128(5)),
            quantity: 2,
            billing_cycle: "monthly".to_owned(),
            reseller: None,
            friendly_name: "x".to_owned(),
        },
        moves: Vec::new(),
        add_ons: Vec::new(),
        policy: Policy::default(),
        retries: None,
    })
}

pub(super) fn purchased() -> Report {
    Report::Purchased {
        purchase: Purchase {
            order: OrderId::new("o"),
            subscription: SubscriptionId(Uuid::from_u128(6)),
            quantity: 2,
            purchased_at: now(),
            cancellable_until: None,
        },
    }
}

pub(super) fn suspended() -> Report {
    Report::Suspended {
        at: now(),
        undo_until: Some(now() + SignedDuration::from_hours(24 * 30)),
        undo_reason: "the old commitment ends".to_owned(),
        stands: Stands { old_status: Some("suspended".to_owned()), ..Stands::default() },
    }
}

pub(super) fn refused() -> Report {
    Report::PurchaseRefused { cause: cause("not_sold"), stands: Stands::default() }
}

pub(super) fn reverted() -> Report {
    Report::PurchaseReverted { cause: cause("operator"), stands: Stands::default() }
}

pub(super) fn parked(parking: u32, rollback_seen: bool) -> Report {
    Report::Parked(Box::new(Parked {
        cause: cause("agreement"),
        direction: if rollback_seen { Direction::Undo } else { Direction::Forward },
        stands: Stands::default(),
        choices: vec![Choice::Retry, Choice::Rollback, Choice::Accept],
        parking,
        rollback_seen,
    }))
}

use VerdictKind::{Accepted, Completed, Parked as ParkedVerdict, Refused, RolledBack, Skipped};

// === forward

#[test]
fn a_migration_is_asked_for_once_its_facts_are_read_again() {
    Told::waiting()
        .none_stands()
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&[])
        .fact(Fact::StillTrue { instruction: instruction() })
        .says(&["requested"])
        .fact(Fact::StillTrue { instruction: instruction() })
        .says(&[])
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&[]);
}

#[test]
fn what_the_participants_tell_adds_up_to_completed() {
    let told = Told::running()
        .hears(Service::Purchase, purchased())
        .says(&[])
        .hears(Service::Reassignment, Report::Progressed { moved: 1 })
        .hears(Service::Reassignment, Report::Reassigned { moved: 2, already: 0 })
        .says(&[])
        .hears(Service::Suspension, suspended())
        .says(&["completed 1 completed"])
        .stands(Completed, 1);
    let verdict = told.ledger.standing().unwrap();
    let stands = &verdict.what_stands;
    assert_eq!((stands.users_moved, stands.old_status.as_deref()), (Some(2), Some("suspended")));
    assert_eq!(stands.new_subscription, Some(SubscriptionId(Uuid::from_u128(6))));
    assert!(verdict.undo_until.is_some());
}

#[test]
fn a_verdict_names_the_last_number_heard_of_each_source() {
    let told = Told::running()
        .hears_numbered(Service::Purchase, 1, purchased())
        .hears_numbered(Service::Reassignment, 4, Report::Reassigned { moved: 2, already: 0 })
        .hears_numbered(Service::Reassignment, 3, Report::Progressed { moved: 1 })
        .hears(Service::Suspension, suspended());
    let upto: Vec<(Service, u64)> =
        told.ledger.upto().iter().map(|upto| (upto.source, upto.sequence)).collect();
    assert_eq!(upto, [(Service::Purchase, 1), (Service::Reassignment, 4), (Service::Suspension, 1)]);
    assert_eq!(told.ledger.known.moved, 2, "an older figure does not take the place of a newer one");
}

#[test]
fn r14_a_row_that_planning_stopped_is_skipped_without_a_request() {
    Told::nothing()
        .fact(Fact::Skip { row: row(), stored: None, cause: cause("active_add_ons") })
        .says(&["skipped 1 active_add_ons"])
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&[])
        .fact(Fact::Queued { row: row(), stored: None })
        .says(&[])
        .stands(Skipped, 1);
}

#[test]
fn a_row_that_was_set_aside_comes_to_its_turn_and_another_verdict() {
    for code in [NOT_IN_WAVE, BEYOND_LIMIT] {
        Told::nothing()
            .fact(Fact::Skip { row: row(), stored: None, cause: cause(code) })
            .stands(Skipped, 1)
            .retry()
            .answered(Outcome::No, "later part")
            .fact(Fact::Queued { row: row(), stored: None })
            .none_stands()
            .fact(Fact::Admit { slot: Slot::Granted })
            .fact(Fact::Stopped { cause: cause("changed") })
            .says(&["skipped 2 changed"]);
    }
}

#[test]
fn facts_that_have_changed_stop_the_row_and_a_retry_begins_anew() {
    let told = Told::waiting()
        .fact(Fact::Admit { slot: Slot::Granted })
        .fact(Fact::Stopped { cause: cause("changed") })
        .says(&["skipped 1 changed"])
        .fact(Fact::StillTrue { instruction: instruction() })
        .says(&[])
        .retry()
        .answered(Outcome::Done, "tried again");
    assert_eq!(told.ledger.successor, Some(id(8)));
}

// === R9: one customer, one migration at a time

#[test]
fn r9_a_row_behind_a_parked_one_is_parked_and_goes_on_by_itself() {
    let told = Told::waiting()
        .fact(Fact::WaitsFor { holder: id(9) })
        .says(&["parked 1 waits_for"])
        .stands(ParkedVerdict, 1)
        .fact(Fact::WaitsFor { holder: id(9) })
        .says(&[])
        .fact(Fact::WaitsFor { holder: id(10) })
        .says(&["parked 2 waits_for"])
        .retry()
        .answered(Outcome::No, "by itself")
        .accept()
        .answered(Outcome::No, "only a parked")
        .fact(Fact::Admit { slot: Slot::Granted })
        .none_stands();
    assert!(told.ledger.holds_slot());
    told.fact(Fact::WaitsFor { holder: id(9) }).says(&[]);
}

#[test]
fn r9_the_rollback_of_a_completed_one_is_asked_for_when_the_slot_is_free() {
    let told =
        Told::completed().rollback().answered(Outcome::Waits, "as soon as").says(&[]).stands(Completed, 1);
    assert!(!told.ledger.holds_slot());
    let told = told.fact(Fact::Admit { slot: Slot::Granted }).says(&["rollback requested"]).none_stands();
    assert!(told.ledger.holds_slot());
    told.hears(Service::Purchase, reverted()).says(&["rolled_back 2 operator"]).stands(RolledBack, 2);
}

#[test]
fn a_rollback_that_waited_past_its_deadline_leaves_the_verdict() {
    Told::completed()
        .rollback()
        .answered(Outcome::Waits, "")
        .days(31)
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&[])
        .stands(Completed, 1)
        .rollback()
        .answered(Outcome::No, "the last moment to undo it was");
}

#[test]
fn where_there_is_no_way_back_the_reason_is_told() {
    let no_way = Report::Suspended {
        at: now(),
        undo_until: None,
        undo_reason: "the term is over".to_owned(),
        stands: Stands::default(),
    };
    Told::running()
        .hears(Service::Suspension, no_way)
        .rollback()
        .answered(Outcome::No, "the term is over")
        .stands(Completed, 1);
}

#[test]
fn a_slot_that_nobody_wished_for_changes_nothing() {
    Told::completed().fact(Fact::Admit { slot: Slot::Granted }).says(&[]).stands(Completed, 1);
    Told::parked().accept().fact(Fact::Admit { slot: Slot::Granted }).says(&[]).stands(Accepted, 2);
}

// === verdicts (M4)

#[test]
fn l1_suspended_arriving_after_rolled_back_changes_nothing() {
    Told::running()
        .rollback()
        .says(&["rollback requested"])
        .hears_numbered(Service::Suspension, 2, Report::Reactivated { stands: Stands::default() })
        .hears(Service::Reassignment, Report::MovedBack { restored: 2, left: 0 })
        .hears(Service::Purchase, reverted())
        .says(&["rolled_back 1 operator"])
        .hears_numbered(Service::Suspension, 1, suspended())
        .says(&[])
        .stands(RolledBack, 1);
}

#[test]
fn l1_suspended_after_a_requested_rollback_is_only_recorded() {
    let told = Told::running().rollback().hears(Service::Suspension, suspended()).says(&[]).none_stands();
    assert!(told.ledger.known.suspended_at.is_some());
}

#[test]
fn l9_parked_arriving_after_rolled_back_changes_nothing() {
    Told::running()
        .rollback()
        .hears(Service::Purchase, reverted())
        .hears(Service::Suspension, parked(1, false))
        .says(&[])
        .stands(RolledBack, 1);
}

#[test]
fn refused_is_final_whatever_arrives() {
    let told = Told::running().hears(Service::Purchase, refused()).says(&["refused 1 not_sold"]);
    let told = told.hears(Service::Purchase, reverted()).says(&[]);
    let told = told.hears(Service::Suspension, suspended()).says(&[]);
    told.hears(Service::Reassignment, parked(1, true)).says(&[]).stands(Refused, 1);
}

#[test]
fn a_parking_that_is_not_newer_changes_nothing() {
    Told::parked()
        .stands(ParkedVerdict, 1)
        .retry()
        .says(&["retry requested of purchase 1"])
        .none_stands()
        .hears(Service::Purchase, parked(1, false))
        .says(&[])
        .none_stands()
        .hears(Service::Purchase, parked(2, false))
        .says(&["parked 2 agreement"])
        .retry()
        .says(&["retry requested of purchase 2"]);
}

#[test]
fn parkings_are_counted_for_each_participant() {
    Told::parked()
        .retry()
        .hears(Service::Reassignment, parked(1, false))
        .says(&["parked 2 agreement"])
        .retry()
        .says(&["retry requested of reassignment 1"]);
}

#[test]
fn a_parking_that_crossed_a_rollback_waits_for_its_answer() {
    Told::running()
        .rollback()
        .hears(Service::Reassignment, parked(1, false))
        .says(&[])
        .none_stands()
        .hears(Service::Reassignment, parked(2, true))
        .says(&["parked 1 agreement"])
        .stands(ParkedVerdict, 1);
}

#[test]
fn everything_else_that_participants_say_is_recorded() {
    let told = Told::running()
        .hears(Service::Suspension, Report::SuspensionRefused { stands: Stands::default() })
        .says(&[])
        .hears(Service::Reassignment, Report::MovedBack { restored: 1, left: 1 })
        .says(&[])
        .none_stands();
    assert_eq!((told.ledger.known.restored, told.ledger.known.left, told.ledger.known.moved), (1, 1, 2));
}

#[test]
fn an_event_about_a_migration_that_control_does_not_know_gives_no_verdict() {
    Told::nothing().hears(Service::Purchase, refused()).says(&[]).none_stands();
    Told::waiting().hears(Service::Purchase, parked(1, false)).says(&[]).none_stands();
    Told::waiting()
        .fact(Fact::Admit { slot: Slot::Granted })
        .hears(Service::Suspension, suspended())
        .says(&[])
        .none_stands();
}

// === operators

#[test]
fn a_rollback_before_anything_was_begun_stops_the_row() {
    for told in [Told::waiting(), Told::waiting().fact(Fact::Admit { slot: Slot::Granted })] {
        told.rollback()
            .says(&["skipped 1 operator"])
            .answered(Outcome::Done, "before anything was begun")
            .fact(Fact::StillTrue { instruction: instruction() })
            .says(&[])
            .fact(Fact::Admit { slot: Slot::Granted })
            .says(&[]);
    }
}

#[test]
fn a_rollback_is_asked_for_at_most_once() {
    Told::running()
        .rollback()
        .says(&["rollback requested"])
        .answered(Outcome::Done, "")
        .rollback()
        .says(&[])
        .answered(Outcome::No, "already");
}

#[test]
fn a_second_rollback_is_a_retry_of_what_is_parked() {
    Told::parked()
        .rollback()
        .says(&["rollback requested"])
        .none_stands()
        .hears(Service::Purchase, parked(2, true))
        .rollback()
        .says(&["retry requested of purchase 2"])
        .none_stands();
}

#[test]
fn what_is_final_is_answered_and_nothing_is_published() {
    let refused = || Told::running().hears(Service::Purchase, refused());
    let rolled_back = || Told::running().rollback().hears(Service::Purchase, reverted());
    refused().rollback().says(&[]).answered(Outcome::No, "nothing of ours stands");
    rolled_back().rollback().says(&[]).answered(Outcome::No, "already");
    Told::waiting().rollback().rollback().says(&[]).answered(Outcome::No, "nothing was begun");
    refused().accept().says(&[]).answered(Outcome::No, "only a parked");
}

#[test]
fn a_wish_about_an_unknown_migration_is_answered() {
    Told::nothing().rollback().answered(Outcome::No, "no such").says(&[]);
    Told::nothing().retry().answered(Outcome::No, "no such");
    Told::nothing().accept().answered(Outcome::No, "no such");
}

#[test]
fn retry_of_what_goes_on_by_itself_is_answered() {
    Told::running().retry().says(&[]).answered(Outcome::No, "by itself");
    Told::waiting().fact(Fact::Admit { slot: Slot::Granted }).retry().answered(Outcome::No, "by itself");
    Told::completed().retry().says(&[]).answered(Outcome::No, "nothing to try again");
}

#[test]
fn retry_of_a_refused_row_is_one_new_migration() {
    let told = Told::running().hears(Service::Purchase, refused()).retry().says(&[]).stands(Refused, 1);
    assert_eq!(told.answer.as_ref().unwrap().successor, Some(id(8)));
    let told = told.fact(Fact::Retry { ask: ask(), successor: id(99) });
    assert_eq!(told.ledger.successor, Some(id(8)), "a second retry makes no second one");
    told.answered(Outcome::No, "already");
}

#[test]
fn a_row_that_its_plan_stopped_is_not_retried() {
    Told::nothing()
        .fact(Fact::Skip { row: row(), stored: None, cause: cause("not_decided") })
        .retry()
        .answered(Outcome::No, "apply the plan again");
}

#[test]
fn accept_closes_what_is_parked_with_who_and_what_stands() {
    let told = Told::parked().accept().says(&["accepted 2 agreement"]).stands(Accepted, 2);
    assert_eq!(told.ledger.standing().unwrap().accepted.as_ref().unwrap().by, "ada");
    assert!(!told.ledger.holds_slot());
    told.accept().says(&[]).answered(Outcome::No, "already");
}

#[test]
fn accept_of_what_is_not_parked_is_answered() {
    for told in [
        Told::waiting(),
        Told::waiting().fact(Fact::Admit { slot: Slot::Granted }),
        Told::running(),
        Told::completed(),
    ] {
        told.accept().says(&[]).answered(Outcome::No, "only a parked");
    }
}

#[test]
fn after_accept_retry_and_rollback_still_work_and_take_the_slot() {
    let accepted = || Told::parked().accept();
    accepted()
        .retry()
        .answered(Outcome::Waits, "")
        .stands(Accepted, 2)
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&["retry requested of purchase 1"])
        .none_stands()
        .hears(Service::Suspension, suspended())
        .stands(Completed, 3);
    accepted()
        .rollback()
        .answered(Outcome::Waits, "")
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&["rollback requested"])
        .hears(Service::Purchase, refused())
        .says(&["refused 3 not_sold"]);
    // Rollback was asked for before it was accepted: it is never asked for twice.
    Told::running()
        .rollback()
        .hears(Service::Purchase, parked(1, true))
        .accept()
        .rollback()
        .fact(Fact::Admit { slot: Slot::Granted })
        .says(&["retry requested of purchase 1"]);
}

#[test]
fn a_row_that_is_tried_again_goes_on_counting_its_verdicts() {
    let again = RowRef { revision: 4, retries: Some(id(7)), ..row() };
    Told::nothing().fact(Fact::Queued { row: again, stored: None }).rollback().says(&["skipped 5 operator"]);
}

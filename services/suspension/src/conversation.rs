//! Conversations with suspension: every arm of `decide`, told as the protocol tells it; and walks over any order of facts.

use jiff::Timestamp;
use proptest::prelude::*;
use seatshift_host::conversation::given;
use seatshift_host::{Effect, Participant};
use seatshift_messages::{Cause, Direction, OnRefusal, Stands};

use crate::Suspending;
use crate::decide::{Done, Fact, Ledger, REACTIVATE, SUSPEND, Said, Stage, operator};

const PARK: OnRefusal = OnRefusal::Park;
const ROLLBACK: OnRefusal = OnRefusal::Rollback;

fn at(stage: Stage) -> Ledger {
    Ledger { stage, ..Ledger::default() }
}

fn after_rollback(stage: Stage) -> Ledger {
    Ledger { rollback: true, stage, ..Ledger::default() }
}

fn why(code: &str) -> Cause {
    Cause::new(code, "for the test")
}

fn read(status: &str) -> Stands {
    Stands { old_status: Some(status.to_owned()), ..Stands::default() }
}

fn done() -> Done {
    Done {
        at: Timestamp::UNIX_EPOCH,
        undo_until: Some(Timestamp::UNIX_EPOCH),
        undo_reason: "ninety days".to_owned(),
        stands: read("suspended"),
    }
}

fn parked(cause: Cause, direction: Direction, stands: Stands, parking: u32, rollback_seen: bool) -> Said {
    Said::Parked { cause, direction, stands, parking, rollback_seen }
}

fn impossible() -> Fact {
    Fact::Impossible { cause: why("seats_in_use"), stands: read("active") }
}

// === forward

#[test]
fn the_old_subscription_is_suspended_and_told() {
    let _ = given::<Suspending>(Ledger::default())
        .told(Fact::Reassigned { policy: PARK })
        .does(SUSPEND)
        .told(Fact::Reassigned { policy: PARK })
        .told(Fact::Suspended { done: done() })
        .says(Said::Suspended { done: done() })
        .told(Fact::Suspended { done: done() })
        .then(&at(Stage::Suspended));
}

#[test]
fn a_refused_suspension_parks_by_default_and_a_retry_goes_on() {
    let _ = given::<Suspending>(at(Stage::Suspending { policy: PARK }))
        .told(impossible())
        .says(parked(why("seats_in_use"), Direction::Forward, read("active"), 1, false))
        .told(Fact::RetryRequested { parking: 1 })
        .wakes(SUSPEND)
        .told(Fact::RetryRequested { parking: 1 })
        .told(Fact::Suspended { done: done() })
        .says(Said::Suspended { done: done() })
        .then(&Ledger { parkings: 1, ..at(Stage::Suspended) });
}

#[test]
fn a_refused_suspension_turns_everything_back_where_the_policy_says_so() {
    let _ = given::<Suspending>(at(Stage::Suspending { policy: ROLLBACK }))
        .told(impossible())
        .says(Said::Refused { cause: why("seats_in_use"), stands: read("active") })
        .then(&at(Stage::Refused));
}

#[test]
fn what_needs_a_person_parks_whatever_the_policy_says() {
    let stuck = Fact::SuspendStuck { cause: why("microsoft_20002"), stands: read("active") };
    let _ = given::<Suspending>(at(Stage::Suspending { policy: ROLLBACK }))
        .told(stuck)
        .says(parked(why("microsoft_20002"), Direction::Forward, read("active"), 1, false))
        .then(&Ledger { parkings: 1, ..at(Stage::ParkedForward { policy: ROLLBACK }) });
}

// === back

#[test]
fn a_rollback_after_completion_makes_the_old_subscription_active_again() {
    let _ = given::<Suspending>(at(Stage::Suspended))
        .told(Fact::RollbackRequested)
        .does(REACTIVATE)
        .told(Fact::RollbackRequested)
        .told(Fact::Reactivated { stands: read("active") })
        .says(Said::Reactivated { cause: operator(), stands: read("active") })
        .then(&after_rollback(Stage::Reactivated));
}

#[test]
fn a_rollback_that_comes_first_is_remembered_and_nothing_is_suspended() {
    let _ = given::<Suspending>(Ledger::default())
        .told(Fact::RollbackRequested)
        .told(Fact::Reassigned { policy: PARK })
        .says(Said::Refused { cause: operator(), stands: Stands::default() })
        .then(&after_rollback(Stage::Refused));
}

#[test]
fn a_rollback_while_suspending_waits_until_the_outcome_is_known() {
    let _ = given::<Suspending>(at(Stage::Suspending { policy: PARK }))
        .told(Fact::RollbackRequested)
        .wakes(SUSPEND)
        .told(Fact::StillActive { stands: read("active") })
        .says(Said::Refused { cause: operator(), stands: read("active") })
        .then(&after_rollback(Stage::Refused));
}

#[test]
fn a_suspension_that_still_succeeded_after_a_rollback_is_told_and_then_undone() {
    let _ = given::<Suspending>(after_rollback(Stage::Suspending { policy: PARK }))
        .told(Fact::Suspended { done: done() })
        .says(Said::Suspended { done: done() })
        .does(REACTIVATE)
        .then(&after_rollback(Stage::Reactivating));
}

#[test]
fn after_a_rollback_every_no_is_an_answer_not_a_parking() {
    for fact in [impossible(), Fact::SuspendStuck { cause: why("microsoft_20002"), stands: read("active") }] {
        let _ = given::<Suspending>(after_rollback(Stage::Suspending { policy: PARK }))
            .told(fact)
            .says(Said::Refused { cause: operator(), stands: read("active") })
            .then(&after_rollback(Stage::Refused));
    }
}

#[test]
fn a_rollback_of_a_parked_suspension_settles_what_is_unsettled_first() {
    let _ = given::<Suspending>(Ledger { parkings: 1, ..at(Stage::ParkedForward { policy: PARK }) })
        .told(Fact::RollbackRequested)
        .wakes(SUSPEND)
        .told(Fact::StillActive { stands: read("active") })
        .says(Said::Refused { cause: operator(), stands: read("active") })
        .then(&Ledger { parkings: 1, ..after_rollback(Stage::Refused) });
}

#[test]
fn a_reactivation_that_fails_parks_and_is_tried_again_on_demand() {
    let stuck = Fact::ReactivateStuck { cause: why("undo_deadline_passed"), stands: read("suspended") };
    let _ = given::<Suspending>(after_rollback(Stage::Reactivating))
        .told(stuck.clone())
        .says(parked(why("undo_deadline_passed"), Direction::Undo, read("suspended"), 1, true))
        .told(Fact::RetryRequested { parking: 1 })
        .does(REACTIVATE)
        .told(stuck)
        .says(parked(why("undo_deadline_passed"), Direction::Undo, read("suspended"), 2, true))
        .told(Fact::RetryRequested { parking: 1 })
        .told(Fact::RollbackRequested)
        .does(REACTIVATE)
        .then(&Ledger { parkings: 2, ..after_rollback(Stage::Reactivating) });
}

#[test]
fn what_has_ended_stays_ended() {
    for end in [Stage::Refused, Stage::Reactivated] {
        let _ = given::<Suspending>(at(end.clone()))
            .told(Fact::Reassigned { policy: PARK })
            .told(Fact::Suspended { done: done() })
            .told(Fact::Reactivated { stands: read("active") })
            .told(Fact::RollbackRequested)
            .told(Fact::RetryRequested { parking: 0 })
            .then(&after_rollback(end));
    }
}

// === walks

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        prop_oneof![Just(PARK), Just(ROLLBACK)].prop_map(|policy| Fact::Reassigned { policy }),
        Just(Fact::RollbackRequested),
        (0..4_u32).prop_map(|parking| Fact::RetryRequested { parking }),
        Just(Fact::Suspended { done: done() }),
        Just(Fact::StillActive { stands: read("active") }),
        Just(impossible()),
        Just(Fact::SuspendStuck { cause: why("stuck"), stands: read("active") }),
        Just(Fact::Reactivated { stands: read("active") }),
        Just(Fact::ReactivateStuck { cause: why("stuck"), stands: read("suspended") }),
    ]
}

proptest! {
    /// Whatever arrives in whatever order: *suspended* once, one word back, and never both *refused* and *suspended*.
    #[test]
    fn any_order_of_facts_keeps_the_promises(facts in prop::collection::vec(any_fact(), 0..40)) {
        let mut ledger = Ledger::default();
        let (mut suspended, mut refused, mut reactivated, mut parkings) = (0, 0, 0, 0);
        for fact in facts {
            let before = ledger.clone();
            let decision = Suspending::decide(ledger, fact);
            ledger = decision.next;
            prop_assert!(ledger.rollback || !before.rollback, "a rollback was forgotten");
            for effect in decision.effects {
                match effect {
                    Effect::Say(Said::Suspended { .. }) => suspended += 1,
                    Effect::Say(Said::Refused { .. }) => refused += 1,
                    Effect::Say(Said::Reactivated { .. }) => {
                        prop_assert!(ledger.rollback, "reactivated though nobody asked for it");
                        reactivated += 1;
                    }
                    Effect::Say(Said::Parked { parking, rollback_seen, .. }) => {
                        parkings += 1;
                        prop_assert_eq!(parking, parkings);
                        prop_assert_eq!(rollback_seen, ledger.rollback);
                    }
                    Effect::Do { .. } | Effect::Wake { .. } | Effect::Drop { .. } | Effect::Record(_) => {}
                }
            }
            prop_assert!(suspended + refused <= 1 && reactivated <= suspended, "two words where one is due");
        }
    }
}

//! Conversations with purchase: every arm of `decide`, told as the protocol tells it; and walks over any order of facts.

use jiff::Timestamp;
use proptest::prelude::*;
use seatshift_host::conversation::given;
use seatshift_host::{Effect, Participant};
use seatshift_messages::{Cause, Direction, OrderId, Purchase, Stands, SubscriptionId};
use uuid::Uuid;

use crate::Purchasing;
use crate::decide::{Bought, Fact, Halt, Ledger, ORDER, PROVISION, REVERT, Said, Stage, operator};

fn at(stage: Stage) -> Ledger {
    Ledger { stage, ..Ledger::default() }
}

fn after_rollback(stage: Stage) -> Ledger {
    Ledger { rollback: true, stage, ..Ledger::default() }
}

fn bought() -> Bought {
    Bought { order: OrderId::new("order-1"), subscription: Some(SubscriptionId(Uuid::from_u128(7))) }
}

fn purchase() -> Purchase {
    Purchase {
        order: OrderId::new("order-1"),
        subscription: SubscriptionId(Uuid::from_u128(7)),
        quantity: 5,
        purchased_at: Timestamp::UNIX_EPOCH,
        cancellable_until: None,
    }
}

fn why(code: &str) -> Cause {
    Cause::new(code, "for the test")
}

fn ordered() -> Fact {
    Fact::Ordered { bought: bought() }
}

fn parked(cause: Cause, direction: Direction, stands: Stands, parking: u32, rollback_seen: bool) -> Said {
    Said::Parked { cause, direction, stands, parking, rollback_seen }
}

fn ours() -> Stands {
    Stands { order: Some(bought().order), new_subscription: bought().subscription, ..Stands::default() }
}

// === forward

#[test]
fn a_request_is_ordered_provisioned_and_announced() {
    let _ = given::<Purchasing>(Ledger::default())
        .told(Fact::Requested)
        .does(ORDER)
        .told(ordered())
        .does(PROVISION)
        .told(Fact::Assignable { purchase: purchase() })
        .says(Said::Purchased { purchase: purchase() })
        .then(&at(Stage::Purchased { purchase: purchase() }));
}

#[test]
fn a_repeated_request_buys_once() {
    let _ = given::<Purchasing>(Ledger::default())
        .told(Fact::Requested)
        .does(ORDER)
        .told(Fact::Requested)
        .told(ordered())
        .does(PROVISION)
        .told(ordered())
        .told(Fact::Requested)
        .then(&at(Stage::Provisioning { bought: bought() }));
}

#[test]
fn a_refused_order_leaves_nothing_behind() {
    let _ = given::<Purchasing>(at(Stage::Ordering))
        .told(Fact::NothingBought { cause: why("microsoft_2091") })
        .says(Said::Refused { cause: why("microsoft_2091") })
        .then(&at(Stage::Refused));
}

fn stuck_order(undoing: bool) -> Fact {
    Fact::OrderStuck { cause: why("microsoft_13605"), stands: Stands::default(), undoing }
}

#[test]
fn a_rollback_that_overtakes_a_stuck_order_need_not_be_asked_for_twice() {
    let _ = given::<Purchasing>(at(Stage::Ordering))
        .told(Fact::RollbackRequested)
        .wakes(ORDER)
        .told(stuck_order(false))
        .wakes(ORDER)
        // What even the way back cannot find out needs a person.
        .told(stuck_order(true))
        .says(parked(why("microsoft_13605"), Direction::Forward, Stands::default(), 1, true))
        .then(&Ledger { rollback: true, parkings: 1, ..at(Stage::ParkedForward { at: Halt::Ordering }) });
}

#[test]
fn a_missing_agreement_parks_the_order_and_a_retry_goes_on() {
    let stuck = stuck_order(false);
    let _ = given::<Purchasing>(at(Stage::Ordering))
        .told(stuck.clone())
        .says(parked(why("microsoft_13605"), Direction::Forward, Stands::default(), 1, false))
        .told(Fact::RetryRequested { parking: 1 })
        .wakes(ORDER)
        .told(stuck)
        .says(parked(why("microsoft_13605"), Direction::Forward, Stands::default(), 2, false))
        .told(Fact::RetryRequested { parking: 1 })
        .then(&Ledger { parkings: 2, ..at(Stage::ParkedForward { at: Halt::Ordering }) });
}

#[test]
fn provisioning_that_fails_is_suspended_again() {
    let _ = given::<Purchasing>(at(Stage::Provisioning { bought: bought() }))
        .told(Fact::ProvisioningFailed { bought: bought(), cause: why("provisioning_failed") })
        .does(REVERT)
        .told(Fact::Reverted { stands: ours() })
        .says(Said::Reverted { cause: why("provisioning_failed"), stands: ours() })
        .then(&at(Stage::Reverted));
}

#[test]
fn provisioning_that_takes_too_long_asks_a_person() {
    let slow = Fact::ProvisioningStuck { bought: bought(), cause: why("provisioning_slow") };
    let _ = given::<Purchasing>(at(Stage::Provisioning { bought: bought() }))
        .told(slow)
        .says(parked(why("provisioning_slow"), Direction::Forward, ours(), 1, false))
        .told(Fact::RetryRequested { parking: 1 })
        .does(PROVISION)
        .then(&Ledger { parkings: 1, ..at(Stage::Provisioning { bought: bought() }) });
}

// === back

#[test]
fn when_everyone_is_back_the_purchase_is_suspended() {
    let _ = given::<Purchasing>(at(Stage::Purchased { purchase: purchase() }))
        .told(Fact::TurnedBack { cause: why("microsoft_60002") })
        .does(REVERT)
        .told(Fact::TurnedBack { cause: why("microsoft_60002") })
        .told(Fact::Reverted { stands: ours() })
        .says(Said::Reverted { cause: why("microsoft_60002"), stands: ours() })
        .told(Fact::Reverted { stands: ours() })
        .then(&at(Stage::Reverted));
}

#[test]
fn seats_that_somebody_uses_park_the_undo_and_a_rollback_or_retry_tries_it_again() {
    let in_use = Fact::RevertStuck { cause: why("seats_in_use"), stands: ours() };
    let reverting = Stage::Reverting { bought: bought(), cause: why("first") };
    let _ = given::<Purchasing>(at(reverting.clone()))
        .told(in_use.clone())
        .says(parked(why("seats_in_use"), Direction::Undo, ours(), 1, false))
        .told(Fact::RollbackRequested)
        .does(REVERT)
        .told(in_use)
        .says(parked(why("seats_in_use"), Direction::Undo, ours(), 2, true))
        .told(Fact::RetryRequested { parking: 2 })
        .does(REVERT)
        .then(&Ledger { parkings: 2, ..after_rollback(reverting) });
}

// === an operator wants it undone

#[test]
fn a_rollback_that_comes_first_is_remembered_and_nothing_is_bought() {
    let _ = given::<Purchasing>(Ledger::default())
        .told(Fact::RollbackRequested)
        .told(Fact::Requested)
        .says(Said::Refused { cause: operator() })
        .then(&after_rollback(Stage::Refused));
}

#[test]
fn a_purchase_that_still_succeeds_after_a_rollback_is_reverted_without_being_announced() {
    let _ = given::<Purchasing>(at(Stage::Ordering))
        .told(Fact::RollbackRequested)
        .wakes(ORDER)
        .told(ordered())
        .does(REVERT)
        .then(&after_rollback(Stage::Reverting { bought: bought(), cause: operator() }));
}

#[test]
fn a_rollback_while_provisioning_turns_back_at_once() {
    let _ = given::<Purchasing>(at(Stage::Provisioning { bought: bought() }))
        .told(Fact::RollbackRequested)
        .does(REVERT)
        .drops(PROVISION)
        .told(Fact::Assignable { purchase: purchase() })
        .then(&after_rollback(Stage::Reverting { bought: bought(), cause: operator() }));
}

#[test]
fn once_announced_a_rollback_waits_for_the_successor() {
    let _ = given::<Purchasing>(at(Stage::Purchased { purchase: purchase() }))
        .told(Fact::RollbackRequested)
        .told(Fact::TurnedBack { cause: operator() })
        .does(REVERT)
        .then(&after_rollback(Stage::Reverting { bought: bought(), cause: operator() }));
}

#[test]
fn a_rollback_of_a_parked_order_looks_once_more_before_it_says_refused() {
    let _ = given::<Purchasing>(Ledger { parkings: 1, ..at(Stage::ParkedForward { at: Halt::Ordering }) })
        .told(Fact::RollbackRequested)
        .wakes(ORDER)
        .told(Fact::NothingBought { cause: operator() })
        .says(Said::Refused { cause: operator() })
        .then(&Ledger { parkings: 1, ..after_rollback(Stage::Refused) });
}

#[test]
fn a_rollback_of_parked_provisioning_suspends_what_was_bought() {
    let parked = Stage::ParkedForward { at: Halt::Provisioning { bought: bought() } };
    let _ = given::<Purchasing>(at(parked))
        .told(Fact::RollbackRequested)
        .does(REVERT)
        .then(&after_rollback(Stage::Reverting { bought: bought(), cause: operator() }));
}

#[test]
fn what_has_ended_stays_ended() {
    for end in [Stage::Refused, Stage::Reverted] {
        let _ = given::<Purchasing>(at(end.clone()))
            .told(Fact::Requested)
            .told(Fact::TurnedBack { cause: why("late") })
            .told(ordered())
            .told(Fact::Assignable { purchase: purchase() })
            .told(Fact::RollbackRequested)
            .told(Fact::RetryRequested { parking: 0 })
            .then(&after_rollback(end));
    }
}

// === walks

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        Just(Fact::Requested),
        Just(Fact::RollbackRequested),
        (0..4_u32).prop_map(|parking| Fact::RetryRequested { parking }),
        Just(Fact::TurnedBack { cause: why("turned_back") }),
        Just(ordered()),
        Just(Fact::NothingBought { cause: why("nothing") }),
        any::<bool>().prop_map(stuck_order),
        Just(Fact::Assignable { purchase: purchase() }),
        Just(Fact::ProvisioningFailed { bought: bought(), cause: why("failed") }),
        Just(Fact::ProvisioningStuck { bought: bought(), cause: why("slow") }),
        Just(Fact::Reverted { stands: ours() }),
        Just(Fact::RevertStuck { cause: why("in_use"), stands: ours() }),
    ]
}

proptest! {
    /// Whatever arrives in whatever order and however often: one forward word, one last word, and never *refused* after an
    /// order was seen.
    #[test]
    fn any_order_of_facts_keeps_the_promises(facts in prop::collection::vec(any_fact(), 0..40)) {
        let mut ledger = Ledger::default();
        let (mut announced, mut ended, mut parkings, mut seen_order) = (0, 0, 0, false);
        for fact in facts {
            let before = ledger.clone();
            let decision = Purchasing::decide(ledger, fact.clone());
            ledger = decision.next;
            seen_order |= matches!(ledger.stage, Stage::Provisioning { .. } | Stage::Reverting { .. });
            prop_assert!(ledger.rollback || !before.rollback, "a rollback was forgotten");
            for effect in decision.effects {
                match effect {
                    Effect::Say(Said::Purchased { .. }) => announced += 1,
                    Effect::Say(Said::Refused { .. }) => {
                        prop_assert!(!seen_order, "said refused although an order stands");
                        ended += 1;
                    }
                    Effect::Say(Said::Reverted { .. }) => {
                        prop_assert!(seen_order, "reverted what was never bought");
                        ended += 1;
                    }
                    Effect::Say(Said::Parked { parking, rollback_seen, .. }) => {
                        parkings += 1;
                        prop_assert_eq!(parking, parkings);
                        prop_assert_eq!(rollback_seen, ledger.rollback);
                    }
                    Effect::Do { part, .. } => prop_assert!(
                        part != ORDER || before.stage == Stage::Unreached, "queued a second order"
                    ),
                    Effect::Wake { .. } | Effect::Drop { .. } | Effect::Record(_) => {}
                }
            }
            prop_assert!(announced <= 1 && ended <= 1, "said its word twice");
        }
    }
}

//! Conversations with reassignment: every arm of `decide`, told as the protocol tells it; and walks over any order of facts.

use jiff::Timestamp;
use proptest::prelude::*;
use seatshift_host::conversation::{Conversation, given};
use seatshift_host::{Effect, Participant};
use seatshift_messages::{
    Cause, Direction, MoveGroup, OnRefusal, OrderId, Policy, Purchase, Stands, SubscriptionId, UserId,
};
use uuid::Uuid;

use crate::Reassigning;
use crate::decide::{
    Answer, ChunkState, Fact, Forward, Ledger, Said, Stage, Step, Stuck, Tally, Undo, UndoTally, operator,
};
use crate::work::{CHUNK, Chunk, POOL, chunk_part, chunks};

fn why(code: &str) -> Cause {
    Cause::new(code, "for the test")
}

fn purchase() -> Purchase {
    Purchase {
        order: OrderId::new("order-1"),
        subscription: SubscriptionId(Uuid::from_u128(7)),
        quantity: 60,
        purchased_at: Timestamp::UNIX_EPOCH,
        cancellable_until: None,
    }
}

fn step(on_user_refused: OnRefusal, roll_back_up_to: u32) -> Step {
    Step { purchase: purchase(), policy: Policy { on_user_refused, roll_back_up_to, ..Policy::default() } }
}

fn of_users(count: usize) -> Vec<Chunk> {
    let users = (0..count).map(|n| UserId(Uuid::from_u128(n as u128 + 100))).collect();
    chunks(&[MoveGroup { exclude: vec![], users }])
}

/// Two chunks, queued.
fn moving(step: Step) -> Conversation<Reassigning> {
    given::<Reassigning>(Ledger::default())
        .told(Fact::Purchased { step, chunks: of_users(CHUNK + 5) })
        .does(&chunk_part(0))
        .does(&chunk_part(1))
}

fn all_moved(chunk: usize, moved: u32) -> Fact {
    Fact::ChunkSettled { chunk, tally: Tally { moved, already: 0, stuck: None } }
}

fn some_refused(chunk: usize, moved: u32, person: bool) -> Fact {
    let stuck =
        Stuck { cause: why("refused"), person, unasked: false, users: vec![UserId(Uuid::from_u128(100))] };
    Fact::ChunkSettled { chunk, tally: Tally { moved, already: 0, stuck: Some(stuck) } }
}

fn undone(chunk: usize, restored: u32) -> Fact {
    Fact::ChunkUndone { chunk, tally: UndoTally { restored, left: 0, stuck: None } }
}

fn not_undone(chunk: usize) -> Fact {
    let stuck = Stuck {
        cause: why("no_seat"),
        person: false,
        unasked: false,
        users: vec![UserId(Uuid::from_u128(100))],
    };
    Fact::ChunkUndone { chunk, tally: UndoTally { restored: 24, left: 0, stuck: Some(stuck) } }
}

fn parked(cause: &str, direction: Direction, moved: u32, parking: u32, rollback_seen: bool) -> Said {
    let stands =
        Stands { users_moved: Some(moved), users: vec![UserId(Uuid::from_u128(100))], ..Stands::default() };
    Said::Parked { cause: why(cause), direction, stands, parking, rollback_seen }
}

fn default_step() -> Step {
    step(OnRefusal::Park, 25)
}

// === forward

#[test]
fn users_are_cut_into_chunks_and_nobody_is_lost() {
    let cut = of_users(2 * CHUNK + 1);
    assert_eq!(cut.iter().map(|chunk| chunk.users.len()).collect::<Vec<_>>(), [CHUNK, CHUNK, 1]);
    let last = cut[2].users[0].user;
    assert_eq!(last, UserId(Uuid::from_u128(100 + 2 * CHUNK as u128)));
}

#[test]
fn when_the_last_chunk_settles_the_forward_word_is_said_once() {
    moving(default_step())
        .told(all_moved(1, 5))
        .says(Said::Progressed { moved: 5 })
        .told(all_moved(1, 5))
        .says(Said::Progressed { moved: 5 })
        .told(all_moved(0, 25))
        .says(Said::Reassigned { purchase: purchase(), moved: 30, already: 0 })
        .told(all_moved(0, 25))
        .told(Fact::Purchased { step: default_step(), chunks: of_users(3) })
        .nothing_else();
}

#[test]
fn with_nobody_to_move_the_pool_decides() {
    let same_sku = || {
        given::<Reassigning>(Ledger::default())
            .told(Fact::Purchased { step: default_step(), chunks: vec![] })
            .does(POOL)
    };
    same_sku()
        .told(Fact::PoolCovers)
        .says(Said::Reassigned { purchase: purchase(), moved: 0, already: 0 })
        .told(Fact::TurnedBack { cause: why("back") })
        .says(Said::Restored { cause: why("back"), restored: 0, left: 0 })
        .nothing_else();
    same_sku()
        .told(Fact::PoolShort { cause: why("seats_short") })
        .says(Said::Refused { cause: why("seats_short"), restored: 0, left: 0 })
        .nothing_else();
    same_sku()
        .told(Fact::RollbackRequested)
        .says(Said::Refused { cause: operator(), restored: 0, left: 0 })
        .drops(POOL)
        .told(Fact::PoolCovers)
        .nothing_else();
}

#[test]
fn a_refused_user_sends_every_moved_user_back_while_few_are_moved() {
    moving(default_step())
        .told(some_refused(0, 10, false))
        .says(Said::Progressed { moved: 10 })
        .told(all_moved(1, 5))
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(undone(0, 10))
        .told(undone(1, 5))
        .says(Said::Refused { cause: why("refused"), restored: 15, left: 0 })
        .nothing_else();
}

#[test]
fn a_refused_user_parks_once_more_than_the_policys_number_are_moved() {
    moving(default_step())
        .told(all_moved(0, 25))
        .says(Said::Progressed { moved: 25 })
        .told(some_refused(1, 4, false))
        .says(parked("refused", Direction::Forward, 29, 1, false))
        .told(Fact::RetryRequested { parking: 1 })
        .wakes(&chunk_part(1))
        .told(all_moved(1, 5))
        .says(Said::Reassigned { purchase: purchase(), moved: 30, already: 0 })
        .nothing_else();
}

#[test]
fn a_policy_of_rollback_turns_back_at_the_first_refusal_and_open_chunks_settle_first() {
    moving(step(OnRefusal::Rollback, 0))
        .told(some_refused(0, 10, false))
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        // The other chunk was running: its undo is queued by the fact that settles it, not before.
        .told(undone(0, 10))
        .wakes(&chunk_part(1))
        .told(all_moved(1, 3))
        .wakes(&chunk_part(1))
        .told(undone(1, 3))
        .says(Said::Refused { cause: why("refused"), restored: 13, left: 0 })
        .nothing_else();
}

#[test]
fn a_license_from_a_group_sends_everyone_back_however_many_are_moved() {
    let users = vec![UserId(Uuid::from_u128(100))];
    let stuck = Some(Stuck { cause: why("inherited"), person: false, unasked: true, users });
    moving(default_step())
        .told(all_moved(0, 25))
        .says(Said::Progressed { moved: 25 })
        .told(Fact::ChunkSettled { chunk: 1, tally: Tally { moved: 4, already: 0, stuck } })
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(undone(0, 25))
        .told(undone(1, 4))
        .says(Said::Refused { cause: why("inherited"), restored: 29, left: 0 })
        .nothing_else();
}

#[test]
fn nobody_is_parked_while_a_chunk_is_open() {
    moving(default_step())
        .told(some_refused(0, 24, true))
        .says(Said::Progressed { moved: 24 })
        .told(all_moved(1, 5))
        .says(parked("refused", Direction::Forward, 29, 1, false))
        .nothing_else();
}

// === back

#[test]
fn reactivation_sends_everyone_back_and_says_restored() {
    moving(default_step())
        .told(all_moved(0, 25))
        .says(Said::Progressed { moved: 25 })
        .told(all_moved(1, 5))
        .says(Said::Reassigned { purchase: purchase(), moved: 30, already: 0 })
        .told(Fact::RollbackRequested)
        .told(Fact::TurnedBack { cause: operator() })
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(Fact::TurnedBack { cause: operator() })
        .told(undone(1, 5))
        .told(undone(1, 5))
        .told(undone(0, 25))
        .says(Said::Restored { cause: operator(), restored: 30, left: 0 })
        .nothing_else();
}

#[test]
fn a_rollback_in_the_middle_turns_back_and_stuck_users_no_longer_matter() {
    moving(default_step())
        .told(some_refused(0, 24, true))
        .says(Said::Progressed { moved: 24 })
        .told(Fact::RollbackRequested)
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(some_refused(1, 2, true))
        .wakes(&chunk_part(1))
        .told(undone(0, 24))
        .told(undone(1, 2))
        .says(Said::Refused { cause: operator(), restored: 26, left: 0 })
        .nothing_else();
}

#[test]
fn an_undo_that_fails_parks_when_no_chunk_is_open_and_is_tried_again_on_demand() {
    moving(default_step())
        .told(Fact::RollbackRequested)
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(all_moved(0, 25))
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .told(not_undone(0))
        .wakes(&chunk_part(1))
        .told(all_moved(1, 0))
        .wakes(&chunk_part(1))
        .told(undone(1, 0))
        .says(parked("no_seat", Direction::Undo, 25, 1, true))
        .told(Fact::RetryRequested { parking: 1 })
        .wakes(&chunk_part(0))
        .told(not_undone(0))
        .says(parked("no_seat", Direction::Undo, 25, 2, true))
        .told(Fact::RetryRequested { parking: 1 })
        .told(Fact::RollbackRequested)
        .wakes(&chunk_part(0))
        .told(undone(0, 25))
        .says(Said::Refused { cause: operator(), restored: 25, left: 0 })
        .nothing_else();
}

#[test]
fn a_rollback_of_a_parked_migration_sends_everyone_back() {
    moving(default_step())
        .told(all_moved(0, 25))
        .says(Said::Progressed { moved: 25 })
        .told(some_refused(1, 4, true))
        .says(parked("refused", Direction::Forward, 29, 1, false))
        .told(Fact::RollbackRequested)
        .wakes(&chunk_part(0))
        .wakes(&chunk_part(1))
        .nothing_else();
}

#[test]
fn a_rollback_that_comes_first_is_remembered_and_nobody_is_moved() {
    given::<Reassigning>(Ledger::default())
        .told(Fact::RollbackRequested)
        .told(Fact::Purchased { step: default_step(), chunks: of_users(3) })
        .says(Said::Refused { cause: operator(), restored: 0, left: 0 })
        .nothing_else();
}

#[test]
fn what_has_ended_stays_ended() {
    for end in [Stage::Refused, Stage::Restored] {
        let _ = given::<Reassigning>(Ledger { stage: end.clone(), ..Ledger::default() })
            .told(Fact::Purchased { step: default_step(), chunks: of_users(3) })
            .told(Fact::TurnedBack { cause: why("late") })
            .told(all_moved(0, 3))
            .told(undone(0, 3))
            .told(Fact::PoolCovers)
            .told(Fact::RollbackRequested)
            .told(Fact::RetryRequested { parking: 0 })
            .then(&Ledger { rollback: true, stage: end, ..Ledger::default() });
    }
}

// === walks

fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        1 => prop_oneof![Just(OnRefusal::Park), Just(OnRefusal::Rollback)]
            .prop_map(|policy| Fact::Purchased { step: step(policy, 25), chunks: of_users(3 * CHUNK) }),
        1 => Just(Fact::RollbackRequested),
        1 => (0..4_u32).prop_map(|parking| Fact::RetryRequested { parking }),
        1 => Just(Fact::TurnedBack { cause: why("back") }),
        1 => Just(Fact::PoolCovers),
        1 => Just(Fact::PoolShort { cause: why("short") }),
        4 => (0..4_usize, 0..26_u32).prop_map(|(chunk, moved)| all_moved(chunk, moved)),
        2 => (0..4_usize, 0..25_u32, any::<bool>())
            .prop_map(|(chunk, moved, person)| some_refused(chunk, moved, person)),
        4 => (0..4_usize, 0..26_u32).prop_map(|(chunk, restored)| undone(chunk, restored)),
        2 => (0..4_usize).prop_map(not_undone),
    ]
}

fn is_open(chunk: &ChunkState) -> bool {
    chunk.forward == Forward::Open || chunk.undo == Undo::Open
}

proptest! {
    /// Whatever arrives in whatever order: one forward word, one word back that fits it, nothing said and nobody parked
    /// while a chunk is open, and never an undo queued for a chunk that has not settled.
    #[test]
    fn any_order_of_facts_keeps_the_promises(facts in prop::collection::vec(any_fact(), 0..60)) {
        let mut ledger = Ledger::default();
        let (mut reassigned, mut refused, mut restored) = (0, 0, 0);
        for fact in facts {
            let before = ledger.clone();
            let decision = Reassigning::decide(ledger, fact);
            ledger = decision.next;
            prop_assert!(ledger.rollback || !before.rollback, "a rollback was forgotten");
            let open = match &ledger.stage {
                Stage::Moving { chunks, .. } => {
                    prop_assert!(chunks.iter().all(|chunk| chunk.undo == Undo::None), "undoing while moving");
                    chunks.iter().any(is_open)
                }
                Stage::TurningBack { chunks, .. } => {
                    for chunk in chunks {
                        prop_assert!(
                            chunk.undo == Undo::None || chunk.forward == Forward::Settled,
                            "an undo overtook its chunk"
                        );
                    }
                    prop_assert!(!matches!(before.stage, Stage::Refused | Stage::Restored), "turned back twice");
                    chunks.iter().any(is_open)
                }
                Stage::Moved { chunks } | Stage::ParkedForward { chunks, .. } | Stage::ParkedUndoing { chunks, .. } => {
                    prop_assert!(!chunks.iter().any(is_open), "stands still while a chunk is open");
                    false
                }
                Stage::Unreached | Stage::CheckingPool { .. } | Stage::Refused | Stage::Restored => false,
            };
            for effect in decision.effects {
                match effect {
                    Effect::Say(Said::Progressed { .. }) => {}
                    Effect::Say(said) => {
                        prop_assert!(!open, "said {said:?} while a chunk is open");
                        match said {
                            Said::Reassigned { .. } => reassigned += 1,
                            Said::Refused { .. } => refused += 1,
                            Said::Restored { .. } => restored += 1,
                            Said::Parked { rollback_seen, .. } => prop_assert_eq!(rollback_seen, ledger.rollback),
                            Said::Progressed { .. } => {}
                        }
                    }
                    Effect::Do { .. } | Effect::Wake { .. } | Effect::Drop { .. } | Effect::Record(_) => {}
                }
            }
            prop_assert!(reassigned <= 1 && refused + restored <= 1, "said its word twice");
            prop_assert!(refused == 0 || reassigned == 0, "refused after its forward word");
            prop_assert!(restored == 0 || reassigned == 1, "restored before its forward word");
        }
        if let Stage::TurningBack { answer, .. } = &ledger.stage {
            prop_assert_eq!(*answer == Answer::Restored, reassigned == 1);
        }
    }
}

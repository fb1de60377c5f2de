//! Drawn worlds with drawn faults, crashes and wishes: whatever happens, nobody is harmed and every row has its verdict.

use std::collections::BTreeSet;

use seatshift_control::tracker::VerdictKind;
use seatshift_simulator::world::FaultLevel::{Hostile, None};
use seatshift_simulator::world::{Act, truth};
use seatshift_tests::trial::{Ended, Rollback, Trial};
use uuid::Uuid;

fn clean(trial: &Trial) -> Ended {
    let ended = trial.run();
    assert_eq!(ended.complaints, Vec::<String>::new(), "{trial:?}");
    ended
}

/// The old subscriptions that the hidden truth says are to be moved.
fn a_careful_person_would_move(trial: &Trial) -> BTreeSet<Uuid> {
    let mut world = trial.world();
    truth::fill(&mut world);
    let held = world.customers.iter().flat_map(|customer| &customer.subscriptions);
    let wanted = held.filter(|held| held.truth.as_ref().is_some_and(|truth| truth.act == Act::Move));
    wanted.map(|held| held.id).collect()
}

#[test]
fn a_dozen_hostile_seeds_with_crashes_are_clean() {
    let (mut crashes, mut changes) = (0, 0);
    let (mut to_move, mut moved) = (0, 0);
    for seed in 1..=12 {
        let trial = Trial::plain(seed, 10, Hostile, 4);
        let ended = clean(&trial);
        crashes += ended.crashes;
        changes += ended.audit.examined.changes;
        let wanted = a_careful_person_would_move(&trial);
        for row in ended
            .rows
            .iter()
            .filter(|row| row.row.old_subscription.is_some_and(|old| wanted.contains(&old.0)))
        {
            to_move += 1;
            let verdict = row.ledger.standing().map(|verdict| verdict.kind);
            moved += u32::from(verdict == Some(VerdictKind::Completed));
        }
    }
    // What is missing is what was refused for good: the audit counts everything else as left wrongly.
    assert!(to_move > 50 && moved * 100 >= to_move * 95, "{moved} of {to_move} were moved without a person");
    assert!(crashes >= 30 && changes > 500, "{crashes} crashes, {changes} changes: too little was tried");
}

#[test]
fn one_seed_gives_the_same_event_log_byte_for_byte() {
    let trial = Trial { varied: true, ..Trial::plain(7, 10, Hostile, 4) };
    let (first, second) = (trial.run(), trial.run());
    assert!(first.events.len() > 20, "{} events", first.events.len());
    let text = |ended: &Ended| -> Vec<String> {
        ended.events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect()
    };
    for (number, (one, other)) in text(&first).iter().zip(&text(&second)).enumerate() {
        assert_eq!(one, other, "event {number}");
    }
    assert_eq!(first.events.len(), second.events.len());
}

#[test]
fn without_faults_exactly_what_a_careful_person_would_move_is_moved() {
    for (seed, customers) in [(1, 12), (2, 12), (3, 12), (4, 60)] {
        let ended = clean(&Trial::plain(seed, customers, None, 0));
        assert!(ended.verdicts["completed"] > 0);
        assert!(
            !ended.verdicts.contains_key("parked") && !ended.verdicts.contains_key("refused"),
            "{:?}",
            ended.verdicts
        );
    }
}

#[test]
fn everything_can_be_rolled_back_after_it_is_done() {
    for seed in 21..=26 {
        let ended = clean(&Trial { rollback: Rollback::AtTheEnd, ..Trial::plain(seed, 10, Hostile, 4) });
        assert!(ended.verdicts.contains_key("rolled_back"), "{:?}", ended.verdicts);
    }
}

#[test]
fn everything_can_be_rolled_back_in_the_middle() {
    for seed in 31..=38 {
        let _ = clean(&Trial { rollback: Rollback::InTheMiddle, ..Trial::plain(seed, 10, Hostile, 3) });
    }
}

#[test]
fn every_reading_and_every_policy_is_survived() {
    for seed in 41..=52 {
        let rollback = [Rollback::Never, Rollback::AtTheEnd, Rollback::InTheMiddle][seed as usize % 3];
        let _ = clean(&Trial { rollback, varied: true, ..Trial::plain(seed, 10, Hostile, 3) });
    }
}

//! Drawn worlds with drawn faults, crashes and wishes: whatever happens, nobody is harmed and every row has its verdict.

use seatshift_simulator::world::FaultLevel::{Hostile, None};
use seatshift_tests::trial::{Ended, Rollback, Trial};

fn clean(trial: &Trial) -> Ended {
    let ended = trial.run();
    assert_eq!(ended.complaints, Vec::<String>::new(), "{trial:?}");
    ended
}

#[test]
fn a_dozen_hostile_seeds_with_crashes_are_clean() {
    let (mut crashes, mut changes) = (0, 0);
    for seed in 1..=12 {
        let ended = clean(&Trial::plain(seed, 10, Hostile, 4));
        crashes += ended.crashes;
        changes += ended.audit.examined.changes;
    }
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

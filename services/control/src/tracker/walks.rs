//! Walks: whatever control is told, in whatever order, some things always hold.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use seatshift_host::Effect;
use seatshift_messages::*;
use uuid::Uuid;

use super::conversations::{ask, instruction, parked, purchased, refused, reverted, row, suspended};
use super::*;

/// One thing that may happen.
#[derive(Debug, Clone, Copy)]
enum Step {
    Queued,
    Skip,
    Admit,
    StillTrue,
    Stopped,
    WaitsFor,
    Purchased,
    Refused,
    Reverted,
    Suspended,
    Parked {
        participant: usize,
        parking: u32,
        rollback_seen: bool,
    },
    Rollback,
    Retry,
    Accept,
    /// A month passes.
    Time,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop_oneof![
        2 => Just(Queued),
        1 => Just(Skip),
        6 => Just(Admit),
        6 => Just(StillTrue),
        1 => Just(Stopped),
        1 => Just(WaitsFor),
        2 => Just(Purchased),
        1 => Just(Refused),
        1 => Just(Reverted),
        2 => Just(Suspended),
        4 => (1..4usize, 1..4u32, any::<bool>())
            .prop_map(|(participant, parking, rollback_seen)| Parked { participant, parking, rollback_seen }),
        3 => Just(Rollback),
        2 => Just(Retry),
        2 => Just(Accept),
        1 => Just(Time),
    ]
}

fn fact(step: Step, sequence: u64, at: Timestamp) -> Fact {
    let heard = |source, event| Fact::Heard { source, sequence, said_at: at, event };
    let cause = Cause::new("test", "because");
    match step {
        Step::Queued | Step::Time => Fact::Queued { row: row(), stored: None },
        Step::Skip => Fact::Skip { row: row(), stored: None, cause },
        Step::Admit => Fact::Admit { slot: Slot::Recorded },
        Step::StillTrue => Fact::StillTrue { instruction: instruction() },
        Step::Stopped => Fact::Stopped { cause },
        Step::WaitsFor => Fact::WaitsFor { holder: MigrationId(Uuid::from_u128(9)) },
        Step::Purchased => heard(Service::Purchase, purchased()),
        Step::Refused => heard(Service::Purchase, refused()),
        Step::Reverted => heard(Service::Purchase, reverted()),
        Step::Suspended => heard(Service::Suspension, suspended()),
        Step::Parked { participant, parking, rollback_seen } => {
            heard(Service::ALL[participant], parked(parking, rollback_seen))
        }
        Step::Rollback => Fact::Rollback { ask: ask() },
        Step::Retry => Fact::Retry { ask: ask(), successor: MigrationId(Uuid::from_u128(8)) },
        Step::Accept => Fact::Accept { ask: ask() },
    }
}

#[derive(Default)]
struct Seen {
    requested: usize,
    rollbacks: usize,
    verdicts: u32,
    finals: Option<VerdictKind>,
}

fn check(
    seen: &mut Seen,
    before: &Ledger,
    step: Step,
    decision: &seatshift_host::Decision<crate::Controlling>,
) {
    let after = &decision.next;
    let mut answers = 0;
    let mut slot = before.slot_recorded;
    let mut verdicts = 0;
    for effect in &decision.effects {
        match effect {
            Effect::Say(Said::Requested) => seen.requested += 1,
            Effect::Say(Said::RollbackRequested { .. }) => seen.rollbacks += 1,
            Effect::Say(Said::RetryRequested { participant, parking, .. }) => {
                let at = before.verdict.as_ref().unwrap().parking.as_ref().unwrap();
                assert_eq!(
                    (at.participant, at.parking),
                    (Some(*participant), *parking),
                    "answers what is parked"
                );
            }
            Effect::Say(Said::Verdict { kind, verdict }) => {
                verdicts += 1;
                seen.verdicts += 1;
                assert_eq!(verdict.revision, seen.verdicts, "revisions have no holes");
                assert_eq!(
                    after.standing().map(|stands| (stands.kind, stands.revision)),
                    Some((*kind, verdict.revision))
                );
                assert_eq!(seen.finals, None, "nothing follows a final verdict");
                if matches!(kind, VerdictKind::Refused | VerdictKind::RolledBack) {
                    seen.finals = Some(*kind);
                }
                if *kind == VerdictKind::Completed {
                    assert!(!before.rollback, "never completed once a rollback was asked for");
                }
            }
            Effect::Record(write) if write.kind == "slot" => {
                slot = write.body.is_some();
            }
            Effect::Record(_) => answers += 1,
            other => panic!("control queues no work: {other:?}"),
        }
    }
    assert!(verdicts <= 1, "one fact, one verdict");
    assert!(seen.requested <= 1 && seen.rollbacks <= 1, "asked for at most once, undone at most once");
    assert!(!before.rollback || after.rollback, "never withdrawn");
    assert_eq!(slot, after.slot_recorded, "the record is written and taken away with the decision");
    assert!(!slot || after.holds_slot(), "nobody keeps a slot that is free");
    let operator = matches!(step, Step::Rollback | Step::Retry | Step::Accept);
    assert_eq!(answers, usize::from(operator), "each wish of an operator has one answer");
    if let Some(kind) = seen.finals {
        assert_eq!(after.standing().map(|verdict| verdict.kind), Some(kind), "final stands");
    }
    let closed = !after.holds_slot() && !matches!(after.stage, Stage::Unplanned | Stage::Waiting);
    assert!(!closed || after.standing().is_some(), "what is closed has a standing verdict");
    if matches!(after.stage, Stage::Parked { .. }) {
        assert_eq!(after.standing().map(|verdict| verdict.kind), Some(VerdictKind::Parked));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_verdicts_and_requests_keep_their_rules(steps in proptest::collection::vec(step(), 1..40)) {
        let mut at: Timestamp = "2019-03-01T08:00:00Z".parse().unwrap();
        let mut ledger = Ledger::default();
        let mut seen = Seen::default();
        for (sequence, step) in (1..).zip(steps) {
            if matches!(step, Step::Time) {
                at += SignedDuration::from_hours(24 * 31);
                continue;
            }
            let before = ledger.clone();
            let decision = decide(ledger, News::new(at, fact(step, sequence, at)));
            check(&mut seen, &before, step, &decision);
            ledger = decision.next;
        }
    }
}

//! Units: whole or not at all.

use std::sync::Arc;

use futures::future::join_all;
use seatshift_messages::Service;
use seatshift_store::{Committed, DeadLetter, LedgerWrite, Store, Unit};

use crate::given::*;

pub(crate) async fn what_is_written_is_read(store: Arc<dyn Store>) {
    let one = migration(1);
    let write = LedgerWrite { instruction: Some(instruction(3)), ..ledger(one, 0, "buying") };
    let whole = Unit {
        consumed: Some((event_id(9), at(5))),
        ledger: Some(write),
        work: vec![put(one, "order", Some(at(10)))],
        events: vec![event(1, one)],
        records: vec![record("a", Some(0), Some("{}"))],
        ..unit()
    };
    assert_eq!(commit(&*store, whole).await, Committed::Done);

    let rows = store.ledgers(HERE, &[one]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].migration, rows[0].version, rows[0].sequence), (one, 1, 1));
    assert_eq!(rows[0].stage, "\"buying\"");
    assert_eq!(rows[0].customer.map(|id| id.0.as_u128()), Some(0xC0));
    assert_eq!(rows[0].instruction.as_deref(), Some(&*instruction(3)));
    let row = only_row(&*store, one).await;
    assert_eq!((row.service, row.version, row.due, row.interrupted), (HERE, 1, Some(at(10)), false));
    assert_eq!(row.body, "{\"order\":1}");
    assert_eq!(store.consumed(HERE, &[event_id(8), event_id(9)]).await.unwrap(), [event_id(9)]);
    assert_eq!(store.events(0, 10, None).await.unwrap()[0].bytes[..], event(1, one).to_bytes()[..]);
    assert_eq!(store.record("row", "a").await.unwrap().unwrap().body, "{}");
}

pub(crate) async fn a_stale_unit_changes_nothing(store: Arc<dyn Store>) {
    let one = migration(1);
    commit(&*store, Unit { ledger: Some(ledger(one, 0, "first")), ..unit() }).await;
    let letter = DeadLetter { service: HERE, at: at(0), reason: "why".into(), bytes: Arc::from(*b"what") };
    let late = Unit {
        consumed: Some((event_id(1), at(0))),
        ledger: Some(ledger(one, 0, "second")),
        work: vec![put(one, "order", Some(at(0)))],
        events: vec![event(1, one)],
        records: vec![record("a", None, Some("{}"))],
        dead_letter: Some(letter),
        ..unit()
    };
    assert_eq!(commit(&*store, late).await, Committed::Stale);

    let row = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    assert_eq!((row.version, row.stage.as_str()), (1, "\"first\""));
    assert!(store.consumed(HERE, &[event_id(1)]).await.unwrap().is_empty());
    assert!(store.work(HERE, one).await.unwrap().is_empty());
    assert!(store.events(0, 10, None).await.unwrap().is_empty());
    assert!(store.claim_outbox(HERE, at(0), at(9), 10).await.unwrap().is_empty());
    assert!(store.records("row", None, 10).await.unwrap().is_empty());
    assert!(store.dead_letters(10).await.unwrap().is_empty());
}

pub(crate) async fn a_stale_part_spoils_its_whole_unit(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", None)]).await;
    let wrong_work = [
        put_on(one, "order", Some(0), None),
        put_on(one, "order", Some(2), None),
        put_on(one, "other", Some(1), None),
        save(one, "order", 2, "{}"),
        save(one, "other", 0, "{}"),
        remove(one, "order", Some(2)),
    ];
    for change in wrong_work {
        let said = format!("{change:?}");
        let whole = Unit { ledger: Some(ledger(one, 0, "new")), work: vec![change], ..unit() };
        assert_eq!(commit(&*store, whole).await, Committed::Stale, "{said}");
    }
    let whole = Unit {
        ledger: Some(ledger(one, 0, "new")),
        records: vec![record("a", None, Some("1")), record("b", Some(1), Some("1"))],
        ..unit()
    };
    assert_eq!(commit(&*store, whole).await, Committed::Stale);
    assert!(store.ledgers(HERE, &[one]).await.unwrap().is_empty());
    assert_eq!(store.record("row", "a").await.unwrap(), None);
    assert_eq!(only_row(&*store, one).await.version, 1);
}

pub(crate) async fn a_duplicate_is_told_and_hinders_no_other(store: Arc<dyn Store>) {
    let consume = |n, m| Unit {
        consumed: Some((event_id(n), at(0))),
        ledger: Some(ledger(migration(m), 0, "new")),
        events: vec![event(m as u32, migration(m))],
        ..unit()
    };
    commit(&*store, consume(1, 1)).await;
    // One that was consumed before, one that is consumed twice in the batch, and their neighbours.
    let batch = vec![consume(2, 2), consume(1, 3), consume(4, 4), consume(4, 5), consume(6, 6)];
    let told = store.commit(batch).await.unwrap();
    use Committed::{Done, Duplicate};
    assert_eq!(told, [Done, Duplicate, Done, Duplicate, Done]);
    let all: Vec<_> = (1..=6).map(migration).collect();
    let stored: Vec<_> = store.ledgers(HERE, &all).await.unwrap().iter().map(|row| row.migration).collect();
    assert_eq!(stored, [migration(1), migration(2), migration(4), migration(6)]);
    assert_eq!(store.events(0, 10, None).await.unwrap().len(), 4);
}

pub(crate) async fn a_stale_unit_leaves_its_event_unconsumed(store: Arc<dyn Store>) {
    let one = migration(1);
    commit(&*store, Unit { ledger: Some(ledger(one, 0, "first")), ..unit() }).await;
    let consume = |expected| Unit {
        consumed: Some((event_id(1), at(0))),
        ledger: Some(ledger(one, expected, "next")),
        ..unit()
    };
    let told = store.commit(vec![consume(0), consume(1), consume(2)]).await.unwrap();
    assert_eq!(told, [Committed::Stale, Committed::Done, Committed::Duplicate]);
}

pub(crate) async fn units_see_the_changes_of_the_units_before_them(store: Arc<dyn Store>) {
    let one = migration(1);
    let step = |expected: u64, work| Unit {
        ledger: Some(ledger(one, expected, &format!("stage-{expected}"))),
        work: vec![work],
        records: vec![record("a", Some(expected), Some("1"))],
        ..unit()
    };
    let told = store
        .commit(vec![
            step(0, put_on(one, "order", Some(0), Some(at(1)))),
            step(1, save(one, "order", 1, "{\"intent\":1}")),
            step(1, put(one, "order", None)),
            step(2, put_on(one, "order", Some(2), Some(at(3)))),
        ])
        .await
        .unwrap();
    assert_eq!(told, [Committed::Done, Committed::Done, Committed::Stale, Committed::Done]);
    let row = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    assert_eq!((row.version, row.stage.as_str()), (3, "\"stage-2\""));
    let row = only_row(&*store, one).await;
    assert_eq!((row.version, row.due), (3, Some(at(3))));
    assert_eq!(store.record("row", "a").await.unwrap().unwrap().version, 3);
}

pub(crate) async fn a_change_sees_the_changes_before_it_in_its_unit(store: Arc<dyn Store>) {
    let one = migration(1);
    let twice =
        vec![put_on(one, "order", Some(0), None), save(one, "order", 1, "{}"), wake(one, "order", at(4))];
    assert_eq!(change(&*store, twice).await, Committed::Done);
    let row = only_row(&*store, one).await;
    assert_eq!((row.version, row.body.as_str(), row.due), (2, "{}", Some(at(4))));
    let anew = vec![remove(one, "order", Some(2)), put_on(one, "order", Some(0), None)];
    assert_eq!(change(&*store, anew).await, Committed::Done);
    assert_eq!(only_row(&*store, one).await.version, 1);
    let records = vec![record("a", Some(0), Some("1")), record("a", Some(1), Some("2"))];
    assert_eq!(commit(&*store, Unit { records, ..unit() }).await, Committed::Done);
    assert_eq!(store.record("row", "a").await.unwrap().unwrap().version, 2);
}

pub(crate) async fn each_service_has_its_own_ledger_and_inbox(store: Arc<dyn Store>) {
    let one = migration(1);
    for service in Service::ALL {
        let own = Unit {
            consumed: Some((event_id(1), at(0))),
            ledger: Some(ledger(one, 0, service.name())),
            work: vec![put(one, service.name(), Some(at(1)))],
            ..Unit::new(service)
        };
        assert_eq!(commit(&*store, own).await, Committed::Done, "{service}");
    }
    for service in Service::ALL {
        let row = store.ledgers(service, &[one]).await.unwrap().remove(0);
        assert_eq!(row.stage, format!("\"{service}\""));
        let claimed = store.claim_work(service, at(1), at(9), 10).await.unwrap();
        assert_eq!(parts(&claimed), [service.name()]);
        assert_eq!(claimed[0].service, service);
    }
}

pub(crate) async fn the_instruction_is_written_once_and_shared(store: Arc<dyn Store>) {
    let (one, told) = (migration(1), instruction(2_000));
    let first = seatshift_store::LedgerWrite { instruction: Some(Arc::clone(&told)), ..ledger(one, 0, "a") };
    commit(&*store, Unit { ledger: Some(first), ..unit() }).await;
    commit(&*store, Unit { ledger: Some(ledger(one, 1, "b")), ..unit() }).await;
    let other = seatshift_store::LedgerWrite { instruction: Some(instruction(1)), ..ledger(one, 2, "c") };
    commit(&*store, Unit { ledger: Some(other), ..unit() }).await;
    let first = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    let second = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    assert_eq!(first.version, 3);
    assert_eq!(first.instruction.as_ref(), Some(&told), "a later write leaves what is stored");
    assert!(Arc::ptr_eq(&first.instruction.unwrap(), &second.instruction.unwrap()), "read once, shared");
}

pub(crate) async fn only_the_service_that_was_told_has_the_instruction(store: Arc<dyn Store>) {
    let one = migration(1);
    let told = seatshift_store::LedgerWrite { instruction: Some(instruction(2)), ..ledger(one, 0, "a") };
    let heard = ledger(one, 0, "rollback heard");
    let purchase = |ledger| Unit { ledger: Some(ledger), ..Unit::new(Service::Purchase) };
    commit(&*store, purchase(told.clone())).await;
    commit(&*store, Unit { ledger: Some(heard), ..unit() }).await;
    let row = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    assert_eq!(row.instruction, None);
    commit(&*store, Unit { ledger: Some(seatshift_store::LedgerWrite { expected: 1, ..told }), ..unit() })
        .await;
    let row = store.ledgers(HERE, &[one]).await.unwrap().remove(0);
    assert_eq!(row.instruction, Some(instruction(2)));
}

pub(crate) async fn a_known_customer_stays_known(store: Arc<dyn Store>) {
    let one = migration(1);
    let unknown = |expected| seatshift_store::LedgerWrite { customer: None, ..ledger(one, expected, "a") };
    let mut seen = vec![];
    for write in [unknown(0), ledger(one, 1, "b"), unknown(2)] {
        commit(&*store, Unit { ledger: Some(write), ..unit() }).await;
        seen.push(store.ledgers(HERE, &[one]).await.unwrap()[0].customer.map(|id| id.0.as_u128()));
    }
    assert_eq!(seen, [None, Some(0xC0), Some(0xC0)]);
}

pub(crate) async fn ledgers_come_in_id_order_without_the_unknown(store: Arc<dyn Store>) {
    for n in [5, 1, 3] {
        commit(&*store, Unit { ledger: Some(ledger(migration(n), 0, "a")), ..unit() }).await;
    }
    let asked = [3, 9, 5, 1, 3].map(migration);
    let found: Vec<_> = store.ledgers(HERE, &asked).await.unwrap().iter().map(|row| row.migration).collect();
    assert_eq!(found, [1, 3, 5].map(migration));
    assert!(store.ledgers(HERE, &[]).await.unwrap().is_empty());
    assert_eq!(store.commit(vec![]).await.unwrap(), []);
}

pub(crate) async fn ledgers_are_read_without_their_instructions(store: Arc<dyn Store>) {
    for n in [2, 1] {
        let write = LedgerWrite { instruction: Some(instruction(n)), ..ledger(migration(n), 0, "a") };
        commit(&*store, Unit { ledger: Some(write), ..unit() }).await;
    }
    let asked = [2, 9, 1, 2].map(migration);
    let mut expected = store.ledgers(HERE, &asked).await.unwrap();
    assert!(expected.iter().all(|row| row.instruction.is_some()));
    expected.iter_mut().for_each(|row| row.instruction = None);
    assert_eq!(store.without_instructions(HERE, &asked).await.unwrap(), expected);
    assert!(store.without_instructions(HERE, &[]).await.unwrap().is_empty());
    // A decision that was made without it leaves it as it stands.
    commit(&*store, Unit { ledger: Some(ledger(migration(1), 1, "b")), ..unit() }).await;
    assert!(store.ledgers(HERE, &[migration(1)]).await.unwrap()[0].instruction.is_some());
}

pub(crate) async fn of_racing_writers_one_wins(store: Arc<dyn Store>) {
    let one = migration(1);
    for expected in 0..5 {
        let racers = (0..8).map(|n| {
            let store = Arc::clone(&store);
            let write = ledger(one, expected, &format!("racer-{n}"));
            async move { commit(&*store, Unit { ledger: Some(write), ..unit() }).await }
        });
        let told = join_all(racers).await;
        assert_eq!(told.iter().filter(|told| **told == Committed::Done).count(), 1, "{told:?}");
    }
    assert_eq!(store.ledgers(HERE, &[one]).await.unwrap()[0].version, 5);
}

//! Call log, dead letters, and values at the edges.

use std::sync::Arc;

use jiff::Timestamp;
use seatshift_messages::Service;
use seatshift_store::{Backlog, CallCount, CallRow, DeadLetter, LedgerWrite, LoggedDeadLetter, Store, Unit};
use uuid::Uuid;

use crate::given::*;

fn call(n: u128, family: &str, status: Option<u16>) -> CallRow {
    CallRow {
        at: at(n as i64),
        migration: n.is_multiple_of(2).then(|| migration(n)),
        customer: Some(Uuid::from_u128(0xC0).into()),
        family: family.into(),
        operation: "get subscription".into(),
        changing: n == 1,
        status,
        code: (status == Some(400)).then_some(800_001),
        request_id: Uuid::from_u128(n),
        correlation_id: Uuid::from_u128(n + 100),
        microseconds: 1_234,
        attempt: 2,
    }
}

pub(crate) async fn calls_are_logged_in_order_and_counted(store: Arc<dyn Store>) {
    let (orders, users) = ("orders", "users");
    store.append_calls(vec![call(1, users, Some(200)), call(2, orders, None)]).await.unwrap();
    let more = [Some(429), Some(503), Some(400), Some(429)];
    store.append_calls((3..).zip(more).map(|(n, status)| call(n, orders, status)).collect()).await.unwrap();
    store.append_calls(vec![]).await.unwrap();

    let all = store.calls(0, 100, None).await.unwrap();
    assert_eq!(all.iter().map(|row| row.call.request_id.as_u128()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(all[0].call, call(1, users, Some(200)));
    assert_eq!(all[4].call, call(5, orders, Some(400)));
    let page = store.calls(all[1].position, 2, None).await.unwrap();
    assert_eq!(page.iter().map(|row| row.call.request_id.as_u128()).collect::<Vec<_>>(), [3, 4]);
    let of_one = store.calls(0, 9, Some(migration(4))).await.unwrap();
    assert_eq!(of_one.len(), 1);
    assert_eq!(of_one[0].call, call(4, orders, Some(503)));
    let count = |family: &str, calls, throttled, failed| CallCount {
        family: family.into(),
        calls,
        throttled,
        failed,
    };
    assert_eq!(store.call_counts().await.unwrap(), [count(orders, 5, 2, 2), count(users, 1, 0, 0)]);
}

pub(crate) async fn a_dead_letter_is_kept_with_its_reason(store: Arc<dyn Store>) {
    let letter = |n: u8| DeadLetter {
        service: HERE,
        at: at(10 - i64::from(n)),
        reason: format!("reason {n}"),
        bytes: Arc::from([0xFF, 0, n]),
    };
    for n in 0..3 {
        commit(&*store, Unit { dead_letter: Some(letter(n)), ..unit() }).await;
    }
    let kept = store.dead_letters(2).await.unwrap();
    assert_eq!(kept.iter().map(said).collect::<Vec<_>>(), [letter(0), letter(1)]);
    // Removed by its place, by its own service only.
    store.remove_dead_letter(Service::Control, kept[0].position).await.unwrap();
    store.remove_dead_letter(HERE, kept[1].position).await.unwrap();
    store.remove_dead_letter(HERE, kept[1].position).await.unwrap();
    let left = store.dead_letters(9).await.unwrap();
    assert_eq!(left.iter().map(said).collect::<Vec<_>>(), [letter(0), letter(2)]);
    assert!(left[0].position < left[1].position);
}

fn said(kept: &LoggedDeadLetter) -> DeadLetter {
    let LoggedDeadLetter { service, at, reason, bytes, .. } = kept.clone();
    DeadLetter { service, at, reason, bytes }
}

pub(crate) async fn what_waits_is_counted(store: Arc<dyn Store>) {
    assert_eq!(store.backlog(HERE, at(9)).await.unwrap(), Backlog::default());
    let one = migration(1);
    let parts = [("held", 1), ("due", 3), ("also due", 2), ("later", 99)];
    let work = parts.iter().map(|(part, due)| put(one, part, Some(at(*due)))).collect();
    change(&*store, work).await;
    change(&*store, vec![put(one, "settled", None)]).await;
    store.claim_work(HERE, at(1), at(60), 1).await.unwrap();
    let letter = DeadLetter { service: HERE, at: at(0), reason: "why".into(), bytes: Arc::from(*b"what") };
    let said = |events| Unit { events, dead_letter: Some(letter.clone()), ..unit() };
    commit(&*store, said(vec![event(1, one), event(2, one)])).await;
    let expected = Backlog {
        outbox: 2,
        oldest_event: Some(at(0)),
        work_due: 2,
        oldest_due: Some(at(2)),
        work_held: 1,
        dead_letters: 1,
    };
    assert_eq!(store.backlog(HERE, at(9)).await.unwrap(), expected);
    assert_eq!(store.backlog(Service::Purchase, at(9)).await.unwrap(), Backlog::default());
    // A lease that ran out is nobody's.
    let later = store.backlog(HERE, at(60)).await.unwrap();
    assert_eq!((later.work_due, later.oldest_due, later.work_held), (3, Some(at(1)), 0));
    let taken = store.claim_outbox(HERE, at(0), at(60), 9).await.unwrap();
    store.clear_outbox(HERE, &taken.iter().map(|row| row.position).collect::<Vec<_>>()).await.unwrap();
    let cleared = store.backlog(HERE, at(9)).await.unwrap();
    assert_eq!((cleared.outbox, cleared.oldest_event), (0, None));
}

pub(crate) async fn odd_text_and_far_times_come_back_as_they_went(store: Arc<dyn Store>) {
    let one = migration(1);
    let text =
        "{\"it's\":\"\\\"quoted\\\" – naïve 🦀 \\u0000 \\n\", \"%\": null}\u{1F600}'; drop table work; --";
    let precise = Timestamp::from_nanosecond(1_800_000_000_123_456_789).unwrap();
    let whole = Unit {
        ledger: Some(LedgerWrite { stage: text.into(), ..ledger(one, 0, "a") }),
        work: vec![
            seatshift_store::WorkChange::Put {
                migration: one,
                part: text.into(),
                expected: None,
                body: text.into(),
                due: Some(precise),
            },
            put(migration(2), "never", Some(Timestamp::MAX)),
            put(migration(3), "always", Some(Timestamp::MIN)),
        ],
        records: vec![record(text, None, Some(text))],
        ..unit()
    };
    commit(&*store, whole).await;
    assert_eq!(store.ledgers(HERE, &[one]).await.unwrap()[0].stage, text);
    let row = only_row(&*store, one).await;
    assert_eq!((row.part.as_str(), row.body.as_str(), row.due), (text, text, Some(precise)));
    let stored = store.record("row", text).await.unwrap().unwrap();
    assert_eq!((stored.key.as_str(), stored.body.as_str()), (text, text));
    let claimed = store.claim_work(HERE, precise, Timestamp::MAX, 9).await.unwrap();
    assert_eq!(parts(&claimed), ["always", text]);
}

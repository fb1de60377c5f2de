//! Outbox and event log.

use std::sync::Arc;

use seatshift_messages::{MigrationId, Service};
use seatshift_store::{Committed, OutboxRow, Settled, Store, Unit};

use crate::given::*;

async fn say(store: &dyn Store, events: &[(u32, MigrationId)]) {
    let events = events.iter().map(|(n, migration)| event(*n, *migration)).collect();
    commit(store, Unit { events, ..unit() }).await;
}

async fn take(store: &dyn Store, now: i64) -> Vec<OutboxRow> {
    store.claim_outbox(HERE, at(now), at(now + 60), 100).await.unwrap()
}

fn numbers(rows: &[OutboxRow]) -> Vec<u128> {
    rows.iter().map(|row| row.id.0.as_u128() - 0xE000).collect()
}

pub(crate) async fn events_keep_their_order_of_commit(store: Arc<dyn Store>) {
    let (one, two) = (migration(1), migration(2));
    say(&*store, &[(7, two), (3, one)]).await;
    let units = [9, 1].map(|n| Unit { events: vec![event(n, one)], ..unit() });
    store.commit(units.into()).await.unwrap();
    assert_eq!(numbers(&store.claim_outbox(HERE, at(0), at(60), 3).await.unwrap()), [7, 3, 9]);
    let rest = take(&*store, 0).await;
    assert_eq!(numbers(&rest), [1]);
    assert_eq!(rest[0].bytes[..], event(1, one).to_bytes()[..], "the same bytes everywhere");
    let log = store.events(0, 100, None).await.unwrap();
    let expected = [event(7, two), event(3, one), event(9, one), event(1, one)].map(|event| event.to_bytes());
    assert_eq!(log.iter().map(|row| row.bytes.to_vec()).collect::<Vec<_>>(), expected);
    assert!(log.windows(2).all(|pair| pair[0].position < pair[1].position));
}

pub(crate) async fn a_held_event_is_not_handed_out_until_its_lease_ends(store: Arc<dyn Store>) {
    say(&*store, &[(1, migration(1))]).await;
    assert_eq!(numbers(&take(&*store, 0).await), [1]);
    assert!(take(&*store, 59).await.is_empty());
    assert_eq!(numbers(&take(&*store, 60).await), [1]);
}

pub(crate) async fn a_published_event_leaves_the_outbox_and_stays_in_the_log(store: Arc<dyn Store>) {
    say(&*store, &[(1, migration(1)), (2, migration(1))]).await;
    let taken = take(&*store, 0).await;
    store.clear_outbox(HERE, &[taken[0].position]).await.unwrap();
    store.clear_outbox(HERE, &[]).await.unwrap();
    store.clear_outbox(HERE, &[taken[0].position, 999]).await.unwrap();
    assert_eq!(numbers(&take(&*store, 100).await), [2]);
    assert_eq!(store.events(0, 10, None).await.unwrap().len(), 2);
    say(&*store, &[(3, migration(1))]).await;
    assert!(take(&*store, 100).await[0].position > taken[1].position, "positions are not used again");
}

pub(crate) async fn an_event_given_back_comes_again_in_its_place(store: Arc<dyn Store>) {
    say(&*store, &[(1, migration(1)), (2, migration(1)), (3, migration(1))]).await;
    let taken = take(&*store, 0).await;
    store.release_outbox(HERE, &[taken[1].position, taken[0].position]).await.unwrap();
    assert_eq!(numbers(&take(&*store, 0).await), [1, 2]);
}

pub(crate) async fn each_service_publishes_its_own_events(store: Arc<dyn Store>) {
    say(&*store, &[(1, migration(1))]).await;
    for service in [Service::Control, Service::Purchase, Service::Suspension] {
        assert!(store.claim_outbox(service, at(0), at(60), 10).await.unwrap().is_empty());
        store.clear_outbox(service, &[1]).await.unwrap();
    }
    assert_eq!(numbers(&take(&*store, 0).await), [1]);
}

pub(crate) async fn a_take_over_frees_held_events(store: Arc<dyn Store>) {
    say(&*store, &[(1, migration(1)), (2, migration(1))]).await;
    let taken = take(&*store, 0).await;
    store.clear_outbox(HERE, &[taken[0].position]).await.unwrap();
    store.take_over().await.unwrap();
    assert_eq!(numbers(&take(&*store, 0).await), [2]);
}

pub(crate) async fn the_log_is_read_in_pages_and_by_subject(store: Arc<dyn Store>) {
    let (one, two) = (migration(1), migration(2));
    say(&*store, &[(1, one), (2, two), (3, one), (4, two), (5, one)]).await;
    let first = store.events(0, 2, None).await.unwrap();
    let next = store.events(first[1].position, 2, None).await.unwrap();
    assert_eq!((first.len(), next.len()), (2, 2));
    assert_eq!(next[0].bytes[..], event(3, one).to_bytes()[..]);
    let of_one = store.events(0, 2, Some(one.0)).await.unwrap();
    let rest = store.events(of_one[1].position, 9, Some(one.0)).await.unwrap();
    assert_eq!(of_one[1].bytes[..], event(3, one).to_bytes()[..]);
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].bytes[..], event(5, one).to_bytes()[..]);
    assert!(store.events(rest[0].position, 9, None).await.unwrap().is_empty());
    assert!(store.events(u64::MAX, 9, None).await.unwrap().is_empty());
}

pub(crate) async fn an_exchange_clears_gives_back_and_takes(store: Arc<dyn Store>) {
    let all: Vec<_> = (1..=5).map(|n| (n, migration(1))).collect();
    say(&*store, &all).await;
    let taken = store.claim_outbox(HERE, at(0), at(60), 4).await.unwrap();
    let at_place = |n: usize| taken[n].position;
    let (clear, release) = ([at_place(0), at_place(1), 9_999], [at_place(3)]);
    let next = store
        .exchange_outbox(HERE, Settled { clear: &clear, release: &release }, at(0), at(60), 9)
        .await
        .unwrap();
    assert_eq!(numbers(&next), [4, 5], "the third is still held");
    assert_eq!(next[0].bytes[..], event(4, migration(1)).to_bytes()[..]);
    // What is cleared is not handed out again, not even when its lease has run out.
    let clear: Vec<_> = next.iter().map(|row| row.position).collect();
    let cleared = Settled { clear: &clear, release: &[] };
    assert_eq!(numbers(&store.exchange_outbox(HERE, cleared, at(60), at(90), 9).await.unwrap()), [3]);
    let cleared = Settled { clear: &[at_place(2)], release: &[] };
    assert!(store.exchange_outbox(HERE, cleared, at(99), at(100), 9).await.unwrap().is_empty());
    assert!(take(&*store, 1_000).await.is_empty());
}

pub(crate) async fn an_event_that_was_heard_is_logged_once_and_not_published(store: Arc<dyn Store>) {
    let one = migration(1);
    let heard = |n: u32, m: u32| Unit {
        consumed: Some((event_id(500 + u128::from(n)), at(0))),
        heard: Some(event(m, one)),
        ..unit()
    };
    let told = store.commit(vec![heard(1, 7), heard(2, 7), heard(3, 8)]).await.unwrap();
    assert!(told.iter().all(|told| *told == Committed::Done));
    commit(&*store, Unit { events: vec![event(1, one)], ..heard(4, 8) }).await;
    // A duplicate is not heard.
    assert_eq!(commit(&*store, heard(4, 9)).await, Committed::Duplicate);
    let log = store.events(0, 99, Some(one.0)).await.unwrap();
    let bytes: Vec<_> = [7, 8, 1].map(|n| event(n, one).to_bytes()).into();
    assert_eq!(log.iter().map(|row| row.bytes.to_vec()).collect::<Vec<_>>(), bytes);
    assert_eq!(numbers(&take(&*store, 0).await), [1]);
}

//! Several replicas on one database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use seatshift_messages::{MigrationId, Service};
use seatshift_store::{Changes, Committed, DeadLetter, PgStore, Settled, Store, Unit};

use super::Database;
use crate::given::*;

async fn two() -> ([Arc<PgStore>; 2], Database) {
    let database = Database::borrowed().await;
    let stores = [Arc::new(database.open_for(HERE).await), Arc::new(database.open_for(HERE).await)];
    (stores, database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_replicas_one_wins_also_where_nothing_stands_yet() {
    let (stores, _database) = two().await;
    for round in 0..8 {
        let one = migration(round);
        for expected in 0..2 {
            let racers = (0..8).map(|n| {
                let store = Arc::clone(&stores[n % 2]);
                let unit = Unit {
                    ledger: Some(ledger(one, expected, &format!("racer-{n}"))),
                    // In every other round the ledger has to hold alone.
                    work: (round % 2 == 0)
                        .then(|| put_on(one, "order", Some(expected), None))
                        .into_iter()
                        .collect(),
                    events: vec![event(1_000 * round as u32 + 10 * n as u32 + expected as u32, one)],
                    ..unit()
                };
                tokio::spawn(async move { commit(&*store, unit).await })
            });
            let told: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(told.iter().filter(|told| **told == Committed::Done).count(), 1, "{told:?}");
            assert!(!told.contains(&Committed::Duplicate));
        }
        let store = &stores[0];
        assert_eq!(store.ledgers(HERE, &[one]).await.unwrap()[0].version, 2);
        if round % 2 == 0 {
            assert_eq!(only_row(&**store, one).await.version, 2);
        }
        assert_eq!(store.events(0, 99, Some(one.0)).await.unwrap().len(), 2, "the losers said nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_reaches_two_replicas_at_once_is_consumed_once() {
    let (stores, _database) = two().await;
    for round in 0..10 {
        // Nothing else in it collides: the inbox alone decides.
        let racers = (0..6_u32).map(|n| {
            let store = Arc::clone(&stores[n as usize % 2]);
            let unit = Unit {
                consumed: Some((event_id(round), at(0))),
                events: vec![event(10 * round as u32 + n, migration(round))],
                ..unit()
            };
            tokio::spawn(async move { commit(&*store, unit).await })
        });
        let told: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(told.iter().filter(|told| **told == Committed::Done).count(), 1, "{told:?}");
        assert!(!told.contains(&Committed::Stale));
    }
    assert_eq!(stores[0].events(0, 99, None).await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn big_batches_in_opposite_order_do_not_stand_in_each_others_way() {
    let (stores, _database) = two().await;
    let rounds = (0..6_u32).map(|round| {
        let store = Arc::clone(&stores[round as usize % 2]);
        tokio::spawn(async move {
            let mut ids: Vec<u128> = (0..60).collect();
            if round % 2 == 0 {
                ids.reverse();
            }
            let units = ids.into_iter().map(|id| Unit {
                consumed: Some((event_id(1_000 * u128::from(round) + id), at(0))),
                work: vec![put(migration(id), "order", Some(at(0)))],
                records: vec![record(&format!("{id}"), None, Some("{}"))],
                ..unit()
            });
            store.commit(units.collect()).await.unwrap()
        })
    });
    for told in join_all(rounds).await {
        assert!(told.unwrap().iter().all(|told| *told == Committed::Done));
    }
    let versions: BTreeSet<u64> =
        stores[0].records("row", None, 99).await.unwrap().iter().map(|row| row.version).collect();
    assert_eq!(versions, [6].into());
    assert_eq!(only_row(&*stores[1], migration(7)).await.version, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_of_replicas_never_overlap() {
    let (stores, _database) = two().await;
    let work = (0..120).map(|n| put(migration(n), "order", Some(at(0)))).collect();
    let events = (0..120).map(|n| event(n, migration(1))).collect();
    commit(&*stores[0], Unit { work, events, ..unit() }).await;
    let claims = (0..8).map(|n| {
        let store = Arc::clone(&stores[n % 2]);
        tokio::spawn(async move {
            let work = store.claim_work(HERE, at(0), at(60), 20).await.unwrap();
            let events = store.exchange_outbox(HERE, Settled::default(), at(0), at(60), 20).await.unwrap();
            (work, events)
        })
    });
    let (mut work, mut events) = (vec![], vec![]);
    for claimed in join_all(claims).await {
        let (some_work, some_events) = claimed.unwrap();
        work.extend(some_work.into_iter().map(|row| row.migration));
        events.extend(some_events.into_iter().map(|row| row.position));
    }
    assert_eq!((work.len(), events.len()), (120, 120), "eight times twenty were asked");
    assert_eq!(BTreeSet::from_iter(work).len(), 120);
    assert_eq!(BTreeSet::from_iter(events).len(), 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_of_another_replica_never_takes_a_lease_away() {
    let (stores, _database) = two().await;
    for round in 0..30 {
        let one = migration(round);
        change(&*stores[0], vec![put(one, "order", Some(at(0)))]).await;
        let (claiming, waking) = (Arc::clone(&stores[0]), Arc::clone(&stores[1]));
        let claiming = tokio::spawn(async move { claim(&*claiming, 0).await.len() });
        let waking = tokio::spawn(async move { change(&*waking, vec![wake(one, "order", at(-5))]).await });
        let claimed = claiming.await.unwrap();
        assert_eq!(waking.await.unwrap(), Committed::Done);
        let again = claim(&*stores[1], 0).await.len();
        assert_eq!(claimed + again, 1, "held by exactly one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_control_misses_nothing() {
    let database = Database::borrowed().await;
    let stores = join_all((0..3).map(|_| database.open_for(Service::Control))).await;
    let stores: Vec<_> = stores.into_iter().map(Arc::new).collect();
    let done = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(Arc::clone(&stores[2]), Arc::clone(&done)));
    let writers = (0..4_u128).map(|writer| {
        let store = Arc::clone(&stores[writer as usize % 2]);
        tokio::spawn(async move {
            for n in 0..25 {
                // Each on its own ledgers, in batches that take different times.
                let units = (0..=writer).map(|m| Unit {
                    ledger: Some(ledger(migration(100 * writer + m), n, "a")),
                    events: vec![event(
                        (10_000 * writer + 100 * u128::from(n) + m) as u32,
                        migration(writer),
                    )],
                    ..Unit::new(Service::Control)
                });
                let told = store.commit(units.collect()).await.unwrap();
                assert!(told.iter().all(|told| *told == Committed::Done));
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let (ledgers, events) = follower.await.unwrap();
    assert_eq!(events, 25 * 10, "each event once");
    assert_eq!(ledgers.len(), 10);
    assert!(ledgers.values().all(|version| *version == 25), "{ledgers:?}");
    let last = stores[0].last_change(Service::Control).await.unwrap();
    assert!(stores[0].changed_ledgers(Service::Control, last, 9).await.unwrap().is_empty());
    let newest = stores[0].changed_ledgers(Service::Control, last - 1, 9).await.unwrap();
    assert_eq!(newest.iter().map(|row| row.number).collect::<Vec<_>>(), [last]);
}

/// Ledger versions and the number of events, by looking only at what is new.
async fn follow(store: Arc<PgStore>, done: Arc<AtomicBool>) -> (BTreeMap<MigrationId, u64>, usize) {
    let (mut ledgers, mut events) = (BTreeMap::new(), 0);
    let (mut change, mut position) = (0, 0);
    loop {
        let last = done.load(Ordering::SeqCst);
        let changed = store.changed_ledgers(Service::Control, change, 7).await.unwrap();
        let logged = store.events(position, 7, None).await.unwrap();
        if last && changed.is_empty() && logged.is_empty() {
            return (ledgers, events);
        }
        let changed_ids: Vec<MigrationId> = changed.iter().map(|row| row.migration).collect();
        let stages = store.without_instructions(Service::Control, &changed_ids).await.unwrap();
        assert_eq!(stages.len(), changed.len());
        for row in changed {
            assert!(row.number > change);
            change = row.number;
            let stage = stages.iter().find(|stage| stage.migration == row.migration).unwrap();
            assert!(stage.version >= row.version, "what is read later is no older");
            ledgers.insert(row.migration, row.version);
        }
        events += logged.len();
        position = logged.last().map_or(position, |row| row.position);
    }
}

#[tokio::test]
async fn old_events_are_forgotten_in_chunks() {
    let database = Database::borrowed().await;
    let store = database.open_for(HERE).await;
    let consumed = |n: u32| Unit { consumed: Some((event_id(n.into()), at(n.into()))), ..unit() };
    store.commit((0..10).map(consumed).collect()).await.unwrap();
    assert_eq!(store.clean(at(7), 5).await.unwrap(), 5);
    assert_eq!(store.clean(at(7), 5).await.unwrap(), 2);
    assert_eq!(store.clean(at(7), 5).await.unwrap(), 0);
    let left = store.consumed(HERE, &(0..10).map(event_id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(left, [7, 8, 9].map(event_id));
    assert_eq!(commit(&store, consumed(8)).await, Committed::Duplicate);
}

#[tokio::test]
async fn an_unprintable_reason_does_not_stop_a_service() {
    let database = Database::borrowed().await;
    let store = database.open_for(HERE).await;
    let letter = DeadLetter { service: HERE, at: at(0), reason: "zero: \0".into(), bytes: Arc::from(*b"\0") };
    assert_eq!(commit(&store, Unit { dead_letter: Some(letter), ..unit() }).await, Committed::Done);
    assert_eq!(store.dead_letters(1).await.unwrap()[0].reason, "zero: \u{FFFD}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_held_by_one_and_ends_with_its_holder() {
    let (stores, _database) = two().await;
    let held = stores[0].lock("control-acts").await.unwrap().unwrap();
    assert!(stores[1].lock("control-acts").await.unwrap().is_none());
    assert!(stores[0].lock("control-acts").await.unwrap().is_none(), "not even the same process");
    assert!(stores[1].lock("something else").await.unwrap().is_some());
    assert!(!held.is_lost());
    drop(held);
    let mut again = None;
    while again.is_none() {
        again = stores[1].lock("control-acts").await.unwrap();
    }
    // The server ends the session: the holder is told.
    let kill =
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 1397047636
                and database = (select oid from pg_database where datname = current_database())";
    sqlx::query(kill).execute(&mut _database.admin().await).await.unwrap();
    let held = again.unwrap();
    held.lost().await;
    assert!(held.is_lost());
}

//! Work: due times, leases, and what is told about those that were cut off.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use seatshift_store::{Committed, Store};

use crate::given::*;

pub(crate) async fn due_work_comes_oldest_first(store: Arc<dyn Store>) {
    let (one, two) = (migration(1), migration(2));
    change(
        &*store,
        vec![
            put(two, "b", Some(at(3))),
            put(two, "a", Some(at(3))),
            put(one, "z", Some(at(3))),
            put(one, "late", Some(at(4))),
            put(two, "early", Some(at(1))),
            put(one, "never", None),
        ],
    )
    .await;
    let first = store.claim_work(HERE, at(3), at(60), 2).await.unwrap();
    assert_eq!(parts(&first), ["early", "z"]);
    assert!(first.iter().all(|row| !row.interrupted));
    assert_eq!(parts(&claim(&*store, 3).await), ["a", "b"]);
    assert_eq!(parts(&claim(&*store, 4).await), ["late"]);
    assert!(claim(&*store, 4).await.is_empty());
}

pub(crate) async fn held_work_is_not_handed_out_again(store: Arc<dyn Store>) {
    change(&*store, vec![put(migration(1), "order", Some(at(0)))]).await;
    assert_eq!(claim(&*store, 0).await.len(), 1);
    assert!(claim(&*store, 0).await.is_empty());
    assert!(claim(&*store, 59).await.is_empty());
}

pub(crate) async fn an_interrupted_lease_is_told(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", Some(at(0))), put(one, "other", Some(at(30)))]).await;
    claim(&*store, 0).await;
    let again = claim(&*store, 60).await;
    assert_eq!(parts(&again), ["order", "other"]);
    assert_eq!(again.iter().map(|row| row.interrupted).collect::<Vec<_>>(), [true, false]);
    // Whoever took it over and ends in silence too does not make it clean.
    assert!(claim(&*store, 120).await[0].interrupted);
    assert!(store.work(HERE, one).await.unwrap()[0].interrupted);
    change(&*store, vec![put(one, "order", Some(at(200)))]).await;
    let after = claim(&*store, 200).await;
    assert_eq!(parts(&after), ["other", "order"], "the other one was never settled and is older");
    assert_eq!(after.iter().map(|row| row.interrupted).collect::<Vec<_>>(), [true, false]);
}

pub(crate) async fn a_take_over_cuts_off_every_lease(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "held", Some(at(0))), put(one, "waiting", Some(at(1)))]).await;
    claim(&*store, 0).await;
    store.take_over().await.unwrap();
    let rows = claim(&*store, 1).await;
    assert_eq!(parts(&rows), ["held", "waiting"]);
    assert_eq!(rows.iter().map(|row| row.interrupted).collect::<Vec<_>>(), [true, false]);
}

pub(crate) async fn writing_the_row_ends_its_lease(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", Some(at(0)))]).await;
    let held = claim(&*store, 0).await.remove(0);
    assert_eq!(
        change(&*store, vec![put_on(one, "order", Some(held.version), Some(at(5)))]).await,
        Committed::Done
    );
    assert!(claim(&*store, 4).await.is_empty());
    let next = claim(&*store, 5).await.remove(0);
    assert_eq!((next.version, next.interrupted), (held.version + 1, false));
}

pub(crate) async fn saving_an_intent_keeps_lease_and_due_time(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", Some(at(0)))]).await;
    let held = claim(&*store, 0).await.remove(0);
    assert_eq!(
        change(&*store, vec![save(one, "order", held.version, "{\"sent\":true}")]).await,
        Committed::Done
    );
    assert!(claim(&*store, 1).await.is_empty(), "still held");
    let row = only_row(&*store, one).await;
    assert_eq!((row.due, row.version, row.interrupted), (Some(at(0)), held.version + 1, false));
    let taken = claim(&*store, 60).await.remove(0);
    assert_eq!((taken.body.as_str(), taken.interrupted), ("{\"sent\":true}", true));
    // The holder of before cannot write any more: the version it knows has gone by.
    assert_eq!(change(&*store, vec![put_on(one, "order", Some(held.version), None)]).await, Committed::Stale);
}

pub(crate) async fn a_wake_only_makes_it_earlier(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", Some(at(10)))]).await;
    change(&*store, vec![wake(one, "order", at(20))]).await;
    assert_eq!(only_row(&*store, one).await.due, Some(at(10)));
    change(&*store, vec![wake(one, "order", at(5))]).await;
    let row = only_row(&*store, one).await;
    assert_eq!((row.due, row.version), (Some(at(5)), 1));
    change(&*store, vec![put(one, "order", None), wake(one, "order", at(7))]).await;
    assert_eq!(parts(&claim(&*store, 7).await), ["order"], "also what was not due at all");
}

pub(crate) async fn a_wake_under_a_lease_waits_for_the_holder(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "order", Some(at(10)))]).await;
    let held = claim(&*store, 10).await.remove(0);
    change(&*store, vec![wake(one, "order", at(5))]).await;
    assert_eq!(only_row(&*store, one).await.due, Some(at(5)));
    assert!(claim(&*store, 20).await.is_empty(), "the lease stays");
    let settled = change(&*store, vec![put_on(one, "order", Some(held.version), Some(at(40)))]).await;
    assert_eq!(settled, Committed::Done, "the version stays");
    assert!(claim(&*store, 39).await.is_empty(), "what the holder says last wins");
    assert_eq!(claim(&*store, 40).await.len(), 1);
}

pub(crate) async fn a_wake_of_nothing_does_nothing(store: Arc<dyn Store>) {
    assert_eq!(change(&*store, vec![wake(migration(1), "order", at(0))]).await, Committed::Done);
    assert!(store.work(HERE, migration(1)).await.unwrap().is_empty());
    assert!(claim(&*store, 0).await.is_empty());
}

pub(crate) async fn settled_work_is_remembered_and_never_due(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "chunk-2", Some(at(0))), put(one, "chunk-1", Some(at(0)))]).await;
    change(&*store, vec![put(migration(2), "chunk-0", None)]).await;
    claim(&*store, 0).await;
    change(&*store, vec![put(one, "chunk-2", None)]).await;
    let rows = store.work(HERE, one).await.unwrap();
    assert_eq!(parts(&rows), ["chunk-1", "chunk-2"]);
    assert_eq!((rows[1].due, rows[1].interrupted), (None, false));
    store.take_over().await.unwrap();
    assert_eq!(parts(&claim(&*store, 99_999).await), ["chunk-1"]);
}

pub(crate) async fn removed_work_is_gone(store: Arc<dyn Store>) {
    let one = migration(1);
    change(&*store, vec![put(one, "a", Some(at(0))), put(one, "b", Some(at(0)))]).await;
    claim(&*store, 0).await;
    assert_eq!(
        change(&*store, vec![remove(one, "a", Some(1)), remove(one, "none", None)]).await,
        Committed::Done
    );
    assert_eq!(only_row(&*store, one).await.part, "b");
    store.take_over().await.unwrap();
    assert_eq!(parts(&claim(&*store, 0).await), ["b"]);
}

pub(crate) async fn the_next_due_time_is_told(store: Arc<dyn Store>) {
    let one = migration(1);
    assert_eq!(store.next_due(HERE).await.unwrap(), None);
    change(&*store, vec![put(one, "b", Some(at(20))), put(one, "a", Some(at(10))), put(one, "n", None)])
        .await;
    assert_eq!(store.next_due(HERE).await.unwrap(), Some(at(10)));
    claim(&*store, 10).await;
    assert_eq!(store.next_due(HERE).await.unwrap(), Some(at(20)), "the held one is not next");
    claim(&*store, 20).await;
    assert_eq!(store.next_due(HERE).await.unwrap(), Some(at(70)), "a held one comes due when its lease ends");
    change(&*store, vec![put(one, "a", None), put(one, "b", None)]).await;
    assert_eq!(store.next_due(HERE).await.unwrap(), None);
    change(&*store, vec![put(one, "a", Some(at(90)))]).await;
    store.claim_work(HERE, at(90), at(80), 9).await.unwrap();
    assert_eq!(store.next_due(HERE).await.unwrap(), Some(at(90)), "never before its own time");
}

pub(crate) async fn claims_never_overlap(store: Arc<dyn Store>) {
    let rows = (0..40).map(|n| put(migration(n), "order", Some(at(0)))).collect();
    change(&*store, rows).await;
    let claims = (0..10).map(|_| {
        let store = Arc::clone(&store);
        async move { store.claim_work(HERE, at(0), at(60), 7).await.unwrap() }
    });
    let claimed: Vec<_> = join_all(claims).await.concat();
    let distinct: BTreeSet<_> = claimed.iter().map(|row| row.migration).collect();
    assert_eq!((claimed.len(), distinct.len()), (40, 40));
}

//! What the engine with a file promises beside: durability, and company.

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use seatshift_store::{Committed, LedgerWrite, Options, SqliteStore, Store, StoreError, Unit};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::given::*;

fn whole(n: u32, expected: u64) -> Unit {
    let one = migration(1);
    Unit {
        consumed: Some((event_id(1_000 + u128::from(n)), at(0))),
        ledger: Some(LedgerWrite { instruction: Some(instruction(50)), ..ledger(one, expected, "buying") }),
        work: vec![put(one, &format!("chunk-{n:04}"), Some(at(n.into())))],
        events: vec![event(n, one)],
        records: vec![record(&format!("{n}"), Some(0), Some("{}"))],
        ..unit()
    }
}

async fn stands(store: &SqliteStore, n: u32) {
    let one = migration(1);
    let rows = store.ledgers(HERE, &[one]).await.unwrap();
    assert_eq!(rows[0].version, u64::from(n));
    assert_eq!(rows[0].instruction, Some(instruction(50)));
    assert_eq!(store.work(HERE, one).await.unwrap().len(), n as usize);
    assert_eq!(store.events(0, 100, Some(one.0)).await.unwrap().len(), n as usize);
    assert_eq!(store.claim_outbox(HERE, at(0), at(0), 100).await.unwrap().len(), n as usize);
    assert_eq!(store.records("row", None, 100).await.unwrap().len(), n as usize);
    assert_eq!(commit(store, whole(n, u64::from(n))).await, Committed::Duplicate);
}

#[tokio::test]
async fn what_was_committed_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    for n in 1..=4 {
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(commit(&store, whole(n, u64::from(n) - 1)).await, Committed::Done);
        if n % 2 == 0 {
            store.close().await.unwrap();
        }
        // Else dropped without a word.
        stands(&SqliteStore::open(&path).await.unwrap(), n).await;
    }
}

/// The files as a power cut or a kill would leave them, copied while the writer still has them open.
#[tokio::test]
async fn a_copy_taken_while_it_was_open_holds_everything_committed() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db")).await.unwrap();
    for n in 1..=3 {
        commit(&store, whole(n, u64::from(n) - 1)).await;
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    commit(&store, whole(4, 3)).await;
    stands(&SqliteStore::open(copy.path().join("store.db")).await.unwrap(), 3).await;
}

#[tokio::test]
async fn a_torn_last_transaction_is_as_if_it_had_never_been() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db")).await.unwrap();
    for n in 1..=2 {
        commit(&store, whole(n, u64::from(n) - 1)).await;
    }
    let before = std::fs::metadata(dir.path().join("store.db-wal")).unwrap().len();
    commit(&store, whole(3, 2)).await;
    let after = std::fs::metadata(dir.path().join("store.db-wal")).unwrap().len();
    assert!(after > before, "the third commit is in the log");
    // Cut inside each page of what the third commit wrote.
    for length in (before..after).step_by(4_096) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let log = std::fs::OpenOptions::new().write(true).open(copy.path().join("store.db-wal")).unwrap();
        log.set_len(length).unwrap();
        stands(&SqliteStore::open(copy.path().join("store.db")).await.unwrap(), 2).await;
    }
}

#[tokio::test]
async fn a_commit_that_was_given_up_leaves_the_store_usable() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db")).await.unwrap();
    let one = migration(1);
    let mut version = 0;
    for polls in 0..60 {
        let write = Unit { ledger: Some(ledger(one, version, "a")), ..unit() };
        let mut writing = Box::pin(store.commit(vec![write]));
        for _ in 0..polls {
            if futures::poll!(&mut writing).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(writing);
        // Whole or not at all, and the next writer finds no open transaction.
        let rows = store.ledgers(HERE, &[one]).await.unwrap();
        let found = rows.first().map_or(0, |row| row.version);
        let next = Unit { ledger: Some(ledger(one, found, "b")), ..unit() };
        match commit(&store, next).await {
            Committed::Done => version = found + 1,
            // What was given up was under way and landed between the read and this.
            Committed::Stale => version = store.ledgers(HERE, &[one]).await.unwrap()[0].version,
            Committed::Duplicate => panic!("nothing was consumed"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_on_one_file_see_each_other_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (a, b) = tokio::join!(SqliteStore::open(&path), SqliteStore::open(&path));
    let (a, b) = (Arc::new(a.unwrap()), Arc::new(b.unwrap()));
    let writers = [(Arc::clone(&a), 0_u32), (Arc::clone(&b), 1_000)].map(|(store, from)| {
        tokio::spawn(async move {
            for n in from..from + 100 {
                let said = Unit { events: vec![event(n, migration(n.into()))], ..unit() };
                assert_eq!(commit(&*store, said).await, Committed::Done);
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(a.events(0, 1_000, None).await.unwrap(), b.events(0, 1_000, None).await.unwrap());
    let mut taken: Vec<_> = a.claim_outbox(HERE, at(0), at(60), 150).await.unwrap();
    taken.extend(b.claim_outbox(HERE, at(0), at(60), 150).await.unwrap());
    taken.sort_by_key(|row| row.position);
    taken.dedup_by_key(|row| row.position);
    assert_eq!(taken.len(), 200);
    // A race for one row has one winner, also across handles.
    let write = || Unit { ledger: Some(ledger(migration(1), 0, "a")), ..unit() };
    let (one, other) = tokio::join!(commit(&*a, write()), commit(&*b, write()));
    assert!(matches!(
        (one, other),
        (Committed::Done, Committed::Stale) | (Committed::Stale, Committed::Done)
    ));
}

#[tokio::test]
async fn many_may_open_a_new_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let opened = join_all((0..6).map(|_| SqliteStore::open(&path))).await;
    let refused: Vec<_> = opened.into_iter().filter_map(Result::err).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_another_process_is_writing_is_told_as_unreachable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let options = Options { busy_timeout: std::time::Duration::from_millis(20), ..Options::default() };
    let store = SqliteStore::open_in(&path, options).await.unwrap();
    let mut other = raw(&path).await;
    let held = other.begin_with("begin immediate").await.unwrap();
    let error = store.commit(vec![whole(1, 0)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(store.ledgers(HERE, &[migration(1)]).await.unwrap().is_empty(), "reading goes on");
    held.rollback().await.unwrap();
    assert_eq!(commit(&store, whole(1, 0)).await, Committed::Done);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    SqliteStore::open(&path).await.unwrap().close().await.unwrap();
    sqlx::query("pragma user_version = 99").execute(&mut raw(&path).await).await.unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("other.db");
    sqlx::query("create table theirs (a)").execute(&mut raw(&database).await).await.unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "not a database at all, but long enough to be looked at ".repeat(40)).unwrap();
    for path in [&database, &text] {
        let before = std::fs::read(path).unwrap();
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    // Also one that was made by hand, or copied.
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    commit(&store, whole(1, 0)).await;
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_services_of_one_file_keep_one_copy_of_an_instruction() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let told = |users| {
        let write = LedgerWrite { instruction: Some(instruction(users)), ..ledger(migration(1), 0, "a") };
        move |service| Unit { ledger: Some(write.clone()), ..Unit::new(service) }
    };
    use seatshift_messages::Service::{Control, Purchase, Reassignment, Suspension};
    let units = [Control, Purchase, Reassignment].map(told(30));
    store.commit(units.into()).await.unwrap();
    commit(&store, told(31)(Suspension)).await;
    let count: i64 = sqlx::query_scalar("select count(*) from instruction")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    assert_eq!(count, 2, "one for the three, one for the one that was told otherwise");
    for store in [store, SqliteStore::open(&path).await.unwrap()] {
        let users = |row: &seatshift_store::LedgerRow| row.instruction.as_ref().unwrap().users();
        assert_eq!(users(&store.ledgers(Purchase, &[migration(1)]).await.unwrap()[0]), 30);
        assert_eq!(users(&store.ledgers(Suspension, &[migration(1)]).await.unwrap()[0]), 31);
    }
}

/// The file as any other program sees it.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path).create_if_missing(true))
        .await
        .unwrap()
}

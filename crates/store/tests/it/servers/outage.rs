//! A database that goes away, and answers that are lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seatshift_servers::Postgres;
use seatshift_store::{Committed, PgOptions, PgStore, Store, StoreError, Unit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Database;
use crate::given::*;

fn step(expected: u64) -> Unit {
    Unit {
        ledger: Some(ledger(migration(1), expected, "a")),
        events: vec![event(expected as u32, migration(1))],
        ..unit()
    }
}

/// Until the database is back.
async fn commit_when_possible(store: &PgStore, unit: Unit) -> Committed {
    loop {
        match store.commit(vec![unit.clone()]).await {
            Ok(told) => return told[0],
            Err(StoreError::Unreachable { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_outlives_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Postgres::start(dir.path()).unwrap();
    server.create_database("seats").unwrap();
    let passwords: BTreeMap<_, _> = [(HERE.name().to_owned(), "it's a \\ password".to_owned().into())].into();
    PgStore::prepare(&server.admin_url("seats"), &passwords).await.unwrap();
    let mut options = PgOptions::new(
        format!("postgres://seatshift_reassignment@127.0.0.1:{}/seats", server.port()),
        [HERE],
    );
    let refused = PgStore::connect(&options).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable { .. }), "without its password: {refused:?}");
    options.password = passwords.get(HERE.name()).cloned();
    let store = PgStore::connect(&options).await.unwrap();
    let held = store.lock("acts").await.unwrap().unwrap();
    assert_eq!(commit(&store, step(0)).await, Committed::Done);

    server.kill();
    let error = store.commit(vec![step(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let error = store.ledgers(HERE, &[migration(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(store.ping().await.is_err());
    held.lost().await;

    server.restart().unwrap();
    assert_eq!(commit_when_possible(&store, step(1)).await, Committed::Done);
    assert_eq!(store.ledgers(HERE, &[migration(1)]).await.unwrap()[0].version, 2);
    assert!(store.lock("acts").await.unwrap().is_some());

    // A restart between two commits is not noticed at all: the first statement is tried on a new connection, also where
    // there may be only one.
    options.connections = 1;
    let narrow = PgStore::connect(&options).await.unwrap();
    server.restart().unwrap();
    assert_eq!(commit(&store, step(2)).await, Committed::Done);
    let committed = tokio::time::timeout(Duration::from_secs(60), commit(&narrow, step(3))).await;
    assert_eq!(committed.expect("it waits for a connection that it holds itself"), Committed::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_answer_does_not_come_is_given_up() {
    let database = Database::borrowed().await;
    let url = database.url();
    let port =
        passing_proxy(&url, |asked| asked.windows(20).any(|part| part == b"pg_try_advisory_lock")).await;
    let options = PgOptions { connect_timeout: Duration::from_secs(1), ..through(port, &url) };
    let store = PgStore::connect(&options).await.unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(60), store.lock("acts")).await;
    let error = taken.expect("it waits for ever").unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

/// Passes everything on, but for what is to get no answer.
async fn passing_proxy(url: &str, swallowed: fn(&[u8]) -> bool) -> u16 {
    let (port, listener, address) = proxy(url).await;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(async move {
                let (mut client_asks, mut client_hears) = client.into_split();
                let (mut server_answers, mut server_hears) = server.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut server_answers, &mut client_hears).await });
                let mut asked = vec![0; 65_536];
                while let Ok(length @ 1..) = client_asks.read(&mut asked).await {
                    if swallowed(&asked[..length]) {
                        // Neither passed on nor hung up.
                        std::future::pending::<()>().await;
                    }
                    if server_hears.write_all(&asked[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

async fn proxy(url: &str) -> (u16, TcpListener, String) {
    let address = url.split_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap().port(), listener, address)
}

/// The same database by another port.
fn through(port: u16, url: &str) -> PgOptions {
    let (head, tail) = url.rsplit_once(':').unwrap();
    let path = tail.split_once('/').unwrap().1;
    PgOptions::new(format!("{head}:{port}/{path}"), [HERE])
}

#[test]
fn a_frozen_holder_of_a_lock_loses_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (of_holder, of_other) = (runtime(), runtime());
    let database = of_other.block_on(Database::borrowed());
    let options = PgOptions { frozen_timeout: Duration::from_millis(1_500), ..database.options(&[HERE]) };
    let held = of_holder.block_on(async {
        let store = PgStore::connect(&options).await.unwrap();
        store.lock("acts").await.unwrap().unwrap()
    });
    // Nothing drives the holder any more: it is frozen.
    of_other.block_on(async {
        let store = database.open_for(HERE).await;
        let taken = async {
            while store.lock("acts").await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), taken).await.expect("it blocks everybody");
    });
    of_holder.block_on(held.lost());
    of_other.block_on(async { drop(database) });
}

/// A way to the database that breaks once, at a commit: before it is passed on, or after it was answered.
#[derive(Clone, Copy)]
enum Cut {
    Before,
    After,
}

async fn committing_through(cut: Cut) -> (Committed, Vec<u64>) {
    let database = Database::borrowed().await;
    let commits = Arc::new(AtomicU32::new(0));
    let port = cutting_proxy(&database.url(), cut, Arc::clone(&commits)).await;
    let store = PgStore::connect(&through(port, &database.url())).await.unwrap();
    let told = commit(&store, step(0)).await;
    assert!(commits.load(Ordering::SeqCst) >= 1, "the way was cut");
    assert_eq!(commit(&store, step(1)).await, Committed::Done, "it goes on");
    let versions =
        store.ledgers(HERE, &[migration(1)]).await.unwrap().iter().map(|row| row.version).collect();
    assert_eq!(store.events(0, 9, None).await.unwrap().len(), 2);
    (told, versions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_known_to_have_happened() {
    assert_eq!(committing_through(Cut::After).await, (Committed::Done, vec![2]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_repeated() {
    assert_eq!(committing_through(Cut::Before).await, (Committed::Done, vec![2]));
}

/// Passes everything on, but for the first commit, whose connection it cuts.
async fn cutting_proxy(url: &str, cut: Cut, commits: Arc<AtomicU32>) -> u16 {
    let (port, listener, address) = proxy(url).await;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(pass(client, server, cut, Arc::clone(&commits)));
        }
    });
    port
}

async fn pass(mut client: TcpStream, mut server: TcpStream, cut: Cut, commits: Arc<AtomicU32>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let is_commit = asked[..length].starts_with(b"Q") && asked[..length].ends_with(b"commit\0");
                if is_commit && commits.fetch_add(1, Ordering::SeqCst) == 0 {
                    if matches!(cut, Cut::After) {
                        server.write_all(&asked[..length]).await.unwrap();
                        assert!(server.read(&mut answered).await.unwrap() > 0);
                    }
                    return;
                }
                if server.write_all(&asked[..length]).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

#[tokio::test]
async fn a_statement_that_waits_too_long_is_given_up_and_may_be_repeated() {
    let database = Database::borrowed().await;
    let mut options = database.options(&[HERE]);
    options.lock_timeout = Duration::from_millis(20);
    options.frozen_timeout = Duration::from_millis(400);
    let store = PgStore::connect(&options).await.unwrap();
    assert_eq!(commit(&store, step(0)).await, Committed::Done);
    // A replica that was frozen in the midst of a transaction.
    let mut frozen = database.admin().await;
    for statement in [
        "set idle_in_transaction_session_timeout = 400",
        "begin",
        "select * from reassignment.ledger for update",
    ] {
        sqlx::raw_sql(statement).execute(&mut frozen).await.unwrap();
    }
    let error = store.commit(vec![step(1)]).await;
    // Either it gave up, or the server freed the row meanwhile.
    assert!(matches!(error, Err(StoreError::Unreachable { .. }) | Ok(_)), "{error:?}");
    assert!(store.ledgers(HERE, &[migration(1)]).await.is_ok(), "reading goes on");
    if error.is_err() {
        assert_eq!(commit_when_possible(&store, step(1)).await, Committed::Done);
    }
    assert_eq!(store.ledgers(HERE, &[migration(1)]).await.unwrap()[0].version, 2);
}

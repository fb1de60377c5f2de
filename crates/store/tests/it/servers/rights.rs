//! Preparing a database, and who may do what in it.

use std::collections::BTreeMap;

use futures::future::join_all;
use seatshift_messages::Service;
use seatshift_store::quota::{Ask, Mode, PgQuota, Rule};
use seatshift_store::{
    CallRow, Committed, DeadLetter, LedgerWrite, PgOptions, PgStore, Store, StoreError, Unit,
};
use sqlx::Executor;
use uuid::Uuid;

use super::Database;
use crate::given::*;

/// As the role of a service, which nobody logged in as: roles and their passwords are the whole server's.
fn as_role(database: &Database, service: Service) -> PgOptions {
    let role = format!("seatshift_{}", service.name());
    let url = format!("{}?options[role]={role}", database.url());
    PgOptions::new(url, [service])
}

#[tokio::test]
async fn a_database_may_be_prepared_again_and_by_several_at_once() {
    let database = Database::empty();
    join_all((0..3).map(|_| database.prepare())).await;
    let store = database.open_for(HERE).await;
    commit(&store, Unit { ledger: Some(ledger(migration(1), 0, "a")), ..unit() }).await;
    database.prepare().await;
    assert_eq!(store.ledgers(HERE, &[migration(1)]).await.unwrap().len(), 1);
    assert_eq!(database.open_for(HERE).await.ledgers(HERE, &[migration(1)]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_that_is_not_prepared_or_too_new_is_left_alone() {
    let database = Database::empty();
    let options = database.options(&[HERE]);
    let error = PgStore::connect(&options).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPrepared { .. }), "{error:?}");
    assert!(error.to_string().contains("--prepare-database"), "{error}");
    database.prepare().await;
    PgStore::connect(&options).await.unwrap();
    let mut admin = database.admin().await;
    admin.execute("insert into reassignment.schema_version values (99, now())").await.unwrap();
    let error = PgStore::connect(&options).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 1 }), "{error:?}");
    let error = PgStore::prepare(&database.url(), &BTreeMap::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error:?}");
    database.open_for(Service::Purchase).await;
    admin.execute("delete from reassignment.schema_version").await.unwrap();
    let error = PgStore::connect(&options).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPrepared { .. }), "an older schema: {error:?}");
}

#[tokio::test]
async fn a_service_has_the_rights_that_it_needs() {
    let database = Database::borrowed().await;
    for service in Service::ALL {
        let options = as_role(&database, service);
        let store = PgStore::connect(&options).await.unwrap();
        let one = migration(1);
        let letter = DeadLetter { service, at: at(0), reason: "why".into(), bytes: [1].into() };
        let whole = Unit {
            consumed: Some((event_id(1), at(0))),
            ledger: Some(LedgerWrite { instruction: Some(instruction(3)), ..ledger(one, 0, "a") }),
            work: vec![put(one, "a", Some(at(0))), put(one, "b", None)],
            events: vec![event(1, one)],
            heard: Some(event(2, one)),
            records: vec![record("a", None, Some("1")), record("b", None, Some("1"))],
            dead_letter: Some(letter),
            ..Unit::new(service)
        };
        assert_eq!(commit(&store, whole).await, Committed::Done);
        let next = Unit {
            ledger: Some(ledger(one, 1, "b")),
            work: vec![remove(one, "a", None), put(one, "b", Some(at(0)))],
            records: vec![record("a", None, None), record("b", None, Some("2"))],
            ..Unit::new(service)
        };
        assert_eq!(commit(&store, next).await, Committed::Done);
        store.claim_work(service, at(0), at(9), 9).await.unwrap();
        let taken = store.claim_outbox(service, at(0), at(9), 9).await.unwrap();
        store.release_outbox(service, &[taken[0].position]).await.unwrap();
        store.clear_outbox(service, &[taken[0].position]).await.unwrap();
        store.backlog(service, at(0)).await.unwrap();
        store.remove_dead_letter(service, store.dead_letters(9).await.unwrap()[0].position).await.unwrap();
        store.append_calls(vec![call()]).await.unwrap();
        assert_eq!(store.clean(at(9), 9).await.unwrap(), 1);
        assert!(store.lock("a").await.unwrap().is_some());
        shared_things(&options, service).await;
        let may_read = store.calls(0, 9, None).await.is_ok() && store.clean_calls(at(9), 9).await.is_ok();
        assert_eq!(may_read, service == Service::Control);
    }
}

async fn shared_things(options: &PgOptions, service: Service) {
    let quota = PgQuota::connect(options).await.unwrap();
    let rule = Rule::published(500.0);
    let ask = |key: &str| Ask { key: key.into(), rule, wanted: [1, 0, 0], unused: 0, fine: 0 };
    quota.lease(&[ask("shared"), ask(service.name())]).await.unwrap();
    quota.give_back(&[("shared".into(), 1, rule)]).await.unwrap();
    quota.throttled("shared", &rule, None).await.unwrap();
    quota.buckets("").await.unwrap();
    let version = quota.load_refresh_token("partner").await.unwrap().map_or(0, |token| token.version);
    assert!(quota.store_refresh_token("partner", version, b"sealed").await.unwrap().is_some());
    let may_set = quota.set_mode(Mode::Running).await.is_ok() && quota.clean("").await.is_ok();
    assert_eq!(may_set, service == Service::Control, "only control pauses");
}

#[tokio::test]
async fn a_service_reaches_nothing_else() {
    let database = Database::borrowed().await;
    let mut admin = database.admin().await;
    admin.execute("set role seatshift_purchase").await.unwrap();
    for statement in [
        "select * from control.ledger",
        "select * from reassignment.schema_version",
        "insert into suspension.inbox values (gen_random_uuid(), 1)",
        "delete from purchase.ledger",
        "delete from purchase.event_log",
        "update purchase.event_log set bytes = ''",
        "update purchase.instruction set body = ''",
        "update purchase.schema_version set version = 99",
        "truncate purchase.work",
        "drop table purchase.work",
        "create table purchase.mine (a int)",
        "create table quota.mine (a int)",
        "update quota.gate set mode = 'running'",
        "select * from quota.call_log",
        "delete from quota.token",
    ] {
        let error = admin.execute(statement).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{statement}: {error}");
    }
    // Told as what it is.
    let mut wrong = as_role(&database, Service::Purchase);
    wrong.services = vec![Service::Control];
    let error = PgStore::connect(&wrong).await.unwrap_err();
    assert!(matches!(error, StoreError::NotPrepared { .. }), "{error:?}");
}

fn call() -> CallRow {
    CallRow {
        at: at(0),
        migration: None,
        customer: None,
        family: "orders".into(),
        operation: "get order".into(),
        changing: false,
        status: Some(200),
        code: None,
        request_id: Uuid::from_u128(1),
        correlation_id: Uuid::from_u128(2),
        microseconds: 1,
        attempt: 1,
    }
}

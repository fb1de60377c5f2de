//! Databases for tests, on the shared server.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use seatshift_messages::Service;
use seatshift_servers::Shared;
use seatshift_store::{PgOptions, PgStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::given::HERE;

pub(crate) struct Database {
    shared: Shared,
    pub(crate) name: String,
    /// A borrowed one is given back when this ends, others are removed.
    borrowed: Option<PgConnection>,
}

impl Database {
    /// Made for one test, and not prepared.
    pub(crate) fn empty() -> Self {
        let shared = Shared::attach().unwrap();
        let name = shared.fresh_database().unwrap();
        Database { shared, name, borrowed: None }
    }

    /// One that tests before this one used, wiped: making and removing one costs the server a checkpoint each.
    pub(crate) async fn borrowed() -> Self {
        let shared = Shared::attach().unwrap();
        let mut lock = PgConnection::connect(&shared.postgres.admin_url("postgres")).await.unwrap();
        let name = 'free: loop {
            for number in 1..100_i32 {
                let query = sqlx::query_scalar("select pg_try_advisory_lock(7001, $1)").bind(number);
                if query.fetch_one(&mut lock).await.unwrap() {
                    break 'free format!("store_suite_{:x}_{number}", schema_hash());
                }
            }
        };
        let there: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
            .bind(&name)
            .fetch_one(&mut lock)
            .await
            .unwrap();
        if !there {
            shared.postgres.create_database(&name).unwrap();
        }
        let database = Database { shared, name, borrowed: Some(lock) };
        match PgStore::connect(&database.options(&Service::ALL)).await {
            Ok(_) => database.wipe().await,
            Err(_) => database.prepare().await,
        }
        database
    }

    pub(crate) async fn prepare(&self) {
        PgStore::prepare(&self.url(), &BTreeMap::new()).await.unwrap();
    }

    async fn wipe(&self) {
        let mut admin = self.admin().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select format('delete from %I.%I;', schemaname, tablename) from pg_tables
             where schemaname in ('control', 'purchase', 'reassignment', 'suspension', 'quota')
             and tablename not in ('schema_version', 'gate')",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        admin.execute(AssertSqlSafe(tables.concat())).await.unwrap();
        admin.execute("update quota.gate set mode = 'running'").await.unwrap();
        let restart =
            "select setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) from pg_sequences";
        admin.execute(restart).await.unwrap();
    }

    /// As administrator.
    pub(crate) fn url(&self) -> String {
        self.shared.postgres.admin_url(&self.name)
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    pub(crate) fn options(&self, services: &[Service]) -> PgOptions {
        PgOptions::new(self.url(), services)
    }

    /// For one service.
    pub(crate) async fn open_for(&self, service: Service) -> PgStore {
        PgStore::connect(&self.options(&[service])).await.unwrap()
    }

    /// For all services, [`HERE`] first.
    pub(crate) async fn open(&self) -> PgStore {
        let others = Service::ALL.into_iter().filter(|service| *service != HERE);
        let services: Vec<_> = [HERE].into_iter().chain(others).collect();
        PgStore::connect(&self.options(&services)).await.unwrap()
    }
}

/// Of the schema's text, so that a database of before a change is not taken for one of after it.
fn schema_hash() -> u64 {
    let text = concat!(
        include_str!("../../../migrations/postgres/service_0001_begin.sql"),
        include_str!("../../../migrations/postgres/control_0001_changes.sql"),
        include_str!("../../../migrations/postgres/quota_0001_begin.sql"),
        include_str!("../../../src/postgres/prepare.rs"),
    );
    let mut hasher = std::hash::DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.borrowed.is_none() {
            self.shared.postgres.drop_database(&self.name).ok();
        }
    }
}

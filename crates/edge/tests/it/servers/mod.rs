//! The gate over the quota in PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seatshift_edge::{SharedGate, SharedTokens};
use seatshift_host::Meters;
use seatshift_messages::Service;
use seatshift_partner_center::buckets::{Limit, Limits};
use seatshift_partner_center::{Application, Ask, Family, Gate, Purpose, RefreshTokens};
use seatshift_servers::Shared;
use seatshift_store::quota::{Mode, PgQuota};
use seatshift_store::{PgOptions, PgStore};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

struct Database {
    url: String,
    _shared: Shared,
}

impl Database {
    async fn new() -> Self {
        let shared = Shared::attach().unwrap();
        let url = shared.postgres.admin_url(&shared.fresh_database().unwrap());
        PgStore::prepare(&url, &BTreeMap::new()).await.unwrap();
        Database { url, _shared: shared }
    }

    async fn quota(&self) -> Arc<PgQuota> {
        let options = PgOptions::new(&self.url, [Service::Control]);
        Arc::new(PgQuota::connect(&options).await.unwrap())
    }

    async fn replica(&self, per_minute: f64, scale: u32) -> SharedGate {
        let families = Family::GATED.map(|family| (family, Limit::published(per_minute)));
        let limits = Limits { families: families.into(), ..Limits::default() };
        let ended = CancellationToken::new();
        let (gate, keeper) =
            SharedGate::new(self.quota().await, limits, "partner", scale, &Meters::new(), ended);
        tokio::spawn(keeper);
        gate
    }
}

fn ask(changing: bool) -> Ask {
    Ask { family: Family::Licenses, customer: None, changing, purpose: Purpose::Forward }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_share_one_budget() {
    let database = Database::new().await;
    // Ten minutes of a clock that runs 30 times as fast, after one in which the buckets fill.
    let scale = 30;
    let gates = [database.replica(500.0, scale).await, database.replica(500.0, scale).await];
    let made = Arc::new(AtomicU32::new(0));
    let end = Instant::now() + Duration::from_secs(10 * 60) / scale;
    let mut running = tokio::task::JoinSet::new();
    for gate in gates.iter().flat_map(|gate| std::iter::repeat_n(gate, 32)) {
        let (gate, made) = (gate.clone(), made.clone());
        running.spawn(async move {
            while timeout_at(end, gate.permit(ask(false))).await.is_ok() {
                made.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while running.join_next().await.is_some() {}
    let used = f64::from(made.load(Ordering::Relaxed)) / (10.0 * 500.0);
    assert!((0.93..=1.02).contains(&used), "they used {used} of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_after_a_pause_has_answered_the_other_replica_changes_nothing() {
    let database = Database::new().await;
    let (one, other) = (database.replica(60_000.0, 1).await, database.replica(60_000.0, 1).await);
    let patience = Duration::from_secs(10);
    timeout(patience, other.permit(ask(true))).await.unwrap();
    one.set_mode(Mode::Paused).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!other.stands(&ask(true)));
    timeout(Duration::from_secs(1), other.permit(ask(true))).await.unwrap_err();
    one.set_mode(Mode::Running).await;
    timeout(patience, other.permit(ask(true))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_is_found_by_the_other_replica() {
    let database = Database::new().await;
    let app = Application { id: "app".to_owned(), secret: "secret".into() };
    let one = SharedTokens::new(database.quota().await, "partner", &app);
    let other = SharedTokens::new(database.quota().await, "partner", &app);
    one.store("a-token".into()).await.unwrap();
    assert_eq!(other.load().await.unwrap().unwrap().expose_secret(), "a-token");
    let turn = one.turn().await.unwrap();
    timeout(Duration::from_millis(500), other.turn()).await.unwrap_err();
    drop(turn);
    timeout(Duration::from_secs(10), other.turn()).await.unwrap().unwrap();
}

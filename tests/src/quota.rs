//! How much of a throttling Partner Center's budget the replicas use together, and how often they are turned down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use seatshift_edge::{ClockTimer, SharedGate};
use seatshift_host::{Clock, Ids, Meters, ScaledClock};
use seatshift_messages::Service;
use seatshift_partner_center::buckets::{Limit, Limits};
use seatshift_partner_center::{
    Application, CallRecord, Client, Config, Family, MemoryTokens, Observer, Purpose,
};
use seatshift_servers::Shared;
use seatshift_simulator::{ScaledClock as SimulatorClock, Simulator};
use seatshift_store::quota::PgQuota;
use seatshift_store::{PgOptions, PgStore};
use tokio_util::sync::CancellationToken;

use crate::cluster::uniform;
use crate::transport::InProcess;

/// Calls a minute that the simulated Microsoft grants.
const BUDGET: u32 = 6000;
/// Calls that one replica would make at the same time.
const AT_ONCE: usize = 24;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Calls that were answered, as a part of what the budget allows in the time.
    pub used: f64,
    /// Calls that were turned down (429), as a part of all.
    pub turned_down: f64,
    pub calls: u64,
}

#[derive(Debug, Default)]
struct Counts {
    counting: std::sync::atomic::AtomicBool,
    calls: AtomicU64,
    turned_down: AtomicU64,
}

impl Observer for Counts {
    fn observed(&self, call: CallRecord) {
        if call.family == Family::Licenses && self.counting.load(Ordering::Relaxed) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.turned_down.fetch_add(u64::from(call.status == Some(429)), Ordering::Relaxed);
        }
    }
}

/// So many replicas call as much as they may, in real time, for so long.
pub async fn share(servers: &Shared, replicas: usize, time: Duration) -> Share {
    let database = servers.fresh_database().unwrap_or_else(|error| panic!("{error}"));
    let address = servers.postgres.admin_url(&database);
    PgStore::prepare(&address, &BTreeMap::new()).await.expect("the database is prepared");

    let mut world = uniform(50, 4, 0);
    world.budgets_per_minute.insert("licenses".to_owned(), BUDGET);
    let clock = SimulatorClock::starting_now(world.start, 1);
    let simulator = Simulator::new(world.clone(), Arc::new(clock)).expect("a good world");
    let counts = Arc::new(Counts::default());
    let stopping = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    for replica in 0..replicas {
        let quota = PgQuota::connect(&PgOptions::new(&address, [Service::Reassignment]))
            .await
            .expect("the shared quota");
        let mut limits = Limits::default();
        limits.families.insert(Family::Licenses, Limit::published(f64::from(BUDGET)));
        limits.customer = Limit::published(1e9);
        let tenant = world.partner.tenant_id.to_string();
        let (gate, asking) =
            SharedGate::new(Arc::new(quota), limits, &tenant, 1, &Meters::new(), stopping.clone());
        tasks.spawn(asking);
        let client = client(&world, &simulator, gate, counts.clone(), replica as u64);
        for lane in 0..AT_ONCE {
            let reader = client.reader().for_purpose(Purpose::Forward);
            let customers: Vec<_> =
                world.customers.iter().map(|customer| (customer.id, customer.users[0].id)).collect();
            let stopping = stopping.clone();
            tasks.spawn(async move {
                for (customer, user) in customers.into_iter().cycle().skip(lane) {
                    if stopping.is_cancelled() {
                        return;
                    }
                    tokio::select! {
                        biased;
                        () = stopping.cancelled() => return,
                        // Turned down or not is what is counted.
                        _ = reader.user_licenses(customer, user) => {}
                    }
                }
            });
        }
    }
    // What lies in the bucket at the beginning is not the rate.
    tokio::time::sleep(Duration::from_secs(3)).await;
    counts.counting.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    tokio::time::sleep(time).await;
    counts.counting.store(false, Ordering::Relaxed);
    let seconds = begun.elapsed().as_secs_f64();
    stopping.cancel();
    while tasks.join_next().await.is_some() {}
    let (calls, turned_down) =
        (counts.calls.load(Ordering::Relaxed), counts.turned_down.load(Ordering::Relaxed));
    Share {
        used: (calls - turned_down) as f64 / (f64::from(BUDGET) / 60.0 * seconds),
        turned_down: turned_down as f64 / calls.max(1) as f64,
        calls,
    }
}

fn client(
    world: &seatshift_simulator::world::World,
    simulator: &Simulator,
    gate: SharedGate,
    observer: Arc<Counts>,
    seed: u64,
) -> Client {
    let ids = Arc::new(Ids::seeded(seed));
    let (requests, jitter) = (ids.clone(), ids);
    let app = Application {
        id: world.partner.client_id.to_string(),
        secret: world.partner.client_secret.clone().into(),
    };
    let mut config = Config::new(
        world.partner.tenant_id.to_string(),
        app,
        Arc::new(move || requests.request()),
        Arc::new(move || jitter.fraction()),
    );
    let here: url::Url = "http://partner.invalid".parse().expect("a constant address");
    config.api = here.clone();
    config.authority = here;
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::real());
    let tokens = MemoryTokens::new(world.partner.refresh_token.clone().into());
    Client::new(
        config,
        Arc::new(InProcess::new(simulator)),
        Arc::new(tokens),
        Arc::new(gate),
        Arc::new(ClockTimer(clock)),
        observer,
    )
}

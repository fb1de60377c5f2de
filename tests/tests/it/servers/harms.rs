//! Harm from outside while hundreds of migrations are in flight; then everything must stand as if nothing had been.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_messages::{Envelope, Service};
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Operator as _, Options, Ran};

/// Rows under way at the same time.
const IN_FLIGHT: u64 = 300;
/// So many must have begun before harm is done.
const ENOUGH: u64 = 100;
/// Simulated seconds in a real one.
const SCALE: u32 = 120;
/// For one wave to come to its end.
const PATIENCE: Duration = Duration::from_secs(240);

fn options(seed: u64) -> Options {
    let mut options = Options::new(seed, 400, "hostile");
    // Slow enough that lags and horizons keep many in flight at the same time.
    options.scale = SCALE;
    options
        .with("RUN__MAX_IN_FLIGHT", &IN_FLIGHT.to_string())
        .with("RUN__STOP_AFTER_FIRST", "0")
        .with("RUN__STOP_PERCENT", "0")
}

/// A wave that was begun, and is under way.
struct Wave {
    apply: Child,
}

impl Wave {
    /// Applies the rows of this wave, and waits until many are in the middle of it.
    fn begin(cluster: &Cluster, wave: usize) -> Wave {
        let before = cluster.simulated.changing_calls();
        let apply =
            cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json", "--wave", &wave.to_string()]);
        until(
            PATIENCE,
            || "many migrations in flight".to_owned(),
            || (in_flight(cluster) >= ENOUGH && cluster.simulated.changing_calls() > before).then_some(()),
        );
        Wave { apply }
    }

    /// Waits until nothing more happens by itself.
    fn end(mut self, cluster: &Cluster) {
        until(
            PATIENCE,
            || format!("the end of the wave: {} in flight; {}", in_flight(cluster), cluster.remains()),
            || self.apply.try_wait().expect("a child can be asked for"),
        );
        Ran::of(self.apply.wait_with_output().expect("it has ended")).ends(&[0, 3]);
    }
}

/// Migrations that were requested and have no verdict yet, as control's ledgers say.
fn in_flight(cluster: &Cluster) -> u64 {
    cluster.count("select count(*) from control.ledger where stage::jsonb ->> 'stage' = 'running' or stage::jsonb -> 'stage' ? 'running'")
}

#[track_caller]
fn assert_clean(cluster: &mut Cluster) {
    let judged = cluster.judge();
    eprintln!("verdicts: {:?}", judged.verdicts);
    assert!(judged.verdicts.get("completed").is_some_and(|completed| *completed > 0), "{judged:?}");
    assert!(judged.complaints.is_empty(), "{:#?}", judged.complaints);
}

#[test]
fn services_that_are_killed_lose_nothing_and_repeat_nothing() {
    let mut cluster = Cluster::start(options(31));
    cluster.plan(1);
    let wave = Wave::begin(&cluster, 1);
    for service in Service::ALL {
        cluster.kill_and_restart(service, 0);
    }
    // Both at the same time.
    for service in Service::ALL {
        cluster.replica(service, 0).kill();
        cluster.replica(service, 1).kill();
        cluster.start_replica(service, 0);
        cluster.start_replica(service, 1);
    }
    let mut draw = ChaCha12Rng::seed_from_u64(31);
    let mut calls = cluster.simulated.changing_calls();
    for _ in 0..6 {
        // After some more work each time, so that they fall anywhere.
        let target = calls + 1 + draw.next_u64() % 60;
        until(
            PATIENCE,
            || "more work".to_owned(),
            || {
                calls = cluster.simulated.changing_calls();
                (calls >= target || in_flight(&cluster) == 0).then_some(())
            },
        );
        let service = Service::ALL[(draw.next_u64() % 4) as usize];
        cluster.kill_and_restart(service, (draw.next_u64() % 2) as usize);
    }
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

#[test]
fn a_broker_that_is_killed_frozen_or_full_costs_only_time() {
    let mut cluster = Cluster::start(options(32));
    cluster.plan(3);

    let wave = Wave::begin(&cluster, 1);
    cluster.rabbit.kill();
    cluster.rabbit.restart().expect("the broker starts again");
    wave.end(&cluster);

    let wave = Wave::begin(&cluster, 2);
    cluster.rabbit.freeze();
    std::thread::sleep(Duration::from_secs(20));
    cluster.rabbit.thaw();
    wave.end(&cluster);

    let wave = Wave::begin(&cluster, 3);
    cluster.rabbit.disk_alarm(true).expect("the alarm goes off");
    until(
        PATIENCE,
        || "a service to say that the broker takes nothing".to_owned(),
        || cluster.page(Service::Purchase, 0, "/readyz").contains("blocked").then_some(()),
    );
    cluster.rabbit.disk_alarm(false).expect("the alarm ends");
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

#[test]
fn a_database_that_is_killed_costs_only_time() {
    let mut cluster = Cluster::start(options(33));
    cluster.plan(2);

    let wave = Wave::begin(&cluster, 1);
    cluster.postgres.kill();
    cluster.postgres.restart().expect("the database starts again");
    wave.end(&cluster);

    let wave = Wave::begin(&cluster, 2);
    cluster.postgres.stop().expect("the database stops");
    cluster.postgres.restart().expect("the database starts again");
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

#[test]
fn connections_that_are_cut_or_swallow_everything_cost_only_time() {
    let mut options = options(34);
    options.proxied = true;
    let mut cluster = Cluster::start(options);
    cluster.plan(2);

    let wave = Wave::begin(&cluster, 1);
    for _ in 0..5 {
        let before = cluster.simulated.changing_calls();
        let proxies = cluster.proxies.as_ref().expect("it goes through proxies");
        proxies.rabbit.cut();
        proxies.postgres.cut();
        until(
            PATIENCE,
            || "work to go on".to_owned(),
            || (cluster.simulated.changing_calls() > before || in_flight(&cluster) == 0).then_some(()),
        );
    }
    wave.end(&cluster);

    let wave = Wave::begin(&cluster, 2);
    let proxies = cluster.proxies.as_ref().expect("it goes through proxies");
    proxies.rabbit.swallow(true);
    proxies.postgres.swallow(true);
    std::thread::sleep(Duration::from_secs(15));
    proxies.rabbit.swallow(false);
    proxies.postgres.swallow(false);
    // What was swallowed is lost to the connections that stood, as behind a firewall that has forgotten them.
    proxies.rabbit.cut();
    proxies.postgres.cut();
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

#[test]
fn every_message_delivered_twice_changes_nothing_twice() {
    let mut cluster = Cluster::start(options(35));
    cluster.plan(1);
    let wave = Wave::begin(&cluster, 1);
    let mut repeated = BTreeSet::new();
    let repeats = until(
        PATIENCE,
        || "the end of the wave".to_owned(),
        || {
            let again: Vec<_> = cluster
                .history_bytes()
                .into_iter()
                .filter(|bytes| {
                    repeated.insert(Envelope::from_bytes(bytes).expect("the history holds events").id)
                })
                .collect();
            cluster.publish_again(&again);
            (in_flight(&cluster) == 0).then_some(repeated.len())
        },
    );
    wave.end(&cluster);
    let history = cluster.history();
    assert!(
        history.messages >= history.distinct.len() + repeats / 2,
        "{repeats} were repeated, the history has {}",
        history.messages
    );
    assert_clean(&mut cluster);
}

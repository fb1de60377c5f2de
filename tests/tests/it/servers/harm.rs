//! What is done to a running system while migrations are in flight, in small and in large; afterwards everything must stand as
//! if nothing had been.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_messages::{Envelope, Service};
use seatshift_tests::cluster::process::{rest, until};
use seatshift_tests::cluster::{Cluster, Operator as _};

use super::wave::{PATIENCE, Sea, Wave, assert_clean, in_flight};

pub(crate) fn kill_services(sea: Sea) {
    let mut cluster = Cluster::start(sea.options(31, 1));
    cluster.plan(1);
    let wave = Wave::begin(&mut cluster, sea, 1);
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
        let target = calls + 1 + draw.next_u64() % (sea.customers as u64 * 3 / 10);
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
    assert_figures(&mut cluster);
}

/// What the services tell a monitor after a run.
fn assert_figures(cluster: &mut Cluster) {
    let expected = [
        (Service::Control, "seatshift_seats_moved ", true),
        (Service::Control, "seatshift_customers_at_risk ", false),
        (Service::Control, "seatshift_ledgers_unreadable 0", false),
        (Service::Reassignment, "seatshift_outcomes_total{remedy=\"done\"} ", true),
        (Service::Reassignment, "seatshift_quota_per_minute{family=\"licenses\"} ", true),
        (Service::Reassignment, "seatshift_call_seconds_count{", true),
    ];
    for (service, name, more_than_none) in expected {
        let pages = [0, 1].map(|replica| cluster.page(service, replica, "/metrics"));
        let found = pages.iter().flat_map(|page| page.lines()).filter(|line| line.starts_with(name));
        let figures: Vec<f64> = found.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect();
        assert!(!figures.is_empty(), "{service} does not tell {name}");
        assert!(
            !more_than_none || figures.iter().any(|figure| *figure > 0.0),
            "{service}: {name}{figures:?}"
        );
    }
}

pub(crate) fn harm_the_broker(sea: Sea) {
    let mut cluster = Cluster::start(sea.options(32, 3));
    cluster.plan(3);

    let wave = Wave::begin(&mut cluster, sea, 1);
    cluster.rabbit.kill();
    cluster.rabbit.restart().expect("the broker starts again");
    wave.end(&cluster);

    let wave = Wave::begin(&mut cluster, sea, 2);
    cluster.rabbit.freeze();
    rest(Duration::from_secs(20));
    cluster.rabbit.thaw();
    wave.end(&cluster);

    let wave = Wave::launch(&cluster, 3);
    cluster.rabbit.disk_alarm(true).expect("the alarm goes off");
    // Only who publishes is told.
    let replicas: Vec<_> =
        Service::ALL.into_iter().flat_map(|service| [(service, 0), (service, 1)]).collect();
    until(
        PATIENCE,
        || "a service to say that the broker takes nothing".to_owned(),
        || {
            let mut told =
                replicas.iter().map(|(service, replica)| cluster.page(*service, *replica, "/readyz"));
            told.any(|told| told.contains("low on disk")).then_some(())
        },
    );
    wave.until_enough(&cluster, sea);
    cluster.rabbit.disk_alarm(false).expect("the alarm ends");
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

pub(crate) fn harm_the_database(sea: Sea) {
    let mut cluster = Cluster::start(sea.options(33, 2));
    cluster.plan(2);

    let wave = Wave::begin(&mut cluster, sea, 1);
    cluster.postgres.kill();
    cluster.postgres.restart().expect("the database starts again");
    wave.end(&cluster);

    let wave = Wave::begin(&mut cluster, sea, 2);
    cluster.postgres.stop().expect("the database stops");
    cluster.postgres.restart().expect("the database starts again");
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

pub(crate) fn harm_connections(sea: Sea) {
    let mut options = sea.options(34, 2);
    options.proxied = true;
    let mut cluster = Cluster::start(options);
    cluster.plan(2);

    let wave = Wave::begin(&mut cluster, sea, 1);
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

    let wave = Wave::begin(&mut cluster, sea, 2);
    let proxies = cluster.proxies.as_ref().expect("it goes through proxies");
    proxies.rabbit.swallow(true);
    proxies.postgres.swallow(true);
    rest(Duration::from_secs(15));
    proxies.rabbit.swallow(false);
    proxies.postgres.swallow(false);
    // What was swallowed is lost to the connections that stood, as behind a firewall that has forgotten them.
    proxies.rabbit.cut();
    proxies.postgres.cut();
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

pub(crate) fn repeat_every_message(sea: Sea) {
    let mut cluster = Cluster::start(sea.options(35, 1));
    cluster.plan(1);
    let wave = Wave::begin(&mut cluster, sea, 1);
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
    // What was said last, too, and to services that are done with everything.
    cluster.publish_again(&cluster.history_bytes());
    let history = cluster.history();
    assert!(
        history.messages >= history.distinct.len() + repeats / 2,
        "{repeats} were repeated, the history has {}",
        history.messages
    );
    assert_clean(&mut cluster);
}

//! Harm to the servers and to the ways between, while migrations are in flight; then everything must stand as if nothing had been.

use std::collections::BTreeSet;
use std::time::Duration;

use seatshift_messages::{Envelope, Service};
use seatshift_tests::cluster::process::{rest, until};
use seatshift_tests::cluster::{Cluster, Operator as _};

use crate::servers::wave::{PATIENCE, Wave, assert_clean, in_flight, options};

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
    rest(Duration::from_secs(20));
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
    rest(Duration::from_secs(15));
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

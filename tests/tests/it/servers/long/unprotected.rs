//! The counter-checks: with a protection taken away, the judge must find the damage, and with it in place none. A check that
//! cannot fail proves nothing.

use std::time::{Duration, Instant};

use seatshift_messages::Service;
use seatshift_tests::cluster::process::{rest, until};
use seatshift_tests::cluster::{Cluster, Operator as _, Options};

const PARTICIPANTS: [Service; 3] = [Service::Purchase, Service::Reassignment, Service::Suspension];
/// For the run to go on after a harm: what a killed replica had in hand waits for its lease. Less than until silence is noticed.
const PATIENCE: Duration = Duration::from_secs(240);

/// What comes of a run under this harm without this protection.
fn complaints(without: Option<&str>, harm: fn(&mut Cluster)) -> Vec<String> {
    let mut options =
        Options::new(41, 60, "none").with("RUN__MAX_IN_FLIGHT", "60").with("RUN__STOP_AFTER_FIRST", "0");
    if let Some(protection) = without {
        options = options.with("SERVICE__SABOTAGE", protection);
    }
    let mut cluster = Cluster::start(options);
    cluster.plan(1);
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    for _ in 0..2 {
        let before = cluster.simulated.changing_calls();
        until(
            PATIENCE,
            || "work".to_owned(),
            || (cluster.simulated.changing_calls() > before + 20 || ended(&mut apply)).then_some(()),
        );
        harm(&mut cluster);
    }
    let begun = Instant::now();
    while !ended(&mut apply) && begun.elapsed() < PATIENCE {
        rest(Duration::from_millis(200));
    }
    let never = (!ended(&mut apply)).then(|| "it never came to its end".to_owned());
    let _ = apply.kill();
    let mut found = cluster.judge().complaints;
    found.extend(never);
    // Each event that control hears is one line of its log.
    let twice = cluster.count("select count(*) - count(distinct event) from control.event_log");
    found.extend((twice > 0).then(|| format!("control has taken {twice} repeated events for new ones")));
    found
}

fn ended(apply: &mut std::process::Child) -> bool {
    apply.try_wait().expect("a child can be asked for").is_some()
}

/// The database stands still while messages are delivered; whoever had them is killed before it goes on.
fn die_before_the_commit(cluster: &mut Cluster) {
    cluster.postgres.freeze();
    rest(Duration::from_secs(2));
    for service in PARTICIPANTS {
        cluster.replica(service, 0).kill();
        cluster.replica(service, 1).kill();
    }
    cluster.postgres.thaw();
    for service in PARTICIPANTS {
        cluster.start_replica(service, 0);
        cluster.start_replica(service, 1);
    }
}

/// Everything that was said so far is said once more.
fn repeat_everything(cluster: &mut Cluster) {
    cluster.publish_again(&cluster.history_bytes());
}

#[test]
fn acknowledging_before_the_commit_is_found_out() {
    let found = complaints(None, die_before_the_commit);
    assert!(found.is_empty(), "with the protection: {found:#?}");
    let found = complaints(Some("ack-before-commit"), die_before_the_commit);
    assert!(!found.is_empty(), "messages are lost, and nobody notices");
}

#[test]
fn a_service_without_an_inbox_is_found_out() {
    let found = complaints(None, repeat_everything);
    assert!(found.is_empty(), "with the protection: {found:#?}");
    let found = complaints(Some("inbox-off"), repeat_everything);
    assert!(!found.is_empty(), "messages are handled twice, and nobody notices");
}

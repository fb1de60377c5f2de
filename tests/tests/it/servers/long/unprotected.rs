//! The counter-checks: with a protection taken away, the judge must find the damage, and with it in place none. A check that
//! cannot fail proves nothing.

use std::time::{Duration, Instant};

use seatshift_messages::Service;
use seatshift_tests::cluster::process::{rest, until};
use seatshift_tests::cluster::{Cluster, Operator as _, Options};

/// For the run to go on after a harm: what a killed replica had in hand waits for its lease. Less than until silence is noticed.
const PATIENCE: Duration = Duration::from_secs(240);
/// Messages that a service has before it: enough that some are lost where they can be.
const MAIL: u64 = 5;

/// What is done to a running system, and when it has come to its end.
struct Harm {
    /// Done twice while migrations are in flight, to one service and to another.
    amidst: fn(&mut Cluster, Service),
    afterwards: fn(&mut Cluster),
}

/// What comes of a run under this harm without this protection.
fn complaints(without: Option<&str>, harm: &Harm) -> Vec<String> {
    let mut options =
        Options::new(41, 60, "none").with("RUN__MAX_IN_FLIGHT", "60").with("RUN__STOP_AFTER_FIRST", "0");
    if let Some(protection) = without {
        options = options.with("SERVICE__SABOTAGE", protection);
    }
    let mut cluster = Cluster::start(options);
    cluster.plan(1);
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    for service in [Service::Reassignment, Service::Suspension] {
        let before = cluster.simulated.changing_calls();
        until(
            PATIENCE,
            || "work".to_owned(),
            || (cluster.simulated.changing_calls() > before + 20 || ended(&mut apply)).then_some(()),
        );
        (harm.amidst)(&mut cluster, service);
    }
    let begun = Instant::now();
    while !ended(&mut apply) && begun.elapsed() < PATIENCE {
        rest(Duration::from_millis(200));
    }
    let never = (!ended(&mut apply)).then(|| "it never came to its end".to_owned());
    let _ = apply.kill();
    (harm.afterwards)(&mut cluster);
    let mut found = cluster.judge().complaints;
    found.extend(never);
    // Each event that control hears is one line of its log.
    let twice = cluster.count("select count(*) - count(distinct event) from control.event_log");
    found.extend((twice > 0).then(|| format!("control has taken {twice} repeated events for new ones")));
    eprintln!("without {without:?}: {found:#?}");
    found
}

fn ended(apply: &mut std::process::Child) -> bool {
    apply.try_wait().expect("a child can be asked for").is_some()
}

/// Mail gathers before a service that stands still. The database stands still when the service takes it up, and whoever had it
/// is killed before anything can be written down.
fn die_before_the_commit(cluster: &mut Cluster, service: Service) {
    let replicas = [0, 1];
    replicas.iter().for_each(|replica| cluster.replica(service, *replica).freeze());
    let queue = format!("seatshift.{service}.v1");
    until(
        PATIENCE,
        || format!("mail for {service}: {:?}", cluster.queues()),
        || cluster.queues().get(&queue).is_some_and(|messages| *messages >= MAIL).then_some(()),
    );
    cluster.postgres.freeze();
    replicas.iter().for_each(|replica| cluster.replica(service, *replica).thaw());
    rest(Duration::from_secs(3));
    replicas.iter().for_each(|replica| cluster.replica(service, *replica).kill());
    cluster.postgres.thaw();
    replicas.iter().for_each(|replica| cluster.start_replica(service, *replica));
}

/// Everything that was said so far is said once more.
fn repeat_everything(cluster: &mut Cluster) {
    cluster.publish_again(&cluster.history_bytes());
}

#[test]
fn acknowledging_before_the_commit_is_found_out() {
    let harm = Harm { amidst: die_before_the_commit, afterwards: |_| {} };
    let found = complaints(None, &harm);
    assert!(found.is_empty(), "with the protection: {found:#?}");
    let found = complaints(Some("ack-before-commit"), &harm);
    assert!(!found.is_empty(), "messages are lost, and nobody notices");
}

#[test]
fn a_service_without_an_inbox_is_found_out() {
    let harm = Harm { amidst: |cluster, _| repeat_everything(cluster), afterwards: repeat_everything };
    let found = complaints(None, &harm);
    assert!(found.is_empty(), "with the protection: {found:#?}");
    let found = complaints(Some("inbox-off"), &harm);
    let said = |complaint: &String| complaint.contains("migration.completed was said");
    assert!(
        found.iter().any(said),
        "one word of suspension makes two verdicts, and nobody notices: {found:#?}"
    );
}

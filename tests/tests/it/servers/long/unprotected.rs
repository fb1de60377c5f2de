//! The counter-checks: with a protection taken away, the judge must find the damage. A check that cannot fail proves nothing.

use std::time::Duration;

use seatshift_messages::Service;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Operator as _, Options};

/// What comes of a run with kills and repeated messages when this protection is off.
fn complaints_without(protection: &str) -> Vec<String> {
    let options = Options::new(41, 60, "none")
        .with("RUN__MAX_IN_FLIGHT", "60")
        .with("RUN__STOP_AFTER_FIRST", "0")
        .with("SERVICE__SABOTAGE", protection);
    let mut cluster = Cluster::start(options);
    cluster.plan(1);
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    let mut ended = false;
    for round in 0..40 {
        if apply.try_wait().expect("a child can be asked for").is_some() {
            ended = true;
            break;
        }
        let before = cluster.simulated.changing_calls();
        until(
            Duration::from_secs(5),
            || "work".to_owned(),
            || (cluster.simulated.changing_calls() > before).then_some(()),
        );
        cluster.publish_again(&cluster.history_bytes());
        cluster.kill_and_restart(Service::ALL[1 + round % 3], round % 2);
    }
    let _ = apply.kill();
    let mut found = cluster.judge().complaints;
    if !ended {
        found.push("it never came to its end".to_owned());
    }
    found
}

#[test]
fn acknowledging_before_the_commit_is_found_out() {
    let found = complaints_without("ack-before-commit");
    assert!(!found.is_empty(), "messages are lost, and nobody notices");
}

#[test]
fn a_service_without_an_inbox_is_found_out() {
    let found = complaints_without("inbox-off");
    assert!(!found.is_empty(), "messages are handled twice, and nobody notices");
}

//! Bindings are deleted from the broker in the middle of a run: facts are lost without a sound. The alarm for silence goes up,
//! and once the bindings are there again everything comes to its end by itself.

use std::time::Duration;

use seatshift_bus::topology::{EVENTS, work_queue};
use seatshift_messages::Service;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Operator as _, Options};
use serde_json::Value;

use super::wave::assert_clean;

const PATIENCE: Duration = Duration::from_secs(60);

/// A fact and who no longer hears it.
struct Lost {
    kind: &'static str,
    reader: Service,
}

impl Lost {
    /// Again at each look: the services bind from time to time.
    fn unbind(&self, cluster: &Cluster) {
        let (queue, kind) = (work_queue(self.reader), self.kind);
        let binding = format!("/api/bindings/seatshift/e/{EVENTS}/q/{queue}/{kind}");
        // It may be gone.
        cluster.rabbit.api("DELETE", &binding, "").ok();
    }
}

fn silent(cluster: &Cluster) -> Option<Value> {
    let mut status = cluster.run(&["status", "--output", "json"]).ends(&[0, 3]).json();
    Some(status["silent"].take()).filter(|silent| !silent.is_null())
}

#[test]
fn facts_that_a_deleted_binding_has_lost_raise_an_alarm_and_come_again_once_it_is_back() {
    let mut options = Options::new(71, 12, "none")
        .with("SILENCE__PURCHASE_HOURS", "1")
        .with("SILENCE__REASSIGNMENT_HOURS", "1")
        .with("SILENCE__SUSPENSION_HOURS", "1");
    options.replicas = 1;
    options.scale = 1_200;
    let mut cluster = Cluster::start(options);
    cluster.plan(1);

    // On its way to a participant: control's log has it.
    let purchased = Lost { kind: "seatshift.subscription.purchased.v1", reader: Service::Reassignment };
    // On its way to control: only the history has it.
    let suspended = Lost { kind: "seatshift.subscription.suspended.v1", reader: Service::Control };
    purchased.unbind(&cluster);
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    let told = until(
        PATIENCE,
        || "the alarm for what reassignment did not hear".to_owned(),
        || {
            purchased.unbind(&cluster);
            silent(&cluster)
        },
    );
    assert!(told["rows"].as_u64().is_some_and(|rows| rows > 0), "{told}");
    assert!(told["what_to_do"].as_str().is_some_and(|text| text.contains("dead letters")), "{told}");
    let text = cluster.run(&["status"]).ends(&[0, 3]).out;
    assert!(text.contains("Nothing is heard of"), "{text}");

    // Whoever starts binds everything; what reassignment has missed is said again.
    cluster.kill_and_restart(Service::Purchase, 0);
    let all = |reader: &str| format!("select count(*) from {reader}.ledger");
    until(
        PATIENCE,
        || "suspension to hear of every migration".to_owned(),
        || {
            suspended.unbind(&cluster);
            (cluster.count(&all("suspension")) == cluster.count(&all("purchase"))).then_some(())
        },
    );
    until(
        PATIENCE,
        || "the alarm for what control did not hear".to_owned(),
        || {
            suspended.unbind(&cluster);
            let control = cluster.page(Service::Control, 0, "/metrics");
            let figure = control.lines().find(|line| line.starts_with("seatshift_migrations_silent"))?;
            (!figure.ends_with(" 0")).then_some(())
        },
    );
    cluster.kill_and_restart(Service::Purchase, 0);
    let ended = until(
        PATIENCE,
        || format!("the end of the run: {}", cluster.run(&["status"]).out),
        || apply.try_wait().expect("a child can be asked for"),
    );
    assert!(matches!(ended.code(), Some(0 | 3)), "{ended}");
    assert_eq!(silent(&cluster), None);
    let log = cluster.replica(Service::Control, 0).log();
    assert!(log.contains("the history has facts that never came here"), "control has missed something");
    cluster.until_ready();
    assert_clean(&mut cluster);
}

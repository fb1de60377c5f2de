//! The state of a system in the middle of a run, in files: what a newer build must be able to take over.
//!
//! `database.sql`, `queues.json` (messages by queue), `events.jsonl` (the stream so far), `world.json` (the simulated Microsoft as
//! it stood), `plan.csv`, `plan-users.csv`, `intent.json`. `cargo xtask snapshot` writes them; the test of the upgrade reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use seatshift_messages::Service;
use seatshift_simulator::world;
use serde_json::{Value, json};

use super::process::until;
use super::{Cluster, NAME, Options};

/// Files that are taken over as they are.
const FILES: [&str; 2] = ["plan.csv", "plan-users.csv"];
/// Schemas of a release.
const SCHEMAS: [&str; 5] = ["control", "purchase", "reassignment", "suspension", "quota"];

impl Cluster {
    /// Stops every service where it stands, with messages in the queues, and writes everything down.
    pub fn take_snapshot(&mut self, folder: &Path) {
        for replica in 0..self.options.replicas {
            // These first, so that what the others still say to them stays in their queues.
            self.replica(Service::Suspension, replica).kill();
            self.replica(Service::Reassignment, replica).kill();
        }
        until(
            Duration::from_secs(60),
            || "messages in the queues".to_owned(),
            || {
                let waiting = |name: &str| {
                    self.queues().get(&format!("seatshift.{name}.v1")).is_some_and(|count| *count > 0)
                };
                (waiting("suspension") || waiting("reassignment")).then_some(())
            },
        );
        for replica in 0..self.options.replicas {
            self.replica(Service::Purchase, replica).kill();
            self.replica(Service::Control, replica).kill();
        }
        fs::create_dir_all(folder).expect("a folder");
        let write = |name: &str, text: String| {
            fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        for file in FILES {
            fs::copy(self.path(file), folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        write("intent.json", fs::read_to_string(self.path("intent.json")).expect("an intent was stated"));
        write("database.sql", self.postgres.dump(NAME).expect("a dump"));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("events are text");
        write("events.jsonl", self.history_bytes().into_iter().map(|bytes| text(bytes) + "\n").collect());
        write("queues.json", format!("{:#}\n", json!(self.waiting_messages())));
        let world = self.simulated.ask("GET", "remains", &Value::Null);
        write("world.json", format!("{world:#}\n"));
    }

    /// What waits in the queues of the services, without taking it away.
    fn waiting_messages(&self) -> BTreeMap<String, Vec<String>> {
        let mut waiting = BTreeMap::new();
        for service in Service::ALL {
            let queue = format!("seatshift.{service}.v1");
            let ask =
                json!({ "count": 100_000, "ackmode": "ack_requeue_true", "encoding": "auto" }).to_string();
            let got = self.rabbit.api("POST", &format!("/api/queues/{NAME}/{queue}/get"), &ask);
            let got: Vec<Value> =
                serde_json::from_str(&got.unwrap_or_else(|error| panic!("{error}"))).expect("JSON");
            let payloads =
                got.iter().map(|message| message["payload"].as_str().expect("text").to_owned()).collect();
            waiting.insert(queue, payloads);
        }
        waiting
    }

    /// Brings up this build over a snapshot.
    pub fn take_over(folder: &Path, mut options: Options) -> Cluster {
        options.world = Some(world::read(&folder.join("world.json")).expect("the world of the snapshot"));
        let mut cluster = Cluster::bring_up(options);
        for file in FILES.into_iter().chain(["intent.json"]) {
            fs::copy(folder.join(file), cluster.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        // Roles belong to the server and are in no dump: this makes them.
        cluster.prepare();
        for schema in SCHEMAS {
            cluster.postgres.query(NAME, &format!("drop schema {schema} cascade")).expect("a schema goes");
        }
        let dump = fs::read_to_string(folder.join("database.sql")).expect("the dump");
        cluster.postgres.load(NAME, &dump).unwrap_or_else(|error| panic!("{error}"));
        cluster.prepare();
        // The simulator that starts again begins with its first refresh token.
        cluster.postgres.query(NAME, "delete from quota.token").expect("the token goes");
        cluster.start_services();
        let queues = fs::read_to_string(folder.join("queues.json")).expect("the queues");
        let queues: BTreeMap<String, Vec<String>> = serde_json::from_str(&queues).expect("JSON");
        assert!(
            queues.values().any(|messages| !messages.is_empty()),
            "the snapshot was taken with messages under way"
        );
        for (queue, messages) in queues {
            for payload in messages {
                let message = json!({ "properties": { "delivery_mode": 2 }, "routing_key": queue, "payload": payload, "payload_encoding": "string" });
                let told = cluster.rabbit.api(
                    "POST",
                    &format!("/api/exchanges/{NAME}/amq.default/publish"),
                    &message.to_string(),
                );
                let told: Value =
                    serde_json::from_str(&told.unwrap_or_else(|error| panic!("{error}"))).expect("JSON");
                assert_eq!(told["routed"], json!(true), "{queue} is still a queue");
            }
        }
        let events = fs::read_to_string(folder.join("events.jsonl")).expect("the events");
        events.lines().for_each(|event| cluster.earlier.take(event.as_bytes()));
        let intent: Value =
            serde_json::from_str(&fs::read_to_string(cluster.path("intent.json")).expect("intent"))
                .expect("JSON");
        cluster.simulated.ask("POST", "intent", &intent);
        cluster
    }
}

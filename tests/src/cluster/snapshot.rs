//! The state of a system in the middle of a run, in files: what a newer build must be able to take over.
//!
//! `database.sql`, `queues.json` (messages by queue), `events.jsonl` (the stream so far), `world.json` (the simulated Microsoft as
//! it stood), `plan.csv`, `plan-users.csv`, `intent.json`. `cargo xtask snapshot` writes them; the test of the upgrade reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use seatshift_messages::Service;
use seatshift_simulator::world;
use serde_json::{Value, json};

use super::process::until;
use super::{Cluster, NAME, Operator as _, Options};

/// Files that are taken over as they are.
const FILES: [&str; 2] = ["plan.csv", "plan-users.csv"];
/// Schemas of a release.
const SCHEMAS: [&str; 5] = ["control", "purchase", "reassignment", "suspension", "quota"];

impl Cluster {
    /// Runs a plan of six waves, stops everything in the middle of it, and writes it down: done migrations, unfinished work in
    /// every step, messages in a queue, events in an outbox. Wants one replica of each service.
    pub fn take_snapshot(&mut self, folder: &Path) {
        self.stop_in_the_middle();
        fs::create_dir_all(folder).expect("a folder");
        let write = |name: &str, text: String| {
            fs::write(folder.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        for file in FILES {
            fs::copy(self.path(file), folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        write("intent.json", fs::read_to_string(self.path("intent.json")).expect("an intent was stated"));
        let dump = self.postgres.dump(NAME).expect("a dump");
        // Of the client's own: other versions do not know them.
        let sql =
            dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        write("database.sql", sql.map(|line| line.to_owned() + "\n").collect());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("events are text");
        write("events.jsonl", self.history_bytes().into_iter().map(|bytes| text(bytes) + "\n").collect());
        write("queues.json", format!("{:#}\n", json!(self.waiting_messages())));
        let world = self.simulated.ask("GET", "remains", &Value::Null);
        write("world.json", format!("{world}\n"));
    }

    /// Step by step from the last one, a wave each. A service that is dead lets mail gather; a Microsoft that does not answer
    /// holds up what was begun; a dead broker leaves events in their outbox.
    fn stop_in_the_middle(&mut self) {
        self.run(&["apply", "plan.csv", "--yes", "--wave", "1"]).ends(&[0, 3]);
        let mut applies = Vec::new();
        for (wave, service) in
            [("2", Service::Suspension), ("3", Service::Reassignment), ("4", Service::Purchase)]
        {
            self.replica(service, 0).kill();
            applies.push(self.begin(&["apply", "plan.csv", "--yes", "--wave", wave]));
            self.until_some("mail", |cluster| cluster.mail(service));
            self.hold_in_hand(service);
        }
        applies.push(self.begin(&["apply", "plan.csv", "--yes", "--wave", "5"]));
        self.until_some("mail for purchase", |cluster| cluster.mail(Service::Purchase));
        self.rabbit.kill();
        applies.push(self.begin(&["apply", "plan.csv", "--yes", "--wave", "6"]));
        self.until_some("an event in an outbox", Cluster::in_outboxes);
        self.replica(Service::Control, 0).kill();
        self.rabbit.restart().expect("the broker starts again");
        self.is_in_the_middle();
        for mut apply in applies {
            // It waits for a control that is gone.
            apply.kill().ok();
            apply.wait().ok();
        }
    }

    /// Lets a dead service take up its mail, and kills it before it can end anything.
    fn hold_in_hand(&mut self, service: Service) {
        self.simulated.process.freeze();
        self.start_replica(service, 0);
        self.until_some("work in hand", |cluster| cluster.work_in_hand(service));
        self.replica(service, 0).kill();
        self.simulated.process.thaw();
    }

    /// Migrations that wait in the queue of a service.
    fn mail(&self, service: Service) -> u64 {
        let (from, told) = match service {
            Service::Control | Service::Purchase => ("control", "control.instruction"),
            Service::Reassignment => {
                ("purchase", "purchase.ledger where stage::jsonb -> 'stage' ? 'purchased'")
            }
            Service::Suspension => {
                ("reassignment", "reassignment.ledger where stage::jsonb -> 'stage' ? 'moved'")
            }
        };
        self.count(&format!(
            "select greatest(0, (select count(*) from {told}) - (select count(*) from {from}.outbox) \
               - (select count(*) from {service}.ledger))"
        ))
    }

    fn until_some(&self, what: &str, count: impl Fn(&Cluster) -> u64) {
        eprintln!("snapshot: waiting for {what}");
        let hands =
            || Service::ALL.map(|service| (service, self.work_in_hand(service), self.outbox(service)));
        until(
            Duration::from_secs(150),
            || format!("{what}; in hand and in outboxes: {:?}", hands()),
            || (count(self) > 0).then_some(()),
        );
    }

    /// Fails unless something is unfinished in each step, and not yet published.
    pub fn is_in_the_middle(&self) {
        for step in [Service::Purchase, Service::Reassignment, Service::Suspension] {
            assert!(self.work_in_hand(step) > 0, "{step} has nothing in hand");
        }
        assert!(self.in_outboxes() > 0, "everything is published");
    }

    fn in_outboxes(&self) -> u64 {
        Service::ALL.into_iter().map(|service| self.outbox(service)).sum()
    }

    fn work_in_hand(&self, service: Service) -> u64 {
        self.count(&format!("select count(*) from {service}.work where due is not null"))
    }

    fn outbox(&self, service: Service) -> u64 {
        self.count(&format!("select count(*) from {service}.outbox"))
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
        cluster.is_in_the_middle();
        // The simulator that starts again begins with its first refresh token.
        cluster.postgres.query(NAME, "delete from quota.token").expect("the token goes");
        // Before anybody goes on buying.
        cluster.intend_the_rest();
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
        cluster
    }

    /// The books of the simulator begin with the take-over, and have not seen what was bought before it: whether those rows came
    /// to their end is for `verify` to say. What is done to them from here on is judged like everything else.
    fn intend_the_rest(&self) {
        let text = fs::read_to_string(self.path("intent.json")).expect("intent");
        let mut intent: Value = serde_json::from_str(&text).expect("JSON");
        let bought = self.postgres.query(
            NAME,
            "select control.ledger.stage::jsonb #>> '{row,row}' \
               from control.ledger join purchase.ledger using (migration) \
               where purchase.ledger.stage::jsonb -> 'stage' ? 'purchased'",
        );
        let bought = bought.unwrap_or_else(|error| panic!("{error}"));
        let bought: BTreeSet<&str> = bought.lines().collect();
        let rows = intent["rows"].as_array_mut().expect("rows");
        for row in rows.iter_mut().filter(|row| row["row_id"].as_str().is_some_and(|id| bought.contains(id)))
        {
            row["approved"] = json!(false);
        }
        self.simulated.ask("POST", "intent", &intent);
    }
}

//! What came of it: verdicts, books, reconciliation, what the history says, and what is left in servers.

use std::collections::BTreeMap;
use std::time::Duration;

use seatshift_bus::history::{self, Since};
use seatshift_bus::{BrokerUrl, RabbitOptions};
use seatshift_messages::Service;
use uuid::Uuid;

use super::process::until;
use super::{Cluster, History, NAME, Operator as _};

/// Everything that is wrong, in words; empty = clean.
#[derive(Debug, Default)]
pub struct Judged {
    pub verdicts: BTreeMap<String, u64>,
    pub complaints: Vec<String>,
}

/// How long the services may take to empty their outboxes and queues when nothing happens any more.
const REST: Duration = Duration::from_secs(60);

impl Cluster {
    /// Judges a finished run. `rows`: how many rows must have a verdict.
    pub fn judge(&mut self) -> Judged {
        let mut judged = Judged::default();
        self.judge_verdicts(&mut judged);
        self.judge_remains(&mut judged);
        judged.complaints.extend(self.judge_reality());
        let history = self.history();
        judged.complaints.extend(history.holes());
        judged.complaints.extend(history.ends_short(&self.written()));
        judged.complaints.extend(history.said_too_often());
        judged
    }

    /// The number of the last event of each ledger.
    fn written(&self) -> Vec<(Service, Uuid, u64)> {
        let mut written = Vec::new();
        for service in Service::ALL {
            let sql = format!("select migration, sequence from {}.ledger where sequence > 0", service.name());
            let lines = self.question(&sql);
            written.extend(lines.lines().filter_map(|line| {
                let (migration, sequence) = line.split_once('|')?;
                Some((service, migration.trim().parse().ok()?, sequence.trim().parse().ok()?))
            }));
        }
        assert!(!written.is_empty(), "no service has said anything, and there is nothing to judge");
        written
    }

    fn judge_verdicts(&self, judged: &mut Judged) {
        let status = self.run(&["status", "--output", "json"]).ends(&[0, 3]).json();
        let verdicts = status["verdicts"].as_object().cloned().unwrap_or_default();
        judged.verdicts =
            verdicts.into_iter().map(|(kind, count)| (kind, count.as_u64().unwrap_or(0))).collect();
        let rows = status["rows"].as_u64().unwrap_or(0);
        let with_verdict: u64 = judged.verdicts.values().sum();
        if rows == 0 || with_verdict != rows {
            judged.complaints.push(format!("{with_verdict} of {rows} rows have a verdict: {status}"));
        }
    }

    fn judge_remains(&self, judged: &mut Judged) {
        let mut left = String::new();
        let empty = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(
                REST,
                || "empty outboxes and queues".to_owned(),
                || {
                    left = self.remains();
                    left.is_empty().then_some(())
                },
            );
        }));
        if empty.is_err() {
            judged.complaints.push(format!("left over: {left}"));
        }
    }

    /// What is still in outboxes and queues, in words; empty when nothing is.
    pub fn remains(&self) -> String {
        let mut left = String::new();
        for service in Service::ALL {
            let rows = self.count(&format!("select count(*) from {}.outbox", service.name()));
            if rows > 0 {
                left += &format!("{rows} events in the outbox of {service}; ");
            }
        }
        for (queue, messages) in self.queues() {
            if messages > 0 && !queue.contains("history") {
                left += &format!("{messages} messages in {queue}; ");
            }
        }
        left
    }

    /// A number out of the database.
    pub fn count(&self, sql: &str) -> u64 {
        let text = self.postgres.query(NAME, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        text.trim().parse().unwrap_or_else(|_| panic!("{sql}: {text}"))
    }

    /// A question to the database as its owner: a line for each row, columns parted by `|`.
    pub fn question(&self, sql: &str) -> String {
        self.postgres.query(NAME, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Messages by queue, those in readers' hands among them.
    pub fn queues(&self) -> BTreeMap<String, u64> {
        let told =
            self.rabbit.ctl(&["list_queues", "-q", "-p", NAME, "name", "messages", "--no-table-headers"]);
        let told = told.unwrap_or_else(|error| panic!("{error}"));
        let queue = |line: &str| {
            let (name, messages) = line.split_once('\t')?;
            Some((name.to_owned(), messages.trim().parse().ok()?))
        };
        told.lines().filter_map(queue).collect()
    }

    /// Everything that the stream holds.
    pub fn history(&self) -> History {
        let mut history = self.earlier.clone();
        self.history_bytes().iter().for_each(|bytes| history.take(bytes));
        history
    }

    /// The events of the stream, as they were published.
    pub fn history_bytes(&self) -> Vec<Vec<u8>> {
        let mut error = None;
        // A broker that was harmed, or has a whole machine against it, may let a reader wait.
        for _ in 0..3 {
            match on_a_runtime(history::read(&self.as_administrator(), Since::First, usize::MAX)) {
                Ok(read) => return read.into_iter().map(|record| record.bytes).collect(),
                Err(failed) => error = Some(failed),
            }
        }
        panic!("the history cannot be read: {error:?}")
    }

    /// Publishes events once more, as a relay does that did not hear the broker's answer.
    pub fn publish_again(&self, events: &[Vec<u8>]) {
        on_a_runtime(history::publish_again(&self.as_administrator(), events))
            .expect("the broker takes them");
    }

    fn as_administrator(&self) -> RabbitOptions {
        let url = BrokerUrl::parse(&self.rabbit.admin_url(NAME)).expect("an address");
        RabbitOptions::new(Service::Control, vec![url])
    }
}

fn on_a_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

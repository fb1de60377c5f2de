//! How fast the bus goes over the RabbitMQ of the tests: events published and confirmed, then received and acknowledged.
//!
//! Rates depend on what else the machine does; microseconds of CPU an event, here and in the broker, much less so. Every
//! event is written twice by the broker: into a quorum queue and into the history.
//!
//! `cargo run --release -p seatshift-bus --example rates -- [EVENTS]`, with `SEATSHIFT_TEST_SERVERS` set.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers, which ends at the first error"
)]

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::stream::iter;
use seatshift_bus::{BrokerUrl, Bus, Confirm, Outgoing, RabbitBus, RabbitOptions};
use seatshift_messages::Service::{Control, Reassignment};
use seatshift_messages::{Event, Heading, MigrationProgressed};
use uuid::Uuid;

fn event(n: u128) -> Outgoing {
    let heading = Heading {
        id: Uuid::from_u128(n).into(),
        source: Reassignment,
        subject: Uuid::from_u128(7),
        time: jiff::Timestamp::UNIX_EPOCH,
        sequence: 1,
        causation: None,
        customer: None,
    };
    let envelope =
        Event::MigrationProgressed(Box::new(MigrationProgressed { moved: 1, of: 1_000 })).seal(heading);
    Outgoing { id: envelope.id, bytes: envelope.to_bytes().into() }
}

async fn started(url: &BrokerUrl, prefetch: u16) -> Arc<RabbitBus> {
    let options = RabbitOptions { prefetch, ..RabbitOptions::new(Control, vec![url.clone()]) };
    let (bus, run) = RabbitBus::start(options).unwrap();
    tokio::spawn(run);
    while !bus.state().is_ready() {
        tokio::task::yield_now().await;
    }
    bus
}

/// CPU time that a process has used, in microseconds (the kernel counts in hundredths of a second).
fn cpu(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10_000.0
}

struct Stopwatch {
    what: String,
    broker: String,
    began: Instant,
    cpu: [f64; 2],
}

impl Stopwatch {
    fn start(what: String, broker: String) -> Self {
        let cpu = [cpu("self"), cpu(&broker)];
        Stopwatch { what, broker, began: Instant::now(), cpu }
    }

    fn stop(self, events: u128) {
        let events = events as f64;
        let rate = events / self.began.elapsed().as_secs_f64();
        let [here, there] = [cpu("self") - self.cpu[0], cpu(&self.broker) - self.cpu[1]];
        println!(
            "{}: {rate:>7.0} a second, {:>5.1} us here, {:>5.1} us in the broker",
            self.what,
            here / events,
            there / events
        );
    }
}

async fn publishing(bus: &RabbitBus, window: usize, events: u128) {
    let mut answers = iter(0..events).map(|n| bus.publish(event(n))).buffer_unordered(window);
    while let Some(answer) = answers.next().await {
        assert_eq!(answer, Confirm::Safe);
    }
}

async fn receiving(bus: &RabbitBus, limit: usize, events: u128) {
    let mut seen = 0;
    while seen < events {
        for delivery in bus.receive(Control, limit).await {
            delivery.ack();
            seen += 1;
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let events = std::env::args().nth(1).map_or(20_000, |text| text.parse().unwrap());
    let servers = seatshift_servers::Shared::attach().unwrap_or_else(|error| panic!("{error}"));
    let broker = servers.rabbit.pid().unwrap().to_string();
    for (window, limit, prefetch) in [(1, 1, 1), (32, 16, 32), (64, 64, 128), (256, 256, 512)] {
        let events = if window == 1 { events / 10 } else { events };
        let vhost = servers.fresh_vhost().unwrap();
        let url = BrokerUrl::parse(&servers.rabbit.admin_url(&vhost)).unwrap();
        {
            let writer = started(&url, 1).await;
            writer.drain().await;
            let watch =
                Stopwatch::start(format!("publish and confirm, window {window:>3}  "), broker.clone());
            publishing(&writer, window, events).await;
            watch.stop(events);
            writer.close().await;
        }
        let reader = started(&url, prefetch).await;
        let watch = Stopwatch::start(format!("receive and acknowledge, {limit:>3} at most"), broker.clone());
        receiving(&reader, limit, events).await;
        watch.stop(events);
        reader.close().await;
        servers.rabbit.delete_vhost(&vhost).unwrap();
    }
}

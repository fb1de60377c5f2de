//! How fast the bus goes over the RabbitMQ of the tests: events published and confirmed, then received and acknowledged.
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

async fn publishing(bus: &RabbitBus, window: usize, events: u128) {
    let began = Instant::now();
    let mut answers = iter(0..events).map(|n| bus.publish(event(n))).buffer_unordered(window);
    while let Some(answer) = answers.next().await {
        assert_eq!(answer, Confirm::Safe);
    }
    let rate = events as f64 / began.elapsed().as_secs_f64();
    println!("publish and confirm, window {window:>3}: {rate:>8.0} a second");
}

async fn receiving(bus: &RabbitBus, limit: usize, events: u128) {
    let (began, mut seen) = (Instant::now(), 0);
    while seen < events {
        for delivery in bus.receive(Control, limit).await {
            delivery.ack();
            seen += 1;
        }
    }
    let rate = events as f64 / began.elapsed().as_secs_f64();
    println!("receive and acknowledge, at most {limit:>3}: {rate:>8.0} a second");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let events = std::env::args().nth(1).map_or(20_000, |text| text.parse().unwrap());
    let servers = seatshift_servers::Shared::attach().unwrap_or_else(|error| panic!("{error}"));
    for (window, limit, prefetch) in [(1, 1, 1), (32, 16, 32), (64, 64, 128), (256, 256, 512)] {
        let events = if window == 1 { events / 10 } else { events };
        let vhost = servers.fresh_vhost().unwrap();
        let url = BrokerUrl::parse(&servers.rabbit.admin_url(&vhost)).unwrap();
        {
            let writer = started(&url, 1).await;
            writer.drain().await;
            publishing(&writer, window, events).await;
            writer.close().await;
        }
        let reader = started(&url, prefetch).await;
        receiving(&reader, limit, events).await;
        reader.close().await;
        servers.rabbit.delete_vhost(&vhost).unwrap();
    }
}

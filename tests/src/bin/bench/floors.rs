//! The machine alone: what publishing, receiving, committing and asking cost without anything of the system around them.
//!
//! Rates depend on what else the machine does; processor time an operation much less so.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::iter;
use seatshift_bus::{BrokerUrl, Bus as _, Confirm, Outgoing, RabbitBus, RabbitOptions};
use seatshift_messages::Service::{Control, Reassignment};
use seatshift_messages::{Event, Heading, MigrationProgressed};
use seatshift_partner_center::{HttpTransport, Timeouts, Transport as _};
use seatshift_servers::{Rabbit, Shared};
use seatshift_tests::cluster::process::cpu_seconds;
use seatshift_tests::cluster::{Options, Simulated, family_cpu_seconds, uniform};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{fsync, pgbench, rounded};

/// Everything, as rows of `what`, `per_second`, `client_us`, `server_us`.
pub(crate) fn measured() -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let Shared { rabbit, postgres } = Shared::start(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let fsync = fsync::fsync(&postgres, folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut rows = runtime.block_on(bus(&rabbit));
    rows.extend(pgbench::measured(&postgres, folder.path()));
    drop((rabbit, postgres));
    rows.extend(http(&runtime));
    json!({ "pg_test_fsync_per_second": fsync, "operations": rows })
}

/// Processor time of this process and of one server's, while something is done.
pub(crate) struct Stopwatch {
    server: Option<u32>,
    begun: Instant,
    before: [f64; 2],
}

impl Stopwatch {
    pub(crate) fn start(server: Option<u32>) -> Self {
        Stopwatch { server, begun: Instant::now(), before: Self::used(server) }
    }

    fn used(server: Option<u32>) -> [f64; 2] {
        [cpu_seconds(std::process::id()), server.map_or(0.0, family_cpu_seconds)]
    }

    pub(crate) fn stop(self, what: &str, operations: u64) -> Value {
        let seconds = self.begun.elapsed().as_secs_f64();
        let now = Self::used(self.server);
        let micros = |at: usize| rounded((now[at] - self.before[at]) * 1e6 / operations as f64);
        json!({
            "what": what,
            "per_second": (operations as f64 / seconds).round(),
            "client_us": micros(0),
            "server_us": micros(1),
        })
    }
}

async fn bus(rabbit: &Rabbit) -> Vec<Value> {
    let mut rows = Vec::new();
    for (window, limit, prefetch, events) in [(1, 1, 1, 2_000), (32, 16, 32, 20_000), (256, 256, 512, 20_000)]
    {
        let vhost = format!("floors-{window}");
        rabbit.add_vhost(&vhost).expect("a virtual host");
        let url = BrokerUrl::parse(&rabbit.admin_url(&vhost)).expect("an address");
        let writer = started(&url, 1).await;
        writer.drain().await;
        let watch = Stopwatch::start(rabbit.pid());
        let mut answers = iter(0..events).map(|n| writer.publish(event(n))).buffer_unordered(window);
        while let Some(answer) = answers.next().await {
            assert_eq!(answer, Confirm::Safe, "the broker keeps what it is given");
        }
        drop(answers);
        rows.push(watch.stop(&format!("broker: publish and confirm, window {window}"), events));
        writer.close().await;
        let reader = started(&url, prefetch).await;
        let watch = Stopwatch::start(rabbit.pid());
        let mut seen = 0;
        while seen < events {
            for delivery in reader.receive(Control, limit).await {
                delivery.ack();
                seen += 1;
            }
        }
        rows.push(watch.stop(&format!("broker: receive and acknowledge, prefetch {prefetch}"), events));
        reader.close().await;
        rabbit.delete_vhost(&vhost).ok();
    }
    rows
}

async fn started(url: &BrokerUrl, prefetch: u16) -> Arc<RabbitBus> {
    let options = RabbitOptions { prefetch, ..RabbitOptions::new(Control, vec![url.clone()]) };
    let (bus, running) = RabbitBus::start(options).expect("a bus");
    tokio::spawn(running);
    while !bus.state().is_ready() {
        tokio::task::yield_now().await;
    }
    bus
}

fn event(n: u64) -> Outgoing {
    let heading = Heading {
        id: Uuid::from_u128(u128::from(n)).into(),
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

/// The HTTP library that the client uses, against the simulator.
fn http(runtime: &tokio::runtime::Runtime) -> Vec<Value> {
    const CALLS: u64 = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::new(1, 1, "none");
    options.world = Some(uniform(1, 1, 0));
    let simulated = Simulated::serve(folder.path(), &options);
    let transport = HttpTransport::new(&Timeouts::default()).expect("a transport");
    let get = || {
        let request = http::Request::get(simulated.url("calls")).body(Bytes::new()).expect("a request");
        transport.send(request)
    };
    let of = |at_once: usize| {
        let watch = Stopwatch::start(Some(simulated.process.id()));
        runtime.block_on(async {
            let mut answers = iter(0..CALLS).map(|_| get()).buffer_unordered(at_once);
            while let Some(answer) = answers.next().await {
                answer.expect("the simulator answers");
            }
        });
        watch.stop(&format!("HTTP: GET, {at_once} at a time"), CALLS)
    };
    [1, 8, 64].map(of).to_vec()
}

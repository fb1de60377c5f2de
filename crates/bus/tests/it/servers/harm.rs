//! Harm done to a broker in the middle of traffic: nothing that was confirmed is lost, and the traffic goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seatshift_bus::{BrokerUrl, Bus, Confirm, RabbitOptions};
use seatshift_messages::Service::{Control, Purchase};
use seatshift_servers::Rabbit;
use tokio::task::JoinSet;

use super::stage::Running;
use crate::given::*;

/// One that publishes and one that reads, without a pause.
struct Traffic {
    publisher: Arc<Running>,
    reader: Arc<Running>,
    books: Arc<Mutex<Books>>,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Books {
    next: u32,
    confirmed: BTreeSet<u32>,
    /// With the number of deliveries.
    seen: BTreeMap<u32, u32>,
}

impl Traffic {
    async fn start(rabbit: &Rabbit) -> Self {
        let options = |service| RabbitOptions {
            heartbeat: Duration::from_secs(2),
            confirm_timeout: Duration::from_secs(3),
            backoff: (Duration::from_millis(50), Duration::from_secs(1)),
            ..RabbitOptions::new(service, vec![BrokerUrl::parse(&rabbit.admin_url("harm")).unwrap()])
        };
        let publisher = Arc::new(Running::ready(options(Purchase)).await);
        let reader = Arc::new(Running::ready(options(Control)).await);
        let books = Arc::new(Mutex::new(Books::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(publish_on(Arc::clone(&publisher), Arc::clone(&books)));
        tasks.spawn(read_on(Arc::clone(&reader), Arc::clone(&books)));
        Traffic { publisher, reader, books, tasks }
    }

    fn confirmed(&self) -> usize {
        self.books.lock().unwrap().confirmed.len()
    }

    /// Both are connected, and a good number of further events gets through.
    async fn flows(&self) {
        let before = self.confirmed();
        let seen = self.books.lock().unwrap().seen.len();
        for bus in [&self.publisher, &self.reader] {
            bus.until("back", seatshift_bus::BusState::is_ready).await;
        }
        for _ in 0..1_200 {
            if self.confirmed() > before + 500 && self.books.lock().unwrap().seen.len() > seen + 500 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the traffic does not go on: {:?} {:?}", self.publisher.state(), self.reader.state());
    }

    /// Stops, reads what is left, and counts.
    async fn settled(mut self) -> Books {
        self.tasks.shutdown().await;
        while let Ok(rest) =
            tokio::time::timeout(Duration::from_secs(3), self.reader.receive(Control, 64)).await
        {
            for delivery in rest {
                *self.books.lock().unwrap().seen.entry(number(&delivery)).or_default() += 1;
                delivery.ack();
            }
        }
        std::mem::take(&mut *self.books.lock().unwrap())
    }
}

/// As the relay does: a window of events on their way, and what is unknown again, with the same id.
async fn publish_on(bus: Arc<Running>, books: Arc<Mutex<Books>>) {
    let mut window = FuturesUnordered::new();
    let send = |n: u32| {
        let answer = bus.publish(progressed(n));
        async move { (n, answer.await) }
    };
    loop {
        while window.len() < 64 {
            let mut books = books.lock().unwrap();
            books.next += 1;
            window.push(send(books.next));
        }
        match window.next().await.unwrap() {
            (n, Confirm::Safe) => _ = books.lock().unwrap().confirmed.insert(n),
            (n, Confirm::Unknown) => {
                window.push(send(n));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

async fn read_on(bus: Arc<Running>, books: Arc<Mutex<Books>>) {
    loop {
        for delivery in bus.receive(Control, 64).await {
            *books.lock().unwrap().seen.entry(number(&delivery)).or_default() += 1;
            delivery.ack();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_the_broker_nothing_that_was_confirmed_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut rabbit = Rabbit::start(dir.path()).unwrap();
    rabbit.add_vhost("harm").unwrap();
    let traffic = Traffic::start(&rabbit).await;
    traffic.flows().await;

    // Out of disk: the broker blocks who publishes, and only those.
    rabbit.disk_alarm(true).unwrap();
    let state = traffic.publisher.until("blocked", |state| state.blocked.is_some()).await;
    assert!(!state.is_ready());
    assert!(state.blocked.unwrap().contains("disk"), "the reason is the broker's");
    let before = traffic.confirmed();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(traffic.confirmed() <= before + 64, "nothing goes on while it is blocked");
    assert_eq!(traffic.publisher.state().reconnects, 0, "waiting is no reason to hang up");
    assert!(traffic.reader.state().is_ready());
    rabbit.disk_alarm(false).unwrap();
    traffic.publisher.until("unblocked", |state| state.blocked.is_none()).await;
    traffic.flows().await;

    // A black hole: noticed because nothing is heard.
    rabbit.freeze();
    for bus in [&traffic.publisher, &traffic.reader] {
        bus.until("noticed", |state| !state.publishing && !state.consuming).await;
    }
    rabbit.thaw();
    traffic.flows().await;

    // Gone, from one moment to the next.
    rabbit.kill();
    for bus in [&traffic.publisher, &traffic.reader] {
        bus.until("noticed", |state| !state.publishing && !state.consuming).await;
    }
    rabbit.restart().unwrap();
    traffic.flows().await;

    let books = traffic.settled().await;
    let lost: Vec<_> = books.confirmed.iter().filter(|n| !books.seen.contains_key(n)).collect();
    assert!(lost.is_empty(), "confirmed and never delivered: {lost:?}");
    let twice = books.seen.values().filter(|count| **count > 1).count();
    println!(
        "{} confirmed, {} delivered, {twice} of them more than once",
        books.confirmed.len(),
        books.seen.len()
    );
}

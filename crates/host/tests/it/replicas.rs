//! Several hosts on one store: what one leaves, another takes up, at once where it could be said, else when its lease ends.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::{Buried, Bus, Confirm, Delivery, LocalBus, Outgoing, Settled};
use seatshift_host::{Clock, Limits, Meters, Parts, Sabotage, start};
use seatshift_messages::{EventId, MigrationId, Service};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Bench, Counting, migration, until_done};

/// Replicas look for what others left each second; a lease is ten minutes.
fn limits() -> Limits {
    Limits {
        lease: SignedDuration::from_mins(10),
        look_again: Some(SignedDuration::from_secs(1)),
        outbox_lease: Some(SignedDuration::from_secs(30)),
        ..Limits::default()
    }
}

impl Bench {
    pub(crate) fn replica(&self, bus: Arc<dyn Bus>) -> Parts {
        Parts { limits: limits(), ..self.parts(bus) }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_replica_held_is_taken_up_when_its_lease_has_run_out_and_not_before() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let hanging = Arc::new(Counting { hangs: Some(Arc::new(Notify::new())), ..Counting::default() });
    let (_, running) = start(hanging.clone(), bench.replica(bus.clone()), CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        () = hanging.begun.notified() => {}
        () = running => panic!("the host ended by itself"),
    }
    // Its future is gone: SIGKILL.
    let died = bench.clock.now();
    let second = Arc::new(Counting::default());
    let (handle, running) = start(second.clone(), bench.replica(bus), CancellationToken::new());
    tokio::select! {
        biased;
        () = second.begun.notified() => {}
        () = running => panic!("the host ended by itself"),
    }
    let after = bench.clock.now().duration_since(died);
    assert!(after >= SignedDuration::from_secs(599) && after <= SignedDuration::from_secs(602), "{after:#}");
    assert_eq!(second.interrupted.load(Ordering::Relaxed), 1, "it must know that calls may be on their way");
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_go_out_until_one_call_before_the_end_of_its_lease() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let participant = Arc::new(Counting::default());
    let claimed = bench.clock.now();
    let (handle, running) = start(participant.clone(), bench.replica(bus.clone()), CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        () = participant.begun.notified() => {}
        () = running => panic!("the host ended by itself"),
    }
    let latest = participant.send_until.lock().unwrap().unwrap().duration_since(claimed);
    // Ten minutes less the minute that a call may take.
    assert!(latest >= SignedDuration::from_mins(9) && latest < SignedDuration::from_secs(541), "{latest:#}");
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn what_waits_long_for_a_place_begins_with_a_whole_lease_all_the_same() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let bell = Arc::new(Notify::new());
    let participant = Arc::new(Counting { hangs: Some(bell.clone()), ..Counting::default() });
    let mut parts = bench.replica(bus.clone());
    parts.limits.parallel = 1;
    let claimed = bench.clock.now();
    let (handle, running) = start(participant.clone(), parts, CancellationToken::new());
    bench.ask(&*bus);
    bench.ask_about(&*bus, MigrationId(Uuid::from_u128(2)), EventId(Uuid::from_u128(0xB2)));
    tokio::select! {
        biased;
        () = async {
            participant.begun.notified().await;
            // The other was taken up with the first, and waits for its place.
            bench.clock.sleep(SignedDuration::from_mins(8)).await;
            bell.notify_one();
            participant.begun.notified().await;
        } => {}
        () = running => panic!("the host ended by itself"),
    }
    let latest = participant.send_until.lock().unwrap().unwrap().duration_since(claimed);
    assert!(latest > SignedDuration::from_mins(13), "{latest:#}: it may hardly send any more");
    assert_eq!(participant.interrupted.load(Ordering::Relaxed), 0);
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_stops_gives_back_what_it_has_not_begun() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let bell = Arc::new(Notify::new());
    let first = Arc::new(Counting { hangs: Some(bell.clone()), ..Counting::default() });
    let stopping = CancellationToken::new();
    let (_, running) = start(first.clone(), bench.replica(bus.clone()), stopping.clone());
    bench.ask(&*bus);
    let operator = async {
        first.begun.notified().await;
        stopping.cancel();
        bell.notify_one();
    };
    let ((), ()) = futures::join!(operator, running);
    let stopped = bench.clock.now();
    // The one it had in hand said "in a minute": nobody has to wait for a lease.
    let second = Arc::new(Counting::default());
    let (handle, running) = start(second.clone(), bench.replica(bus), CancellationToken::new());
    tokio::select! {
        biased;
        _ = until_done(&handle, &bench.clock) => {}
        () = running => panic!("the host ended by itself"),
    }
    assert!(bench.clock.now().duration_since(stopped) < SignedDuration::from_mins(5));
    assert_eq!(second.interrupted.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn stopping_publishes_what_the_last_work_led_to() {
    let bench = Bench::new();
    let bus = Arc::new(Counted::new());
    let bell = Arc::new(Notify::new());
    let participant = Arc::new(Counting { hangs: Some(bell.clone()), ..Counting::default() });
    let stopping = CancellationToken::new();
    let (handle, running) = start(participant.clone(), bench.replica(bus.clone()), stopping.clone());
    bench.ask(&*bus);
    let operator = async {
        // The third look is the last: it says the word.
        for _ in 0..2 {
            participant.begun.notified().await;
            bell.notify_one();
        }
        participant.begun.notified().await;
        stopping.cancel();
        bell.notify_one();
    };
    let ((), ()) = futures::join!(operator, running);
    assert_eq!(bus.published.load(Ordering::Relaxed), 1, "what was said did not leave the house");
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn events_that_a_dead_replica_held_are_published_by_another() {
    let bench = Bench::new();
    let silent = Arc::new(Counted::new());
    silent.answers.store(false, Ordering::Relaxed);
    let (first, running) =
        start(Arc::new(Counting::default()), bench.replica(silent.clone()), CancellationToken::new());
    bench.ask(&*silent);
    tokio::select! {
        biased;
        _ = async {
            until_done(&first, &bench.clock).await;
            while silent.published.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } => {}
        () = running => panic!("the host ended by itself"),
    }
    let bus = Arc::new(Counted::new());
    let (second, running) =
        start(Arc::new(Counting::default()), bench.replica(bus.clone()), CancellationToken::new());
    let published = async {
        while bus.published.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        biased;
        ended = tokio::time::timeout(Duration::from_secs(60), published) => ended.expect("nobody published it"),
        () = running => panic!("the host ended by itself"),
    }
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_makes_the_decision_panic_is_put_aside_and_the_others_go_on() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let poisoned = MigrationId(Uuid::from_u128(666));
    let participant = Arc::new(Counting { poison: Some(poisoned), ..Counting::default() });
    let (handle, running) = start(participant, bench.replica(bus.clone()), CancellationToken::new());
    bench.ask_about(&*bus, poisoned, EventId(Uuid::from_u128(0xB6)));
    bench.ask(&*bus);
    let both = async {
        assert_eq!(until_done(&handle, &bench.clock).await.asked, 1);
        loop {
            if let Some(letter) = bench.store.dead_letters(1).await.unwrap().pop() {
                return letter;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        biased;
        letter = both => assert!(letter.reason.contains("panicked 3 times"), "{}", letter.reason),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_inbox_a_host_hears_everything_twice() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let mut parts = bench.replica(bus.clone());
    parts.limits.sabotage = Some(Sabotage::InboxOff);
    let (handle, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    bench.ask(&*bus);
    bench.ask(&*bus);
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 2),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn ledgers_that_are_wanted_together_are_read_together() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(256));
    let meters = Meters::new();
    let parts = Parts { meters: meters.clone(), ..bench.replica(bus.clone()) };
    for number in 1..=60 {
        let id = EventId(Uuid::from_u128(0x1000 + number));
        bench.ask_about(&*bus, MigrationId(Uuid::from_u128(number)), id);
    }
    let (handle, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    tokio::select! {
        biased;
        _ = async {
            while meter(&meters, "seatshift_heard_total{outcome=\"done\"}") < 60.0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => {}
        () = running => panic!("the host ended by itself"),
    }
    let questions = meter(&meters, "seatshift_load_ledgers_count");
    assert!(questions <= 10.0, "{questions} questions for 60 ledgers");
    drop(handle);
}

/// Delivers one thing that nobody can read until it is settled, and keeps dead letters, though not at once.
#[derive(Debug, Default)]
struct Alarmed {
    refuses: AtomicU32,
    settled: Arc<Mutex<Vec<Settled>>>,
    /// It is in the queue. One signal is one delivery.
    queued: Arc<Notify>,
}

#[async_trait]
impl Bus for Alarmed {
    fn publish(&self, _: Outgoing) -> BoxFuture<'static, Confirm> {
        Box::pin(std::future::ready(Confirm::Safe))
    }

    async fn receive(&self, _: Service, _: usize) -> Vec<Delivery> {
        self.queued.notified().await;
        let (settled, queued) = (self.settled.clone(), self.queued.clone());
        vec![Delivery::new(b"<html>gateway</html>".as_slice().into(), move |how| {
            settled.lock().unwrap().push(how);
            if how != Settled::Acknowledged {
                queued.notify_one();
            }
        })]
    }

    async fn bury(&self, _: Service, _: Arc<[u8]>, _: &str) -> Buried {
        let left = self.refuses.load(Ordering::Relaxed);
        self.refuses.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 { Buried::Kept } else { Buried::NotNow }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_among_the_brokers_dead_letters_comes_again_and_is_put_nowhere_else() {
    let bench = Bench::new();
    let bus = Arc::new(Alarmed { refuses: AtomicU32::new(2), ..Alarmed::default() });
    bus.queued.notify_one();
    let (_, running) =
        start(Arc::new(Counting::default()), bench.replica(bus.clone()), CancellationToken::new());
    let buried = async {
        while bus.settled.lock().unwrap().last() != Some(&Settled::Acknowledged) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        biased;
        () = buried => {}
        () = running => panic!("the host ended by itself"),
        () = tokio::time::sleep(Duration::from_secs(3600)) => panic!("it was never buried"),
    }
    let settled = bus.settled.lock().unwrap().clone();
    assert_eq!(settled, [Settled::GivenBack, Settled::GivenBack, Settled::Acknowledged]);
    assert!(bench.store.dead_letters(1).await.unwrap().is_empty(), "nobody would find it there");
}

/// A clock that can be found wrong.
#[derive(Debug)]
struct Doubtful {
    clock: Arc<dyn Clock>,
    right: AtomicBool,
}

impl Doubtful {
    fn parts(bench: &Bench, bus: Arc<dyn Bus>, right: bool) -> (Arc<Doubtful>, Parts) {
        let clock = Arc::new(Doubtful { clock: bench.clock.clone(), right: AtomicBool::new(right) });
        (clock.clone(), Parts { clock, ..bench.replica(bus) })
    }
}

impl Clock for Doubtful {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(at)
    }

    fn is_right(&self) -> bool {
        self.right.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_clock_is_wrong_takes_up_nothing_until_it_is_right() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let (clock, parts) = Doubtful::parts(&bench, bus.clone(), false);
    let participant = Arc::new(Counting::default());
    let (handle, running) = start(participant.clone(), parts, CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        () = async {
            bench.clock.sleep(SignedDuration::from_mins(20)).await;
            assert_eq!(participant.performed.load(Ordering::Relaxed), 0);
            let heard = bench.store.ledgers(Service::Purchase, &[migration()]).await.unwrap();
            assert!(heard.is_empty(), "it has decided by a wrong clock: {heard:?}");
            clock.right.store(true, Ordering::Relaxed);
            until_done(&handle, &bench.clock).await;
        } => {}
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_in_hand_when_the_clock_was_found_wrong_may_not_send_and_is_left_to_its_lease() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let (clock, parts) = Doubtful::parts(&bench, bus.clone(), true);
    let bell = Arc::new(Notify::new());
    let participant = Arc::new(Counting { hangs: Some(bell.clone()), ..Counting::default() });
    let (handle, running) = start(participant.clone(), parts, CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        () = async {
            participant.begun.notified().await;
            tokio::task::yield_now().await;
            clock.right.store(false, Ordering::Relaxed);
            bell.notify_one();
            bench.clock.sleep(SignedDuration::from_secs(10)).await;
        } => {}
        () = running => panic!("the host ended by itself"),
    }
    let rows = bench.store.work(Service::Purchase, migration()).await.unwrap();
    assert!(rows[0].body.contains("\"looks\":3"), "what it found out by a wrong clock was saved: {rows:?}");
    drop(handle);

    let second = Arc::new(Counting::default());
    let (handle, running) = start(second.clone(), bench.replica(bus), CancellationToken::new());
    tokio::select! {
        biased;
        () = second.begun.notified() => {}
        () = running => panic!("the host ended by itself"),
    }
    assert_eq!(second.interrupted.load(Ordering::Relaxed), 1, "its calls may be on their way");
    drop(handle);
}

/// The figure of this name; 0 where it is not there yet.
fn meter(meters: &Meters, name: &str) -> f64 {
    let text = meters.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.map_or(0.0, |figure| figure.parse().unwrap())
}

/// Delivers what is published to it, and counts what purchase says.
#[derive(Debug)]
struct Counted {
    inner: LocalBus,
    published: AtomicU32,
    answers: AtomicBool,
}

impl Counted {
    fn new() -> Self {
        Counted { inner: LocalBus::new(64), published: AtomicU32::new(0), answers: AtomicBool::new(true) }
    }
}

#[async_trait]
impl Bus for Counted {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        if !String::from_utf8_lossy(&outgoing.bytes).contains("purchase.refused") {
            return self.inner.publish(outgoing);
        }
        self.published.fetch_add(1, Ordering::Relaxed);
        if self.answers.load(Ordering::Relaxed) {
            Box::pin(std::future::ready(Confirm::Safe))
        } else {
            Box::pin(std::future::pending())
        }
    }

    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        self.inner.receive(service, limit).await
    }
}

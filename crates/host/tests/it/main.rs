//! A host, tried with a participant that counts: it hears a request, does one piece of work, says one word.
#![expect(clippy::unwrap_used, reason = "a trial that cannot be set up says so by panicking")]

mod replicas;
mod trouble;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::faults::Duplicating;
use seatshift_bus::{Bus, LocalBus, Outgoing};
use seatshift_host::{
    About, Clock, Decision, Desk, Effect, Handle, Heard, Ids, Job, Limits, Participant, Parts, Performed,
    VirtualClock, later, start,
};
use seatshift_messages::{
    Cause, CustomerId, Envelope, Event, EventId, Heading, Instruction, MigrationId, PurchaseRefused,
    RollbackRequested, Service, Stands,
};
use seatshift_store::{MemoryStore, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Does its work `looks` times, a minute apart, and then says refused.
#[derive(Debug, Default)]
struct Counting {
    /// What it panics at when it hears of it.
    poison: Option<MigrationId>,
    performed: AtomicU32,
    interrupted: AtomicU32,
    /// Work hangs until this rings, where set.
    hangs: Option<Arc<Notify>>,
    /// Until when the work at hand may send.
    send_until: Mutex<Option<Timestamp>>,
    begun: Notify,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Stage {
    asked: u32,
    done: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Fact {
    Asked,
    Finished,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Work {
    looks: u32,
}

#[async_trait]
impl Participant for Counting {
    const SERVICE: Service = Service::Purchase;
    type Stage = Stage;
    type Fact = Fact;
    type Work = Work;
    type Said = ();

    fn decide(stage: Stage, fact: Fact) -> Decision<Self> {
        match fact {
            Fact::Asked if stage.asked == 0 => {
                Decision { next: Stage { asked: 1, ..stage }, effects: vec![] }.and(Effect::Do {
                    part: "work".to_owned(),
                    work: Work { looks: 3 },
                    after: SignedDuration::ZERO,
                })
            }
            Fact::Asked => Decision { next: Stage { asked: stage.asked + 1, ..stage }, effects: vec![] },
            Fact::Finished => {
                Decision { next: Stage { done: true, ..stage }, effects: vec![Effect::Say(())] }
            }
        }
    }

    fn receive(&self, envelope: &Envelope, event: Event) -> Option<Heard<Fact>> {
        assert_ne!(self.poison.map(|poison| poison.0), Some(envelope.subject), "poisoned");
        self.hear(event)
    }

    fn hear(&self, event: Event) -> Option<Heard<Fact>> {
        match event {
            Event::RollbackRequested(_) => {
                Some(Heard { fact: Fact::Asked, instruction: Some(instruction()) })
            }
            _ => None,
        }
    }

    fn say(&self, (): (), _: &About) -> Event {
        let cause = Cause::new("done", "for the test");
        Event::PurchaseRefused(Box::new(PurchaseRefused { cause, stands: Stands::default() }))
    }

    async fn perform(&self, job: Job<Work>, desk: &Desk<Self>) -> Performed<Self> {
        self.performed.fetch_add(1, Ordering::Relaxed);
        self.interrupted.fetch_add(u32::from(job.interrupted), Ordering::Relaxed);
        *self.send_until.lock().unwrap() = Some(desk.send_until());
        self.begun.notify_one();
        if let Some(hangs) = &self.hangs {
            desk.save(&job.work).await.unwrap();
            hangs.notified().await;
        }
        match job.work.looks.checked_sub(1) {
            Some(0) | None => Performed::Done(Fact::Finished),
            Some(looks) => Performed::Again { work: Work { looks }, after: SignedDuration::from_mins(1) },
        }
    }
}

fn instruction() -> Instruction {
    let text = include_str!("../../../messages/tests/it/golden/seatshift.migration.requested.v1.json");
    let envelope = Envelope::from_bytes(text.as_bytes()).unwrap();
    match Event::read(&envelope).unwrap() {
        Event::MigrationRequested(requested) => requested.instruction,
        other => panic!("{other:?}"),
    }
}

fn migration() -> MigrationId {
    MigrationId(Uuid::from_u128(1))
}

struct Bench {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
}

impl Bench {
    fn new() -> Self {
        let begin: Timestamp = "2019-03-01T08:00:00Z".parse().unwrap();
        Bench {
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(VirtualClock::starting(begin)),
            ids: Arc::new(Ids::seeded(7)),
        }
    }

    fn parts(&self, bus: Arc<dyn Bus>) -> Parts {
        Parts {
            store: self.store.clone(),
            bus,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            limits: Limits::default(),
            meters: seatshift_host::Meters::new(),
        }
    }

    /// Somebody asks, over the bus.
    fn ask(&self, bus: &dyn Bus) {
        self.ask_about(bus, migration(), EventId(Uuid::from_u128(0xA5)));
    }

    fn ask_about(&self, bus: &dyn Bus, migration: MigrationId, id: EventId) {
        let asked =
            RollbackRequested { asked: seatshift_messages::AskedBy { by: "ada".to_owned(), reason: None } };
        let envelope = Event::RollbackRequested(Box::new(asked)).seal(Heading {
            id,
            source: Service::Control,
            subject: migration.0,
            time: self.clock.now(),
            sequence: 1,
            causation: None,
            customer: Some(CustomerId(Uuid::from_u128(2))),
        });
        drop(bus.publish(Outgoing { id: envelope.id, bytes: envelope.to_bytes().into() }));
    }

    async fn said(&self) -> usize {
        self.store.events(0, 100, None).await.unwrap().len()
    }
}

/// Lets the host run until its stage is done.
async fn until_done(handle: &Handle<Counting>, clock: &Arc<dyn Clock>) -> Stage {
    loop {
        let stage = handle.stage(migration()).await;
        if stage.done {
            return stage;
        }
        clock.sleep(SignedDuration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_done_looked_at_again_when_due_and_said_once() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let participant = Arc::new(Counting::default());
    let (handle, running) = start(participant.clone(), bench.parts(bus.clone()), CancellationToken::new());
    bench.ask(&*bus);
    let began = bench.clock.now();
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
    }
    assert_eq!(participant.performed.load(Ordering::Relaxed), 3);
    assert!(
        bench.clock.now() >= later(began, SignedDuration::from_mins(2)),
        "it did not wait for its due times"
    );
    assert_eq!(bench.said().await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_delivered_twice_is_heard_once() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(Duplicating::new(Arc::new(LocalBus::new(64)), 1, 1));
    let participant = Arc::new(Counting::default());
    let (handle, running) = start(participant, bench.parts(bus.clone()), CancellationToken::new());
    bench.ask(&*bus);
    bench.ask(&*bus);
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_a_crash_cut_off_is_taken_up_again_and_told_so() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let hanging = Arc::new(Counting { hangs: Some(Arc::new(Notify::new())), ..Counting::default() });
    let (_, running) = start(hanging.clone(), bench.parts(bus.clone()), CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        () = hanging.begun.notified() => {}
        () = running => panic!("the host ended by itself"),
    }
    // The future is gone: a crash in the middle of the work. A new process knows that it is alone.
    bench.store.take_over().await.unwrap();
    let second = Arc::new(Counting::default());
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let (handle, running) = start(second.clone(), bench.parts(bus), CancellationToken::new());
    tokio::select! {
        biased;
        _ = until_done(&handle, &bench.clock) => {}
        () = running => panic!("the host ended by itself"),
    }
    assert_eq!(second.interrupted.load(Ordering::Relaxed), 1, "the first look after the crash must know");
    assert_eq!(second.performed.load(Ordering::Relaxed), 3);
    assert_eq!(bench.said().await, 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_what_is_in_hand_and_takes_up_nothing_more() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let bell = Arc::new(Notify::new());
    let participant = Arc::new(Counting { hangs: Some(bell.clone()), ..Counting::default() });
    let stopping = CancellationToken::new();
    let (handle, running) = start(participant.clone(), bench.parts(bus.clone()), stopping.clone());
    bench.ask(&*bus);
    let operator = async {
        participant.begun.notified().await;
        stopping.cancel();
        bell.notify_one();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = operator => {}
        () = running => {}
    }
    assert_eq!(participant.performed.load(Ordering::Relaxed), 1);
    let rows = bench.store.work(Service::Purchase, migration()).await.unwrap();
    assert!(
        rows[0].body.contains("\"looks\":2") && rows[0].due.is_some(),
        "what it had in hand was not saved: {rows:?}"
    );
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_goes_to_the_dead_letters_with_the_reason() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(Garbling);
    let participant = Arc::new(Counting::default());
    let (_, running) = start(participant, bench.parts(bus), CancellationToken::new());
    let buried = async {
        loop {
            if let Some(letter) = bench.store.dead_letters(1).await.unwrap().pop() {
                return letter;
            }
            bench.clock.sleep(SignedDuration::from_secs(1)).await;
        }
    };
    tokio::select! {
        biased;
        letter = buried => {
            assert!(letter.reason.contains("not a CloudEvents"), "{}", letter.reason);
            assert_eq!(&*letter.bytes, b"<html>gateway</html>");
        }
        () = running => panic!("the host ended by itself"),
    }
}

/// Delivers one thing that nobody can read.
#[derive(Debug)]
struct Garbling;

#[async_trait]
impl Bus for Garbling {
    fn publish(&self, _: Outgoing) -> futures::future::BoxFuture<'static, seatshift_bus::Confirm> {
        Box::pin(std::future::ready(seatshift_bus::Confirm::Safe))
    }

    async fn receive(&self, _: Service, _: usize) -> Vec<seatshift_bus::Delivery> {
        static ONCE: AtomicU32 = AtomicU32::new(0);
        if ONCE.fetch_add(1, Ordering::Relaxed) > 0 {
            std::future::pending::<()>().await;
        }
        vec![seatshift_bus::Delivery::new(b"<html>gateway</html>".as_slice().into(), |_| {})]
    }
}

#[tokio::test(start_paused = true)]
async fn two_who_tell_at_the_same_time_are_both_heard() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let participant = Arc::new(Counting::default());
    let (handle, running) = start(participant, bench.parts(bus), CancellationToken::new());
    let customer = Some(CustomerId(Uuid::from_u128(2)));
    let told = async {
        let instruction = Arc::new(instruction());
        let tell = || handle.tell(migration(), customer, Some(instruction.clone()), Fact::Asked);
        futures::join!(tell(), tell(), tell(), tell());
        handle.stage(migration()).await
    };
    tokio::select! {
        biased;
        stage = told => assert_eq!(stage.asked, 4, "a lost race must be decided again"),
        () = running => panic!("the host ended by itself"),
    }
}

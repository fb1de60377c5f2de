//! The stage on which control is tested: everything real but the participants and the look at Microsoft.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::{Bus, LocalBus, Outgoing, RabbitError};
use seatshift_host::{Clock, Ids, Limits, Parts, VirtualClock};
use seatshift_messages::*;
use seatshift_store::{Changes, LedgerChange, MemoryStore, Store, StoreError};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clock::Doubtful;
use crate::commands::{Answered, Command, Target, Verb};
use crate::standing::{self, RowStanding};
use crate::tracker::{Answer, VerdictKind};
use crate::{
    ACTS, Applied, Config, Control, Decided, History, Holding, PlannedRow, Question, Recheck, Rechecked,
    ReviewedPlan, RunOptions, Setup, Shared, Turned, Valve, start,
};

/// What the participants do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Complete,
    Refuse,
    /// Purchase parks; a retry completes.
    Park,
    /// Says nothing more.
    Hang,
    /// Is bought, and then nothing more is said.
    HangLater,
    /// The first request is lost on its way to purchase; completes when it comes again.
    Lost,
    /// Completes, and control is not told: only the history has it.
    Unheard,
}

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) control: Control,
    /// One, or several that share the store and the bus; `control` is the first.
    pub(super) replicas: Vec<Replica>,
    pub(super) lock: Arc<OneLock>,

    pub(super) store: Arc<MemoryStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<Ids>,
    pub(super) world: Arc<World>,
    pub(super) valve: Arc<Taps>,
    tasks: Vec<JoinHandle<()>>,
}

/// One process of control.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) control: Control,
    pub(super) running: JoinHandle<()>,
    pub(super) clock: Arc<Doubtful>,
}

/// What replicas share, over a store in memory. The lock can be taken away from whoever holds it, who then notices late.
#[derive(Debug, Default)]
pub(super) struct OneLock {
    held: Arc<Mutex<Option<u64>>>,
    taken: AtomicUsize,
    lost: Arc<tokio::sync::Notify>,
}

#[derive(Debug)]
struct Neighbors(Arc<MemoryStore>, Arc<OneLock>);

#[derive(Debug)]
struct TheLock {
    held: Arc<Mutex<Option<u64>>>,
    number: u64,
    lost: Arc<tokio::sync::Notify>,
}

impl OneLock {
    /// The connection that holds it is gone; the holder does not know yet.
    pub(super) fn cut(&self) {
        *self.held.lock().unwrap() = None;
    }
    /// The holder notices.
    pub(super) fn notice(&self) {
        self.lost.notify_waiters();
    }
}

#[async_trait]
impl Shared for Neighbors {
    async fn changed(&self, after: u64, limit: usize) -> Result<Vec<LedgerChange>, StoreError> {
        self.0.changed_ledgers(Service::Control, after, limit).await
    }
    async fn last_change(&self) -> Result<u64, StoreError> {
        Changes::last_change(&*self.0, Service::Control).await
    }
    async fn lock(&self, name: &str) -> Result<Option<Box<dyn Holding>>, StoreError> {
        assert_eq!(name, ACTS);
        let number = self.1.taken.fetch_add(1, Ordering::Relaxed) as u64;
        let mut held = self.1.held.lock().unwrap();
        if held.is_some() {
            return Ok(None);
        }
        *held = Some(number);
        Ok(Some(Box::new(TheLock { held: self.1.held.clone(), number, lost: self.1.lost.clone() })))
    }
}

impl Holding for TheLock {
    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.lost.notified())
    }
}

impl Drop for TheLock {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap();
        if *held == Some(self.number) {
            *held = None;
        }
    }
}

/// What the participants and the look at Microsoft are told to do, and what they have seen.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) does: Mutex<BTreeMap<String, Does>>,
    pub(super) changed: Mutex<Vec<String>>,
    /// Rows in the order in which they were asked for.
    pub(super) requested: Mutex<Vec<String>>,
    /// Migrations under way, and the most of them that ever were.
    under_way: AtomicUsize,
    /// What was published and delivered to nobody.
    undelivered: Mutex<Vec<Outgoing>>,
    /// The history cannot be read.
    pub(super) history_is_away: AtomicBool,
    pub(super) most: AtomicUsize,
    rows: Mutex<BTreeMap<Uuid, String>>,
    sequences: Mutex<BTreeMap<(Service, Uuid), u64>>,
}

#[derive(Debug, Default)]
pub(super) struct Taps {
    pub(super) turned: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Valve for Taps {
    async fn pause(&self, drain: bool) {
        self.turned.lock().unwrap().push(if drain { "drain" } else { "pause" });
    }
    async fn resume(&self) {
        self.turned.lock().unwrap().push("resume");
    }
    fn stands(&self) -> Option<Turned> {
        Some(match self.turned.lock().unwrap().last() {
            None | Some(&"resume") => Turned::Open,
            Some(&"drain") => Turned::Draining,
            Some(_) => Turned::Shut,
        })
    }
}

#[derive(Debug)]
struct Past(Arc<World>);

#[async_trait]
impl History for Past {
    async fn about(
        &self,
        migrations: &BTreeSet<MigrationId>,
        since: Timestamp,
    ) -> Result<Vec<Outgoing>, RabbitError> {
        if self.0.history_is_away.load(Ordering::Relaxed) {
            return Err(RabbitError::Cancelled);
        }
        let about = |event: &&Outgoing| {
            let envelope = Envelope::from_bytes(&event.bytes).unwrap();
            migrations.contains(&MigrationId(envelope.subject)) && envelope.time >= since
        };
        Ok(self.0.undelivered.lock().unwrap().iter().filter(about).cloned().collect())
    }
}

#[derive(Debug)]
struct Looks(Arc<World>);

#[async_trait]
impl Recheck for Looks {
    async fn recheck(&self, ask: Question<'_>) -> Rechecked {
        if self.0.changed.lock().unwrap().contains(&ask.row.row_id) {
            return Rechecked::Stopped(Cause::new("changed", "12 seats in the plan, 11 now"));
        }
        Rechecked::StillTrue(Arc::new(instruction(&ask)))
    }
}

fn instruction(ask: &Question<'_>) -> Instruction {
    Instruction {
        run: ask.run,
        row: ask.row.row_id.clone(),
        country: "SE".to_owned(),
        old: OldSubscription {
            subscription: ask.row.old_subscription.unwrap(),
            offer: OfferId::new("old-offer"),
            sku: SkuId(Uuid::from_u128(1)),
            quantity: 3,
            commitment_end: ask.row.commitment_end.unwrap(),
        },
        target: Target_ {
            path: Path::Legacy,
            offer: OfferId::new("new-offer"),
            sku: SkuId(Uuid::from_u128(2)),
            quantity: 3,
            billing_cycle: "monthly".to_owned(),
            reseller: None,
            friendly_name: "x".to_owned(),
        },
        moves: Vec::new(),
        add_ons: Vec::new(),
        policy: Policy::default(),
        retries: ask.retries,
    }
}
use seatshift_messages::Target as Target_;

impl World {
    pub(super) fn set(&self, row: &str, does: Does) {
        self.does.lock().unwrap().insert(row.to_owned(), does);
    }

    fn doing(&self, row: &str) -> Does {
        self.does.lock().unwrap().get(row).copied().unwrap_or(Does::Complete)
    }

    fn begin(&self) {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }
    fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The three participants in one: what they would say, in order, a little later.
struct Actor {
    bus: Arc<LocalBus>,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    world: Arc<World>,
}

impl Actor {
    async fn act(self: Arc<Self>, service: Service) {
        loop {
            for delivery in self.bus.receive(service, 16).await {
                let envelope = Envelope::from_bytes(&delivery.bytes).unwrap();
                let event = Event::read(&envelope).unwrap();
                delivery.ack();
                if service == Service::Purchase {
                    tokio::spawn(self.clone().answer(envelope.subject, event));
                }
            }
        }
    }

    async fn answer(self: Arc<Self>, subject: Uuid, event: Event) {
        match event {
            Event::MigrationRequested(said) => {
                let row = said.instruction.row.clone();
                self.world.requested.lock().unwrap().push(row.clone());
                self.world.rows.lock().unwrap().insert(subject, row.clone());
                self.world.begin();
                self.clock.sleep(SignedDuration::from_mins(10)).await;
                match self.world.doing(&row) {
                    Does::Complete => self.complete(subject).await,
                    Does::Refuse => self.say(subject, refused()).await,
                    Does::Park => self.say(subject, parked(1)).await,
                    Does::Unheard => {
                        let event = self.seal(subject, suspended(self.clock.now()));
                        self.world.undelivered.lock().unwrap().push(event);
                        return;
                    }
                    Does::HangLater => {
                        // A real participant drops what comes again.
                        self.world.set(&row, Does::Hang);
                        let instruction = said.instruction;
                        self.say(subject, bought(instruction, self.clock.now())).await;
                        return;
                    }
                    Does::Hang => return,
                    Does::Lost => {
                        self.world.set(&row, Does::Complete);
                        return;
                    }
                }
                self.world.end();
            }
            Event::RetryRequested(_) => self.complete(subject).await,
            Event::RollbackRequested(_) => {
                self.clock.sleep(SignedDuration::from_mins(10)).await;
                self.say(subject, reverted()).await;
            }
            _ => {}
        }
    }

    async fn complete(&self, subject: Uuid) {
        self.say(subject, suspended(self.clock.now())).await;
    }

    async fn say(&self, subject: Uuid, event: Event) {
        let event = self.seal(subject, event);
        self.bus.publish(event).await;
    }

    fn seal(&self, subject: Uuid, event: Event) -> Outgoing {
        let sequence = {
            let mut sequences = self.world.sequences.lock().unwrap();
            let last = sequences.entry((event.owner(), subject)).or_default();
            *last += 1;
            *last
        };
        let now = self.clock.now();
        let envelope = event.seal(Heading {
            id: self.ids.event(now),
            source: event.owner(),
            subject,
            time: now,
            sequence,
            causation: None,
            customer: None,
        });
        Outgoing { id: envelope.id, bytes: envelope.to_bytes().into() }
    }
}

pub(super) fn refused() -> Event {
    let cause = Cause::new("offer_not_sold", "the offer is not sold to this customer");
    Event::PurchaseRefused(Box::new(PurchaseRefused { cause, stands: Stands::default() }))
}

fn reverted() -> Event {
    let cause = Cause::new("operator", "an operator asked for it");
    Event::PurchaseReverted(Box::new(PurchaseReverted { cause, stands: Stands::default() }))
}

fn parked(parking: u32) -> Event {
    Event::PurchaseParked(Box::new(Parked {
        cause: Cause::new("agreement_missing", "the customer has not signed"),
        direction: Direction::Forward,
        stands: Stands::default(),
        choices: vec![Choice::Retry, Choice::Rollback, Choice::Accept],
        parking,
        rollback_seen: false,
    }))
}

fn bought(instruction: Instruction, now: Timestamp) -> Event {
    let purchase = Purchase {
        order: OrderId::new("order"),
        subscription: SubscriptionId(Uuid::from_u128(3)),
        quantity: 3,
        purchased_at: now,
        cancellable_until: None,
    };
    Event::SubscriptionPurchased(Box::new(SubscriptionPurchased { instruction, purchase }))
}

fn suspended(now: Timestamp) -> Event {
    Event::SubscriptionSuspended(Box::new(SubscriptionSuspended {
        suspended_at: now,
        undo_until: Some(now + SignedDuration::from_hours(24 * 30)),
        undo_reason: "90 days after suspension".to_owned(),
        stands: Stands { old_status: Some("suspended".to_owned()), ..Stands::default() },
    }))
}

pub(super) const START: &str = "2019-03-01T08:00:00Z";

impl Stage {
    pub(super) async fn with(config: Config) -> Stage {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting(START.parse().unwrap()));
        let ids = Arc::new(Ids::seeded(7));
        Stage::on(Arc::new(MemoryStore::new()), clock, ids, Arc::default(), config, 1).await
    }

    /// With so many replicas on one store and one bus.
    pub(super) async fn replicated(replicas: usize, config: Config) -> Stage {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting(START.parse().unwrap()));
        let ids = Arc::new(Ids::seeded(7));
        Stage::on(Arc::new(MemoryStore::new()), clock, ids, Arc::default(), config, replicas).await
    }

    pub(super) async fn new() -> Stage {
        Stage::with(Config { look_for_commands: None, ..Config::default() }).await
    }

    async fn on(
        store: Arc<MemoryStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<Ids>,
        world: Arc<World>,
        config: Config,
        replicas: usize,
    ) -> Stage {
        let bus = Arc::new(LocalBus::new(64));
        let parts = Parts {
            store: store.clone(),
            bus: bus.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            limits: Limits::default(),
            meters: seatshift_host::Meters::new(),
        };
        let valve = Arc::new(Taps::default());
        let recheck = Arc::new(Looks(world.clone()));
        let lock = Arc::new(OneLock::default());
        let shared: Option<Arc<dyn Shared>> =
            (replicas > 1).then(|| Arc::new(Neighbors(store.clone(), lock.clone())) as Arc<dyn Shared>);
        let mut started = Vec::new();
        for _ in 0..replicas {
            let clock = Arc::new(Doubtful::of(clock.clone()));
            let setup = Setup {
                parts: Parts { clock: clock.clone(), ..parts.clone() },
                recheck: recheck.clone(),
                valve: valve.clone(),
                config,
                history: Some(Arc::new(Past(world.clone()))),
                shared: shared.clone(),
            };
            let (control, running) = start(setup, CancellationToken::new()).await.unwrap();
            started.push(Replica { control, running: tokio::spawn(running), clock });
        }
        let mut tasks = Vec::new();
        let actor = Arc::new(Actor { bus, clock: clock.clone(), ids: ids.clone(), world: world.clone() });
        for service in [Service::Purchase, Service::Reassignment, Service::Suspension] {
            tasks.push(tokio::spawn(actor.clone().act(service)));
        }
        let control = started[0].control.clone();
        Stage { control, replicas: started, lock, store, clock, ids, world, valve, tasks }
    }

    /// The process dies, and another begins on the same store.
    pub(super) async fn crash(self) -> Stage {
        self.store.take_over().await.unwrap();
        self.tasks.iter().for_each(JoinHandle::abort);
        self.replicas.iter().for_each(|replica| replica.running.abort());
        let config = Config { look_for_commands: None, ..Config::default() };
        Stage::on(self.store, self.clock, self.ids, self.world, config, 1).await
    }

    pub(super) async fn apply(&self, plan: &ReviewedPlan) -> Applied {
        self.control.apply(plan, RunOptions::default()).await.unwrap()
    }

    pub(super) async fn wait(&self, time: SignedDuration) {
        self.clock.sleep(time).await;
    }

    pub(super) async fn command(&self, verb: Verb) -> Answered {
        let asked = AskedBy { by: "ada".to_owned(), reason: Some("a test".to_owned()) };
        self.control.command(Command { verb, asked }).await.unwrap()
    }

    /// The answers of a command about one.
    pub(super) async fn each(&self, verb: Verb) -> Vec<Answer> {
        match self.command(verb).await {
            Answered::Each { answers } => answers,
            other => panic!("{other:?}"),
        }
    }

    /// How many migrations there are.
    pub(super) async fn ledgers(&self) -> usize {
        self.store.changed_ledgers(Service::Control, 0, usize::MAX).await.unwrap().len()
    }

    pub(super) async fn rows(&self) -> Vec<RowStanding> {
        standing::all(&*self.store).await.unwrap()
    }

    /// Row by row: its standing verdict, or what it is doing.
    pub(super) async fn states(&self) -> Vec<String> {
        self.rows().await.iter().map(|row| format!("{} {}", row.row.row_id, row.state())).collect()
    }

    pub(super) async fn verdicts(&self) -> BTreeMap<VerdictKind, usize> {
        self.control.progress().verdicts
    }

    pub(super) async fn store_events(&self) -> usize {
        self.store.events(0, 10_000, None).await.unwrap().len()
    }

    /// Customers' slots that are recorded as held.
    pub(super) async fn slots(&self) -> usize {
        self.store.records("slot", None, 1000).await.unwrap().len()
    }

    /// Pages of plans on their way.
    pub(super) async fn uploads(&self) -> usize {
        self.store.records("upload", None, 1000).await.unwrap().len()
    }

    /// Types of control's events about one subject, in order.
    pub(super) async fn said(&self, subject: Uuid) -> Vec<String> {
        let rows = self.store.events(0, 10_000, Some(subject)).await.unwrap();
        rows.iter().map(|row| Envelope::from_bytes(&row.bytes).unwrap().kind).collect()
    }
}

pub(super) fn one(who: &str) -> Target {
    Target::One(who.to_owned())
}

/// A row: `a1` is the first row of customer `a`; it ends in that many days.
pub(super) fn row(id: &str, days: i64) -> PlannedRow {
    let customer = id.as_bytes()[0];
    let tail = id.bytes().fold(0u128, |sum, byte| sum * 256 + u128::from(byte));
    let start: Timestamp = START.parse().unwrap();
    PlannedRow {
        row_id: id.to_owned(),
        customer: CustomerId(Uuid::from_u128(0xC000 + u128::from(customer))),
        customer_name: format!("Customer {}", char::from(customer)),
        customer_domain: format!("{}.example", char::from(customer)),
        old_subscription: Some(SubscriptionId(Uuid::from_u128(0x5000_0000 + tail))),
        commitment_end: Some(start + SignedDuration::from_hours(24 * days)),
        users: 3,
        wave: String::new(),
        not_before: None,
        decision: Decided::Move,
        plan: Value::Null,
    }
}

pub(super) fn plan(name: &str, rows: Vec<PlannedRow>) -> ReviewedPlan {
    ReviewedPlan { sha256: name.to_owned(), rows, extra_columns: Vec::new() }
}

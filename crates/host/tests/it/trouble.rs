//! A store in trouble: units that are not taken, ledgers that cannot be read, commits whose answer is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::{Bus, LocalBus};
use seatshift_host::{Clock, Handle, Parts, start};
use seatshift_messages::{CustomerId, EventId, MigrationId, Service};
use seatshift_store::*;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Bench, Counting, Fact, instruction, migration, until_done};

/// A store in memory, with trouble.
#[derive(Debug)]
struct Troubled {
    inner: Arc<dyn Store>,
    /// Nothing about this migration is taken.
    refuses: Option<MigrationId>,
    /// Nothing about this migration can be read.
    garbles: Option<MigrationId>,
    /// The next commit with a ledger is done, and its answer is lost.
    loses_an_answer: AtomicBool,
    /// So many calls find nobody, or a database that somebody has taken the rights from.
    away: AtomicU32,
    unprepared: bool,
}

impl Troubled {
    fn over(bench: &Bench) -> Self {
        Troubled {
            inner: bench.store.clone(),
            refuses: None,
            garbles: None,
            loses_an_answer: AtomicBool::new(false),
            away: AtomicU32::new(0),
            unprepared: false,
        }
    }

    fn there(&self) -> Result<(), StoreError> {
        let left = self.away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) if self.unprepared => Err(StoreError::NotPrepared { what: "anything".into() }),
            Ok(_) => Err(StoreError::Unreachable { doing: "anything", source: "the cable is out".into() }),
            Err(_) => Ok(()),
        }
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged { what: "row", source: "a bit has flipped".into() }
}

#[async_trait]
impl Store for Troubled {
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Committed>, StoreError> {
        self.there()?;
        let about = |unit: &Unit| unit.ledger.as_ref().map(|write| write.migration);
        if units.iter().any(|unit| about(unit).is_some() && about(unit) == self.refuses) {
            return Err(damaged());
        }
        let lost = units.iter().any(|unit| unit.ledger.is_some())
            && self.loses_an_answer.swap(false, Ordering::Relaxed);
        let committed = self.inner.commit(units).await?;
        if lost { Err(StoreError::Unknown { source: "the cable is out".into() }) } else { Ok(committed) }
    }

    async fn ledgers(&self, service: Service, ids: &[MigrationId]) -> Result<Vec<LedgerRow>, StoreError> {
        self.there()?;
        if ids.iter().any(|id| Some(*id) == self.garbles) {
            return Err(damaged());
        }
        self.inner.ledgers(service, ids).await
    }

    async fn consumed(&self, service: Service, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        self.there()?;
        self.inner.consumed(service, ids).await
    }

    async fn claim_work(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkRow>, StoreError> {
        self.there()?;
        self.inner.claim_work(service, now, lease_until, limit).await
    }

    async fn next_due(&self, service: Service) -> Result<Option<Timestamp>, StoreError> {
        self.there()?;
        self.inner.next_due(service).await
    }

    async fn work(&self, service: Service, migration: MigrationId) -> Result<Vec<WorkRow>, StoreError> {
        self.there()?;
        self.inner.work(service, migration).await
    }

    async fn claim_outbox(
        &self,
        service: Service,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.there()?;
        self.inner.claim_outbox(service, now, lease_until, limit).await
    }

    async fn clear_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.there()?;
        self.inner.clear_outbox(service, positions).await
    }

    async fn release_outbox(&self, service: Service, positions: &[u64]) -> Result<(), StoreError> {
        self.there()?;
        self.inner.release_outbox(service, positions).await
    }

    async fn backlog(&self, service: Service, now: Timestamp) -> Result<Backlog, StoreError> {
        self.there()?;
        self.inner.backlog(service, now).await
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        self.there()?;
        self.inner.take_over().await
    }

    async fn records(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        self.there()?;
        self.inner.records(kind, after, limit).await
    }

    async fn record(&self, kind: &str, key: &str) -> Result<Option<RecordRow>, StoreError> {
        self.there()?;
        self.inner.record(kind, key).await
    }

    async fn events(
        &self,
        after: u64,
        limit: usize,
        subject: Option<uuid::Uuid>,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.there()?;
        self.inner.events(after, limit, subject).await
    }

    async fn append_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError> {
        self.there()?;
        self.inner.append_calls(calls).await
    }

    async fn calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        self.there()?;
        self.inner.calls(after, limit, migration).await
    }

    async fn call_counts(&self) -> Result<Vec<CallCount>, StoreError> {
        self.there()?;
        self.inner.call_counts().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        self.there()?;
        self.inner.dead_letters(limit).await
    }

    async fn remove_dead_letter(&self, service: Service, position: u64) -> Result<(), StoreError> {
        self.there()?;
        self.inner.remove_dead_letter(service, position).await
    }
}

impl Bench {
    fn troubled(&self, store: Troubled) -> Parts {
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
        Parts { store: Arc::new(store), ..self.parts(bus) }
    }
}

async fn ask(handle: &Handle<Counting>, about: MigrationId) -> Committed {
    let customer = Some(CustomerId(Uuid::from_u128(2)));
    handle.tell(about, customer, Some(Arc::new(instruction())), Fact::Asked).await
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_not_decided_a_second_time() {
    let bench = Bench::new();
    let store = Troubled { loses_an_answer: AtomicBool::new(true), ..Troubled::over(&bench) };
    let (handle, running) =
        start(Arc::new(Counting::default()), bench.troubled(store), CancellationToken::new());
    tokio::select! {
        biased;
        stage = async {
            assert_eq!(ask(&handle, migration()).await, Committed::Done);
            handle.stage(migration()).await
        } => assert_eq!(stage.asked, 1, "it was asked once and heard twice"),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_will_not_take_does_not_hold_up_the_others() {
    let bench = Bench::new();
    let bad = MigrationId(Uuid::from_u128(13));
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let store = Troubled { refuses: Some(bad), garbles: None, ..Troubled::over(&bench) };
    let parts = Parts { store: Arc::new(store), ..bench.parts(bus.clone()) };
    let (handle, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    bench.ask_about(&*bus, bad, EventId(Uuid::from_u128(0xBAD)));
    bench.ask(&*bus);
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_does_not_hold_up_the_others() {
    let bench = Bench::new();
    let bad = MigrationId(Uuid::from_u128(13));
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let store = Troubled { garbles: Some(bad), ..Troubled::over(&bench) };
    let parts = Parts { store: Arc::new(store), ..bench.parts(bus.clone()) };
    let (handle, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    bench.ask_about(&*bus, bad, EventId(Uuid::from_u128(0xBAD)));
    bench.ask(&*bus);
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_handled_is_put_aside_in_the_end() {
    let bench = Bench::new();
    let bad = MigrationId(Uuid::from_u128(13));
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let store = Troubled { garbles: Some(bad), ..Troubled::over(&bench) };
    let parts = Parts { store: Arc::new(store), ..bench.replica(bus.clone()) };
    let (_, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    bench.ask_about(&*bus, bad, EventId(Uuid::from_u128(0xBAD)));
    let put_aside = async {
        loop {
            if let Some(letter) = bench.store.dead_letters(1).await.unwrap().pop() {
                return letter;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        biased;
        letter = put_aside => assert!(letter.reason.contains("25 times"), "{}", letter.reason),
        () = running => panic!("the host ended by itself"),
        () = tokio::time::sleep(Duration::from_secs(3600)) => panic!("it goes round for ever"),
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_database_cannot_be_used_no_message_is_put_aside() {
    let bench = Bench::new();
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(64));
    let store = Troubled { away: AtomicU32::new(500), unprepared: true, ..Troubled::over(&bench) };
    let parts = Parts { store: Arc::new(store), ..bench.replica(bus.clone()) };
    let (handle, running) = start(Arc::new(Counting::default()), parts, CancellationToken::new());
    bench.ask(&*bus);
    tokio::select! {
        biased;
        stage = until_done(&handle, &bench.clock) => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
    }
    assert!(bench.store.dead_letters(1).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_waited_for() {
    let bench = Bench::new();
    let store = Troubled { away: AtomicU32::new(40), ..Troubled::over(&bench) };
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let (handle, running) =
        start(Arc::new(Counting::default()), bench.troubled(store), CancellationToken::new());
    let begun: Timestamp = clock.now();
    tokio::select! {
        biased;
        stage = async {
            ask(&handle, migration()).await;
            until_done(&handle, &clock).await
        } => assert_eq!(stage.asked, 1),
        () = running => panic!("the host ended by itself"),
        () = tokio::time::sleep(Duration::from_secs(3600)) => panic!("it gave up"),
    }
    assert!(clock.now().duration_since(begun) > SignedDuration::from_secs(1), "it asked without a pause");
}

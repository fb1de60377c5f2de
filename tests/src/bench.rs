//! A planned world with an engine that can be crashed, commanded and judged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use jiff::SignedDuration;
use seatshift_cli::embedded::Embedded;
use seatshift_control::commands::{Answered, Command, Target, Verb, await_answer, enqueue};
use seatshift_control::planning::Plan;
use seatshift_control::standing::{self, RowStanding};
use seatshift_control::{ReviewedPlan, RunOptions, Settled};
use seatshift_messages::AskedBy;
use seatshift_simulator::books::{Audit, Intent};
use seatshift_simulator::world::World;
use serde_json::Value;
use tower::ServiceExt;

use crate::books::Tenants;
use crate::partner::Partner;

/// A partner whose plan is made and approved.
#[derive(Debug)]
pub struct Bench {
    pub partner: Partner,
    pub plan: Plan,
    pub reviewed: ReviewedPlan,
    /// Lives that ended by a crash.
    pub crashes: RefCell<u32>,
}

/// How long an operator waits for an answer, in virtual time.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

impl Bench {
    /// Plans and approves, and tells the audit what is intended.
    pub async fn of(partner: Partner) -> Self {
        let (plan, reviewed) = partner.plan().await;
        partner.state_intent(&plan);
        Bench { partner, plan, reviewed, crashes: RefCell::default() }
    }

    /// The same for a world without anything particular.
    pub async fn in_world(world: World) -> Self {
        let seed = world.seed;
        Self::of(Partner::of(world, seed)).await
    }

    /// One life of the engine: until `work` is done, or the fuse blows.
    pub async fn life<T>(&self, work: impl AsyncFnOnce(&Embedded) -> T) -> Option<T> {
        let (parts, writing) = self.partner.parts();
        let started = Embedded::start_on(parts, self.partner.bus()).await;
        let (engine, running) = started.expect("the memory store always answers");
        tokio::select! {
            biased;
            () = self.partner.fuse.blown() => {
                *self.crashes.borrow_mut() += 1;
                None
            }
            done = work(&engine) => Some(done),
            () = running => panic!("the engine ended by itself"),
            () = writing => panic!("the call log ended before its engine"),
        }
    }

    /// Applies the plan, in one life; none = it crashed.
    pub async fn apply_once(&self) -> Option<Settled> {
        self.life(async |engine: &Embedded| {
            self.apply_in(engine).await;
            engine.control.settled().await
        })
        .await
    }

    pub async fn apply_in(&self, engine: &Embedded) {
        let options = RunOptions { approved_by: "trial".to_owned(), ..RunOptions::default() };
        engine.control.apply(&self.reviewed, options).await.expect("the memory store always answers");
    }

    /// Applies the plan until everything is settled, through whatever crashes are set.
    pub async fn apply(&self) {
        while self.apply_once().await.is_none() {
            self.partner.fuse.mend();
        }
    }

    /// Asks as another process would, and lives on until everything is settled; `before_life` sets the fuse.
    pub async fn ask(&self, verb: Verb, mut before_life: impl FnMut()) -> Answered {
        let command = command(verb);
        self.note_intent(&command.verb);
        let (store, clock) = (&*self.partner.store, &*self.partner.clock);
        let id = enqueue(store, clock, &self.partner.ids, &command)
            .await
            .expect("the memory store always answers");
        loop {
            before_life();
            let answered = self
                .life(async |engine: &Embedded| {
                    let answered = await_answer(store, clock, &id, PATIENCE).await;
                    engine.control.settled().await;
                    answered.expect("the memory store always answers").expect("a running engine answers")
                })
                .await;
            match answered {
                Some(answered) => return answered,
                None => self.partner.fuse.mend(),
            }
        }
    }

    pub async fn roll_back_all(&self) -> Answered {
        self.ask(Verb::Rollback { target: Target::LatestRun }, || ()).await
    }
    pub async fn retry_all(&self) -> Answered {
        self.ask(Verb::Retry { target: Target::LatestRun }, || ()).await
    }
    pub async fn accept_all(&self) -> Answered {
        self.ask(Verb::Accept { target: Target::LatestRun }, || ()).await
    }

    /// Goes on until everything is settled: nothing new is asked for.
    pub async fn go_on(&self) {
        while self.life(async |engine: &Embedded| engine.control.settled().await).await.is_none() {
            self.partner.fuse.mend();
        }
    }

    /// The audit must know what people asked for: a rollback excuses what is not moved, a retry allows one more order.
    pub fn note_intent(&self, verb: &Verb) {
        let mut intent = self.intent();
        for row in &mut intent.rows {
            match verb {
                Verb::Rollback { .. } => row.stopped_by_person = true,
                Verb::Accept { .. } => row.stopped_by_person = true,
                Verb::Retry { .. } | Verb::Pause { .. } | Verb::Resume => {}
            }
        }
        self.partner.simulator.set_intent(intent);
    }

    pub fn intent(&self) -> Intent {
        self.partner.simulator.intent().unwrap_or_default()
    }

    // === the world behind the engine's back

    /// A call of the simulator's control; panics unless it is answered well.
    pub async fn simulator(&self, method: Method, path: &str, body: &Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_simulator/{path}"))
            .header("Content-Type", "application/json")
            .body(Body::from(if body.is_null() { String::new() } else { body.to_string() }))
            .expect("a request");
        let answer = self.partner.simulator.router().oneshot(request).await.expect("routers do not fail");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    pub async fn inject(&self, injection: Value) {
        self.simulator(Method::POST, "injections", &injection).await;
    }
    pub async fn mend_the_world(&self) {
        self.simulator(Method::DELETE, "injections", &Value::Null).await;
    }
    pub async fn administrator(&self, customer: &str, deed: Value) {
        self.simulator(Method::POST, &format!("administrator/{customer}"), &deed).await;
    }

    // === what came of it

    pub async fn rows(&self) -> Vec<RowStanding> {
        let store = &*self.partner.store;
        match standing::latest_run(store).await.expect("the memory store always answers") {
            Some(run) => standing::rows(store, run.id).await.expect("the memory store always answers"),
            None => Vec::new(),
        }
    }

    pub fn tenants(&self) -> Tenants {
        Tenants::read(&self.partner.simulator.books())
    }

    pub fn audit(&self) -> Audit {
        self.partner.simulator.audit(&self.intent())
    }

    pub async fn events(&self) -> Vec<Arc<[u8]>> {
        let events = self.partner.store.events(0, usize::MAX, None).await;
        events.expect("the memory store always answers").into_iter().map(|row| row.bytes).collect()
    }

    /// The same while rows wait for a person: that they are not moved yet is no fault.
    pub async fn complaints_while_open(&self) -> Vec<String> {
        let intent = self.intent();
        let mut open = intent.clone();
        open.rows.iter_mut().for_each(|row| row.stopped_by_person = true);
        self.partner.simulator.set_intent(open);
        let complaints = self.complaints().await;
        self.partner.simulator.set_intent(intent);
        complaints
    }

    /// Everything that is wrong, in words; empty = clean.
    pub async fn complaints(&self) -> Vec<String> {
        let audit = self.audit();
        let mut complaints = of_audit(&audit);
        let rows = self.rows().await;
        for row in rows.iter().filter(|row| row.ledger.standing().is_none()) {
            complaints.push(format!("row {} has no standing verdict: {}", row.row.row_id, row.state()));
        }
        if rows.len() != self.plan.rows.len() {
            complaints.push(format!("{} rows in, {} out", self.plan.rows.len(), rows.len()));
        }
        for finding in audit.details.values().flat_map(|detail| &detail.findings) {
            let row = rows.iter().find(|row| Some(&row.row.row_id) == finding.row.as_ref());
            let why = row.and_then(|row| row.ledger.standing()).map(|verdict| &verdict.cause);
            complaints
                .extend(why.map(|cause| format!("{:?} stands as it does because of {cause:?}", finding.row)));
        }
        complaints.extend(sequences(&self.events().await));
        complaints.extend(self.tenants().contradictions(&rows, &self.intent()));
        complaints
    }
}

/// A command of the trial's operator.
pub fn command(verb: Verb) -> Command {
    Command { verb, asked: AskedBy { by: "trial".to_owned(), reason: Some("for the trial".to_owned()) } }
}

fn of_audit(audit: &Audit) -> Vec<String> {
    let mut complaints = Vec::new();
    if !audit.clean() {
        complaints.push(format!("audit: {:?} {:?}", audit.figures, audit.notes));
        for (figure, detail) in &audit.details {
            complaints.extend(detail.findings.iter().take(3).map(|finding| format!("{figure}: {finding:?}")));
        }
    }
    complaints
}

/// Holes and repeats in (source, subject, sequence).
pub fn sequences(events: &[Arc<[u8]>]) -> Vec<String> {
    let mut last: BTreeMap<(String, uuid::Uuid), u64> = BTreeMap::new();
    let mut complaints = Vec::new();
    for bytes in events {
        match seatshift_messages::Envelope::from_bytes(bytes) {
            Ok(event) => {
                let key = (event.source.to_string(), event.subject);
                let before = last.insert(key.clone(), event.sequence).unwrap_or(0);
                if event.sequence != before + 1 {
                    complaints.push(format!("{key:?}: {} after {before}", event.sequence));
                }
            }
            Err(error) => complaints.push(format!("an event cannot be read: {error}")),
        }
    }
    complaints
}

/// Runs something on one thread, with time that jumps.
pub fn on_virtual_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread")
        .block_on(work)
}

//! One trial: plan, approve, run to the end through crashes, judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_cli::embedded::Embedded;
use seatshift_control::RunOptions;
use seatshift_control::planning::Plan;
use seatshift_control::standing::{self, RowStanding};
use seatshift_control::{ReviewedPlan, Settled};
use seatshift_simulator::books::{Audit, Intent};
use seatshift_simulator::world::{FaultLevel, World, generate};

use crate::partner::Partner;

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    pub seed: u64,
    pub customers: usize,
    pub faults: FaultLevel,
    pub crashes: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    pub audit: Audit,
    /// Every event, in the order of commits.
    pub events: Vec<Arc<[u8]>>,
    pub verdicts: BTreeMap<String, usize>,
    pub rows: Vec<RowStanding>,
    pub crashes: u32,
    pub calls: u64,
    pub plan: Plan,
}

impl Ended {
    /// Everything that is wrong with it, in words; empty = clean.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.audit.clean() {
            complaints.push(format!("audit: {:?}", self.audit.figures));
            for (figure, detail) in &self.audit.details {
                for finding in detail.findings.iter().take(3) {
                    complaints.push(format!("{figure}: {finding:?}"));
                }
            }
        }
        for row in &self.rows {
            if row.ledger.standing().is_none() {
                complaints.push(format!("row {} has no standing verdict: {}", row.row.row_id, row.state()));
            }
        }
        if self.rows.len() != self.plan.rows.len() {
            complaints.push(format!("{} rows in, {} out", self.plan.rows.len(), self.rows.len()));
        }
        complaints.extend(crate::trial::sequences(&self.events));
        complaints
    }
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

impl Trial {
    /// The world that the seed makes.
    pub fn world(&self) -> World {
        let mut world = generate(self.seed, self.customers);
        world.faults.level = self.faults;
        world
    }

    /// Runs the trial of the seed's world.
    pub fn run(&self) -> Ended {
        on_virtual_time(self.run_in(self.world()))
    }

    async fn run_in(&self, world: World) -> Ended {
        let partner = Partner::of(world, self.seed);
        let (plan, reviewed) = partner.plan().await;
        partner.state_intent(&plan);
        let mut draw = ChaCha12Rng::seed_from_u64(self.seed ^ 0x5EA7);
        let mut crashes = 0;
        loop {
            if crashes < self.crashes {
                // Early crashes and late ones: a life is between a handful and some hundreds of calls.
                let calls = 1 + draw.next_u64() % [8, 60, 400][(draw.next_u64() % 3) as usize];
                partner.fuse.set(calls, draw.next_u64().is_multiple_of(2));
            } else {
                partner.fuse.mend();
            }
            if live(&partner, &reviewed).await.is_some() {
                break;
            }
            crashes += 1;
        }
        ended(&partner, plan, crashes).await
    }
}

/// One life of the engine: until everything is settled, or the fuse blows.
pub async fn live(partner: &Partner, plan: &ReviewedPlan) -> Option<Settled> {
    let (parts, writing) = partner.parts();
    let (engine, running) = Embedded::start(parts).await.expect("the memory store always answers");
    let applied = async {
        let options = RunOptions { approved_by: "trial".to_owned(), ..RunOptions::default() };
        engine.control.apply(plan, options).await.expect("the memory store always answers");
        engine.control.settled().await
    };
    tokio::select! {
        biased;
        () = partner.fuse.blown() => None,
        settled = applied => Some(settled),
        () = running => panic!("the engine ended by itself"),
        () = writing => panic!("the call log ended before its engine"),
    }
}

/// Reads what a trial has left behind.
pub async fn ended(partner: &Partner, plan: Plan, crashes: u32) -> Ended {
    let events = partner.store.events(0, usize::MAX, None).await.expect("the memory store always answers");
    let run = standing::latest_run(&*partner.store).await.expect("the memory store always answers");
    let rows = match run {
        Some(run) => standing::rows(&*partner.store, run.id).await.expect("the memory store always answers"),
        None => Vec::new(),
    };
    let mut verdicts = BTreeMap::new();
    for row in &rows {
        let kind = row.ledger.standing().map_or("none".to_owned(), |verdict| verdict.kind.to_string());
        *verdicts.entry(kind).or_default() += 1;
    }
    let intent: Intent = partner.simulator.intent().unwrap_or_default();
    Ended {
        audit: partner.simulator.audit(&intent),
        events: events.into_iter().map(|row| row.bytes).collect(),
        verdicts,
        rows,
        crashes,
        calls: partner.fuse.calls(),
        plan,
    }
}

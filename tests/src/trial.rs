//! One trial: plan, approve, run to the end through crashes, judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_cli::embedded::Embedded;
use seatshift_control::commands::{Target, Verb};
use seatshift_control::standing::RowStanding;
use seatshift_control::tracker::VerdictKind;
use seatshift_simulator::books::Audit;
use seatshift_simulator::world::{FaultLevel, World, generate};

use crate::bench::{Bench, command, on_virtual_time};
use crate::partner::Partner;
use crate::varied;

/// What is tried.
#[derive(Debug, Clone)]
pub struct Trial {
    pub seed: u64,
    pub customers: usize,
    pub faults: FaultLevel,
    pub crashes: u32,
    pub rollback: Rollback,
    /// Readings of the unverified facts, policies, repeats on the bus and refusals for good are drawn from the seed.
    pub varied: bool,
}

/// When an operator wants everything back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    Never,
    /// When everything has come to its end.
    AtTheEnd,
    /// At a drawn moment.
    InTheMiddle,
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
    /// Everything that is wrong with it, in words; empty = clean.
    pub complaints: Vec<String>,
}

/// Draws everything that a trial decides by itself.
struct Draw(ChaCha12Rng);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    /// Early crashes and late ones: a life is between a handful and some hundreds of calls.
    fn set_fuse(&mut self, partner: &Partner, left: &mut u32) {
        if *left == 0 {
            partner.fuse.mend();
            return;
        }
        *left -= 1;
        let most = [8, 60, 400][usize::try_from(self.below(3)).unwrap_or(0)];
        let calls = 1 + self.below(most);
        partner.fuse.set(calls, self.below(2) == 0);
    }
}

impl Trial {
    /// A trial with nothing but faults and crashes.
    pub fn plain(seed: u64, customers: usize, faults: FaultLevel, crashes: u32) -> Self {
        Trial { seed, customers, faults, crashes, rollback: Rollback::Never, varied: false }
    }

    /// The world that the seed makes.
    pub fn world(&self) -> World {
        let mut world = generate(self.seed, self.customers);
        world.faults.level = self.faults;
        if self.varied {
            varied::world(&mut world, self.seed);
        }
        world
    }

    /// Runs the trial of the seed's world.
    pub fn run(&self) -> Ended {
        on_virtual_time(self.run_in(self.world()))
    }

    async fn run_in(&self, world: World) -> Ended {
        let mut partner = Partner::of(world, self.seed);
        if self.varied {
            varied::partner(&mut partner, self.seed);
        }
        let bench = Bench::of(partner).await;
        let mut draw = Draw(ChaCha12Rng::seed_from_u64(self.seed ^ 0x5EA7));
        let (mut forward, mut back) = match self.rollback {
            Rollback::AtTheEnd => (self.crashes / 2, self.crashes - self.crashes / 2),
            Rollback::Never | Rollback::InTheMiddle => (self.crashes, 0),
        };
        self.forward(&bench, &mut draw, &mut forward).await;
        if self.rollback == Rollback::AtTheEnd {
            let everything = Verb::Rollback { target: Target::LatestRun };
            bench.ask(everything, || draw.set_fuse(&bench.partner, &mut back)).await;
        }
        self.ended(&bench).await
    }

    async fn forward(&self, bench: &Bench, draw: &mut Draw, crashes: &mut u32) {
        let mut rollback = (self.rollback == Rollback::InTheMiddle).then(|| draw.below(3600));
        loop {
            draw.set_fuse(&bench.partner, crashes);
            let life = bench.life(async |engine: &Embedded| {
                bench.apply_in(engine).await;
                if let Some(seconds) = rollback {
                    bench.partner.clock.sleep(SignedDuration::from_secs(seconds.cast_signed())).await;
                    let wish = command(Verb::Rollback { target: Target::LatestRun });
                    bench.note_intent(&wish.verb);
                    engine.control.command(wish).await.expect("the memory store always answers");
                    rollback = None;
                }
                engine.control.settled().await;
            });
            if life.await.is_some() {
                return;
            }
        }
    }

    async fn ended(&self, bench: &Bench) -> Ended {
        let rows = bench.rows().await;
        let mut verdicts = BTreeMap::new();
        for row in &rows {
            let kind = row.ledger.standing().map_or("none".to_owned(), |verdict| verdict.kind.to_string());
            *verdicts.entry(kind).or_default() += 1;
        }
        let mut complaints = bench.complaints().await;
        complaints.extend(self.unexplained(bench, &rows));
        Ended {
            audit: bench.audit(),
            events: bench.events().await,
            verdicts,
            crashes: *bench.crashes.borrow(),
            calls: bench.partner.fuse.calls(),
            rows,
            complaints,
        }
    }

    /// Verdicts that nothing in the world accounts for.
    fn unexplained(&self, bench: &Bench, rows: &[RowStanding]) -> Vec<String> {
        let mut complaints = Vec::new();
        for row in rows {
            let Some(verdict) = row.ledger.standing() else { continue };
            let (kind, cause) = (verdict.kind, verdict.cause.code.as_str());
            if kind == VerdictKind::Parked && !accounted_for(bench, row, cause) {
                complaints
                    .push(format!("row {} is parked ({cause}): nothing accounts for it", row.row.row_id));
            }
            // The rollback of a completed row waits while a parked one of its customer holds the slot.
            let waits = row.ledger.wish.is_some();
            if kind == VerdictKind::Completed && self.rollback != Rollback::Never && !waits {
                complaints.push(format!("row {} was to be rolled back", row.row.row_id));
            }
        }
        complaints
    }
}

/// Whether the world holds a reason for this row to be parked.
fn accounted_for(bench: &Bench, row: &RowStanding, cause: &str) -> bool {
    let customer = row.row.customer.0;
    // A refusal for good was put in, here or at the row it waits for.
    if bench.tenants().refusals.iter().any(|(refused, _)| *refused == customer) {
        return true;
    }
    let world = bench.partner.world.customers.iter().find(|one| one.id == customer);
    let planned = bench.plan.rows.iter().find(|planned| planned.row_id == row.row.row_id);
    match cause {
        // Rights that no reading call can show to be missing.
        "microsoft_900308" => world.is_some_and(|customer| customer.rights != "full"),
        // More users stood on the old plan than it has seats: Microsoft gives the last of them none on the way back.
        "seats_not_back" => planned.is_some_and(|row| row.pool_assigned > row.pool_seats),
        _ => false,
    }
}

//! From a row of work to a fact: take what is due, perform it, save the answer.
//!
//! Calls flow all the time and outside any transaction; commits do not wait for the slowest call. Waiting is a row that
//! comes due, so a million waits cost nothing but rows. Any number of processes may take from the same rows: each row is
//! leased by one, and what a process that died had in hand comes back when its lease has run out.
//!
//! A piece of work has a place only while it makes its calls (`places`). Where rows are far away a few more are taken up
//! beforehand and made ready, and what is done is saved when its place has gone to the next: calls do not wait for the store.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use seatshift_messages::MigrationId;
use seatshift_store::{Committed, Unit, WorkChange, WorkRow};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::clock::later;
use crate::desk::Desk;
use crate::engine::{Engine, Told};
use crate::limits::Limits;
use crate::meters::Pulse;
use crate::participant::{Job, Participant, Performed};
use crate::patience::Patience;
use crate::places::{Begun, Places};

/// While the clock is not right, it is looked at again after this. Real time.
const BEFORE_AGAIN: Duration = Duration::from_secs(1);
/// Nothing has happened for so long: then it is asked when something comes due. Real time.
const QUIET: Duration = Duration::from_millis(20);

/// The work side of one host.
pub(crate) struct Workshop<P: Participant> {
    pub(crate) engine: Arc<Engine<P>>,
    pub(crate) stopping: CancellationToken,
}

impl<P: Participant> Workshop<P> {
    /// Until `stopping`; then no more is taken up, what has not begun a call is given back, and what runs comes to its end.
    pub(crate) async fn run(self) {
        let pulse = self.engine.meters.pulse("work");
        let running_gauge = self.engine.meters.own().running.clone();
        let places = Arc::new(Places::of(&self.engine.limits));
        let mut running = JoinSet::new();
        while !self.stopping.is_cancelled() {
            pulse.beat();
            let more = self.take_up(&mut running, &places, &pulse).await;
            running_gauge.set(running.len() as f64);
            if more {
                continue;
            }
            pulse.rest();
            self.until_something_happens(&mut running, &places).await;
        }
        while let Some(ended) = running.join_next().await {
            self.report(ended);
        }
        running_gauge.set(0.0);
    }

    /// Takes up what is due. True when there may be more.
    async fn take_up(&self, running: &mut JoinSet<()>, places: &Arc<Places>, pulse: &Pulse) -> bool {
        let engine = &self.engine;
        while let Some(ended) = running.try_join_next() {
            self.report(ended);
        }
        let room = places.room(running.len()).min(engine.limits.batch.max(1));
        if room == 0 {
            return false;
        }
        if !engine.clock.is_right() {
            // Nobody knows here what is due, or whose lease has run out.
            engine.clock.pause(BEFORE_AGAIN).await;
            return false;
        }
        let mut patience = Patience::new();
        loop {
            let now = engine.clock.now();
            let lease_until = later(now, engine.limits.lease);
            match engine.store.claim_work(P::SERVICE, now, lease_until, room).await {
                Ok(rows) => {
                    let more = rows.len() == room;
                    for row in rows {
                        let taken = Taken { row, lease_until, begun: places.begin() };
                        running.spawn(perform(engine.clone(), taken, self.stopping.clone()));
                    }
                    return more;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "could not look for work; trying again"
                    );
                    patience.wait(&*engine.clock, &engine.ids).await;
                    pulse.beat();
                    if self.stopping.is_cancelled() {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits until there may be work to take up: some is due, a commit brought some, a place is free where there was none,
    /// or it is time to look what others have left.
    async fn until_something_happens(&self, running: &mut JoinSet<()>, places: &Places) {
        let full = places.room(running.len()) < places.worth_asking();
        let due = next_due(&self.engine);
        tokio::pin!(due);
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                Some(ended) = running.join_next() => {
                    self.report(ended);
                    while let Some(ended) = running.try_join_next() {
                        self.report(ended);
                    }
                    self.engine.meters.own().running.set(running.len() as f64);
                    if full && places.room(running.len()) >= places.worth_asking() {
                        return;
                    }
                }
                () = places.free.notified(), if full => {
                    if places.room(running.len()) >= places.worth_asking() {
                        return;
                    }
                }
                () = self.engine.bells.work.notified(), if !full => return,
                () = &mut due, if !full => return,
            }
        }
    }

    fn report(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            self.engine.meters.own().performed.count("panicked");
            tracing::error!(%error, "a piece of work panicked; its row stays and is taken up again when its lease has run out");
        }
    }
}

/// A row that was taken up.
struct Taken {
    row: WorkRow,
    lease_until: Timestamp,
    begun: Begun,
}

async fn next_due<P: Participant>(engine: &Engine<P>) {
    let look_again = async {
        match engine.limits.look_again {
            Some(wait) => engine.clock.sleep(wait).await,
            None => std::future::pending().await,
        }
    };
    let due = async {
        // While commits bring work all the time it is looked for anyway, and nobody needs to know what comes due by itself.
        if engine.limits.replicated() {
            engine.clock.pause(QUIET).await;
        }
        match engine.store.next_due(P::SERVICE).await {
            Ok(Some(due)) => engine.clock.sleep_until(due).await,
            Ok(None) => std::future::pending().await,
            Err(_) => Patience::new().wait(&*engine.clock, &engine.ids).await,
        }
    };
    tokio::select! {
        biased;
        () = due => {}
        () = look_again => {}
    }
}

async fn perform<P: Participant>(engine: Arc<Engine<P>>, taken: Taken, stopping: CancellationToken) {
    let span = tracing::info_span!(
        "work",
        migration = %taken.row.migration,
        customer = tracing::field::Empty,
        part = %taken.row.part,
        trace_id = %taken.row.migration.0.simple(),
    );
    perform_inside(engine, taken, stopping).instrument(span).await;
}

/// When at the latest a piece of work may get its place: half of the time in which it may send is left then.
fn latest_begin(limits: &Limits, lease_until: Timestamp) -> Timestamp {
    let may_send = limits.lease.saturating_sub(limits.call_deadline);
    let before = limits.call_deadline.saturating_add(may_send / 2);
    lease_until.checked_sub(before).unwrap_or(Timestamp::MIN)
}

async fn perform_inside<P: Participant>(engine: Arc<Engine<P>>, taken: Taken, stopping: CancellationToken) {
    let Taken { row, lease_until, begun } = taken;
    // What a dead process held keeps its lease: only the end of a lease says so to the next.
    if stopping.is_cancelled() && !row.interrupted {
        give_back(&engine, row).await;
        return;
    }
    let Ok(ledger) = engine.load(row.migration).await else {
        tracing::error!("work on a ledger that cannot be read; left alone until its lease has run out");
        return;
    };
    let (Some(customer), Some(instruction)) = (ledger.customer, ledger.instruction) else {
        tracing::error!("work without an instruction; left alone");
        return;
    };
    tracing::Span::current().record("customer", tracing::field::display(&customer));
    let work = match serde_json::from_str(&row.body) {
        Ok(work) => work,
        Err(error) => {
            tracing::error!(%error, "stored work cannot be read; left alone");
            return;
        }
    };
    // Under the rest of its lease there must be time to read and to send. What waits longer for a place is given back, and
    // claimed anew with a whole lease; but not what a dead process held, whose mark that would take away.
    let too_late = latest_begin(&engine.limits, lease_until);
    let place = tokio::select! {
        biased;
        () = stopping.cancelled(), if !row.interrupted => None,
        place = begun.place() => Some(place),
        () = engine.clock.sleep_until(too_late), if !row.interrupted => None,
    };
    let Some(place) = place else {
        give_back(&engine, row).await;
        return;
    };
    let desk = Desk {
        engine: engine.clone(),
        migration: row.migration,
        part: row.part.clone(),
        version: Mutex::new(row.version),
        lease_until,
        stopping,
        place,
    };
    let job = Job {
        migration: row.migration,
        customer,
        instruction,
        part: row.part,
        work,
        interrupted: row.interrupted,
    };
    let performed = engine.participant.perform(job, &desk).await;
    let Desk { part, version, place, .. } = desk;
    drop((place, begun));
    let done = Row { migration: row.migration, part, version: version.into_inner() };
    finish(&engine, done, performed).await;
}

/// Taken up at the moment of stopping: whoever is there takes it at once.
async fn give_back<P: Participant>(engine: &Engine<P>, row: WorkRow) {
    let change = WorkChange::Put {
        migration: row.migration,
        part: row.part,
        expected: Some(row.version),
        body: row.body,
        due: row.due.or(Some(engine.clock.now())),
    };
    write(engine, change).await;
}

/// Which row is done with, as it was last saved.
struct Row {
    migration: MigrationId,
    part: String,
    version: u64,
}

async fn finish<P: Participant>(engine: &Engine<P>, row: Row, performed: Performed<P>) {
    let Row { migration, part, version } = row;
    let expected = Some(version);
    let put = |work: &P::Work, due| WorkChange::Put {
        migration,
        part: part.clone(),
        expected,
        body: serde_json::to_string(work).expect("work holds only JSON values and text keys"),
        due,
    };
    engine.meters.own().performed.count(name(&performed));
    match performed {
        Performed::Stopped => {}
        // It may hold the time of a call, and somebody else would judge its horizon by that: whoever takes the row over
        // when its lease has run out begins the horizon anew.
        Performed::Again { .. } if !engine.clock.is_right() => {
            tracing::warn!("left to its lease, for this process's clock is not right");
        }
        Performed::Again { work, after } => {
            write(engine, put(&work, Some(later(engine.clock.now(), after)))).await;
        }
        Performed::Rest { work } => write(engine, put(&work, None)).await,
        Performed::Done(fact) => {
            let ends = WorkChange::Remove { migration, part: part.clone(), expected };
            tell(engine, migration, fact, ends).await;
        }
        Performed::Kept { fact, work } => tell(engine, migration, fact, put(&work, None)).await,
    }
}

fn name<P: Participant>(performed: &Performed<P>) -> &'static str {
    match performed {
        Performed::Again { .. } => "again",
        Performed::Done(_) => "done",
        Performed::Kept { .. } => "kept",
        Performed::Rest { .. } => "rest",
        Performed::Stopped => "stopped",
    }
}

async fn tell<P: Participant>(engine: &Engine<P>, migration: MigrationId, fact: P::Fact, ends: WorkChange) {
    tracing::debug!(service = %P::SERVICE, ?fact, "found out");
    match engine.tell(migration, Told { ends: Some(ends), ..Told::fact(fact) }).await {
        Ok(Committed::Done | Committed::Duplicate) => {}
        Ok(Committed::Stale) => tracing::debug!("what was found out is no longer wanted"),
        Err(error) => {
            tracing::error!(%error, "what was found out cannot be saved; found out again when the lease has run out");
        }
    }
}

/// A row that was replaced meanwhile is left as it is: then nobody wants this of it any more.
async fn write<P: Participant>(engine: &Engine<P>, change: WorkChange) {
    let mut unit = Unit::new(P::SERVICE);
    unit.work.push(change);
    if let Err(error) = engine.committer.commit(unit).await {
        tracing::error!(%error, "a piece of work cannot be saved; taken up again when its lease has run out");
    }
}

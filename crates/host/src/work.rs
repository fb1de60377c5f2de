//! From a row of work to a fact: take what is due, perform it, save the answer.
//!
//! Calls flow all the time and outside any transaction; commits do not wait for the slowest call. Waiting is a row that
//! comes due, so a million waits cost nothing but rows.

use std::sync::Arc;

use seatshift_store::{Unit, WorkChange, WorkRow};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::later;
use crate::desk::Desk;
use crate::engine::{Engine, Told};
use crate::participant::{Job, Participant, Performed};

/// Until `stopping`; then no more is taken up, and what runs comes to its end.
pub(crate) async fn run<P: Participant>(engine: Arc<Engine<P>>, stopping: CancellationToken) {
    let mut running = JoinSet::new();
    loop {
        if take_up(&engine, &mut running, &stopping).await {
            continue;
        }
        let full = running.len() >= engine.limits.parallel;
        tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            Some(ended) = running.join_next() => report(ended),
            () = engine.bells.work.notified() => {}
            () = next_due(&engine), if !full => {}
        }
    }
    while let Some(ended) = running.join_next().await {
        report(ended);
    }
}

/// Takes up what is due. True when there may be more.
async fn take_up<P: Participant>(
    engine: &Arc<Engine<P>>,
    running: &mut JoinSet<()>,
    stopping: &CancellationToken,
) -> bool {
    while let Some(ended) = running.try_join_next() {
        report(ended);
    }
    let room = engine.limits.parallel.saturating_sub(running.len()).min(engine.limits.batch);
    if room == 0 || stopping.is_cancelled() {
        return false;
    }
    let now = engine.clock.now();
    let lease_until = later(now, engine.limits.lease);
    match engine.store.claim_work(P::SERVICE, now, lease_until, room).await {
        Ok(rows) => {
            let more = rows.len() == room;
            for row in rows {
                running.spawn(perform(engine.clone(), row, lease_until, stopping.clone()));
            }
            more
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "could not look for work; trying again"
            );
            engine.clock.sleep(jiff::SignedDuration::from_secs(1)).await;
            true
        }
    }
}

async fn next_due<P: Participant>(engine: &Engine<P>) {
    match engine.store.next_due(P::SERVICE).await {
        Ok(Some(due)) => engine.clock.sleep_until(due).await,
        Ok(None) => std::future::pending().await,
        Err(_) => engine.clock.sleep(jiff::SignedDuration::from_secs(1)).await,
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a piece of work panicked; its row stays and is taken up again when its lease has run out");
    }
}

async fn perform<P: Participant>(
    engine: Arc<Engine<P>>,
    row: WorkRow,
    lease_until: jiff::Timestamp,
    stopping: CancellationToken,
) {
    let ledger = engine.load(row.migration).await;
    let (Some(customer), Some(instruction)) = (ledger.customer, ledger.instruction) else {
        tracing::error!(migration = %row.migration, part = %row.part, "work without an instruction; left alone");
        return;
    };
    let work = match serde_json::from_str(&row.body) {
        Ok(work) => work,
        Err(error) => {
            tracing::error!(migration = %row.migration, part = %row.part, %error, "stored work cannot be read; left alone");
            return;
        }
    };
    let desk = Desk {
        engine: engine.clone(),
        migration: row.migration,
        part: row.part.clone(),
        version: Mutex::new(row.version),
        lease_until,
        stopping,
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
    finish(&engine, desk, performed).await;
}

async fn finish<P: Participant>(engine: &Engine<P>, desk: Desk<P>, performed: Performed<P>) {
    let Desk { migration, part, version, .. } = desk;
    let expected = Some(version.into_inner());
    let put = |work: &P::Work, due| WorkChange::Put {
        migration,
        part: part.clone(),
        expected,
        body: serde_json::to_string(work).expect("work holds only JSON values and text keys"),
        due,
    };
    let (fact, ends) = match performed {
        Performed::Stopped => return,
        Performed::Again { work, after } => {
            engine.committer.commit(alone::<P>(put(&work, Some(later(engine.clock.now(), after))))).await;
            return;
        }
        Performed::Rest { work } => {
            engine.committer.commit(alone::<P>(put(&work, None))).await;
            return;
        }
        Performed::Done(fact) => (fact, WorkChange::Remove { migration, part: part.clone(), expected }),
        Performed::Kept { fact, work } => (fact, put(&work, None)),
    };
    tracing::debug!(service = %P::SERVICE, %migration, %part, ?fact, "found out");
    engine.tell(migration, Told { ends: Some(ends), ..Told::fact(fact) }).await;
}

fn alone<P: Participant>(change: WorkChange) -> Unit {
    let mut unit = Unit::new(P::SERVICE);
    unit.work.push(change);
    unit
}

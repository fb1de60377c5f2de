//! A clock that is found wrong: nothing begins by it, and everything goes on when it is right again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use seatshift_host::Clock;
use seatshift_messages::{AskedBy, Service};
use seatshift_store::{Store as _, Unit};
use tokio::time::timeout;

use super::stage::{Does, Stage, one, plan, row};
use crate::commands::{Answered, Command, Verb};
use crate::records;
use crate::{Config, Settled, SilenceLimits, Turned, Valve as _};

/// A clock of which it is said whether it is right.
#[derive(Debug)]
pub(super) struct Doubtful {
    clock: Arc<dyn Clock>,
    wrong: AtomicBool,
}

impl Doubtful {
    pub(super) fn of(clock: Arc<dyn Clock>) -> Doubtful {
        Doubtful { clock, wrong: AtomicBool::new(false) }
    }

    pub(super) fn found_right(&self, right: bool) {
        self.wrong.store(!right, Ordering::Relaxed);
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
        !self.wrong.load(Ordering::Relaxed)
    }
}

fn all(stage: &Stage, right: bool) {
    stage.replicas.iter().for_each(|replica| replica.clock.found_right(right));
}

async fn minutes(stage: &Stage, minutes: i64) {
    stage.wait(SignedDuration::from_mins(minutes)).await;
}

fn asked() -> AskedBy {
    AskedBy { by: "ada".to_owned(), reason: None }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_admitted_by_a_clock_that_is_wrong() {
    let stage = Stage::with(Config { max_in_flight: 1, ..Config::default() }).await;
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20), row("c1", 30)])).await;
    minutes(&stage, 1).await;
    all(&stage, false);
    minutes(&stage, 600).await;
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1"], "what had begun goes on, and nothing begins");
    assert_eq!(
        stage.states().await,
        ["a1 completed (completed)", "b1 waits for its turn", "c1 waits for its turn"]
    );
    all(&stage, true);
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1", "b1", "c1"]);
}

#[tokio::test(start_paused = true)]
async fn a_waves_day_does_not_come_by_a_clock_that_is_wrong() {
    let stage = Stage::new().await;
    let day = stage.clock.now() + SignedDuration::from_hours(24);
    let mut later = row("a1", 10);
    later.not_before = Some(day);
    stage.apply(&plan("p", vec![later])).await;
    all(&stage, false);
    stage.wait(SignedDuration::from_hours(48)).await;
    assert_eq!(stage.states().await, ["a1 waits for its turn"]);
    all(&stage, true);
    assert_eq!(stage.control.settled().await, Settled::AllDone);
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_measured_by_a_clock_that_is_wrong() {
    let silence = SilenceLimits::all(SignedDuration::from_hours(2));
    let stage = Stage::with(Config { silence, look_for_commands: None, ..Config::default() }).await;
    stage.world.set("a1", Does::Lost);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    minutes(&stage, 1).await;
    all(&stage, false);
    minutes(&stage, 600).await;
    assert!(stage.control.silent().is_empty());
    assert_eq!(stage.world.requested.lock().unwrap().len(), 1, "nothing is said again");
    all(&stage, true);
    assert_eq!(stage.control.silent().len(), 1);
    assert_eq!(stage.control.settled().await, Settled::AllDone);
}

#[tokio::test(start_paused = true)]
async fn another_acts_for_one_whose_clock_is_wrong() {
    let stage = Stage::replicated(2, Config::default()).await;
    let taken_in = async |name: &str, id: &str| {
        let plan = plan(name, vec![row(id, 10)]);
        timeout(Duration::from_hours(1), stage.apply(&plan)).await.expect("somebody takes it in");
        minutes(&stage, 60).await;
        assert_eq!(stage.control.settled_now(), Some(Settled::AllDone));
    };
    minutes(&stage, 1).await;
    stage.replicas[0].clock.found_right(false);
    taken_in("p", "a1").await;
    stage.replicas[1].clock.found_right(false);
    minutes(&stage, 10).await;
    stage.replicas[0].clock.found_right(true);
    taken_in("q", "b1").await;
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1", "b1"]);
}

#[tokio::test(start_paused = true)]
async fn where_every_clock_is_wrong_a_plan_and_commands_wait_and_a_pause_does_not() {
    let stage = Stage::replicated(2, Config::default()).await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    all(&stage, false);
    let plan = plan("q", vec![row("b1", 10)]);
    let given = async {
        let rollback = Command { verb: Verb::Rollback { target: one("a1") }, asked: asked() };
        let id = stage.control.give(rollback).await.unwrap();
        minutes(&stage, 10).await;
        assert_eq!(stage.control.answer(&id).await.unwrap(), None);
        assert_eq!(stage.rows().await.len(), 1, "the second plan waits too");
        stage.command(Verb::Pause { drain: false }).await;
        assert_eq!(stage.valve.stands(), Some(Turned::Shut));
        all(&stage, true);
        minutes(&stage, 1).await;
        assert!(matches!(stage.control.answer(&id).await.unwrap(), Some(Answered::Each { .. })));
    };
    futures::join!(given, stage.apply(&plan));
    assert_eq!(stage.rows().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_a_resume_that_waits_though_its_id_is_by_a_clock_that_is_behind() {
    let stage = Stage::replicated(2, Config::default()).await;
    stage.command(Verb::Pause { drain: true }).await;
    all(&stage, false);
    let resume = stage.control.give(Command { verb: Verb::Resume, asked: asked() }).await.unwrap();
    minutes(&stage, 1).await;
    let pause = Command { verb: Verb::Pause { drain: false }, asked: asked() };
    let mut unit = Unit::new(Service::Control);
    unit.records.push(records::put(records::COMMAND, "0".to_owned(), &pause));
    stage.store.commit(vec![unit]).await.unwrap();
    minutes(&stage, 1).await;
    all(&stage, true);
    minutes(&stage, 10).await;
    assert_eq!(stage.valve.stands(), Some(Turned::Shut));
    let Some(Answered::Done { text }) = stage.control.answer(&resume).await.unwrap() else { panic!() };
    assert!(text.starts_with("not resumed"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_resume_that_waited_for_the_clock_does_not_end_a_pause_that_was_asked_for_after_it() {
    let stage = Stage::replicated(2, Config::default()).await;
    stage.command(Verb::Pause { drain: true }).await;
    all(&stage, false);
    let id = stage.control.give(Command { verb: Verb::Resume, asked: asked() }).await.unwrap();
    minutes(&stage, 1).await;
    assert_eq!(stage.control.answer(&id).await.unwrap(), None);
    stage.command(Verb::Pause { drain: false }).await;
    all(&stage, true);
    minutes(&stage, 10).await;
    assert_eq!(stage.valve.stands(), Some(Turned::Shut));
    let Some(Answered::Done { text }) = stage.control.answer(&id).await.unwrap() else { panic!() };
    assert!(text.starts_with("not resumed"), "{text}");
}

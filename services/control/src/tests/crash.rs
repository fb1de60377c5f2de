use jiff::SignedDuration;

use super::stage::{Does, Stage, one, plan, row};
use crate::commands::Verb;

#[tokio::test(start_paused = true)]
async fn after_a_crash_admission_goes_on_where_it_was() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10), row("a2", 20), row("b1", 30)])).await;
    stage.wait(SignedDuration::from_mins(30)).await;
    let stage = stage.crash().await;
    stage.control.settled().await;
    assert_eq!(stage.states().await[1], "a2 parked (waits_for)", "the parked one still holds the slot");
    stage.each(Verb::Retry { target: one("a1") }).await;
    stage.control.settled().await;
    assert!(stage.states().await.iter().all(|state| state.ends_with("completed (completed)")));
    assert_eq!(stage.world.requested.lock().unwrap().len(), 3, "nothing was asked for twice");
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_process() {
    let stage = Stage::new().await;
    stage.command(Verb::Pause { drain: true }).await;
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    let stage = stage.crash().await;
    assert_eq!(
        *stage.valve.turned.lock().unwrap(),
        ["drain"],
        "the calls are stopped before anything begins"
    );
    stage.wait(SignedDuration::from_hours(1)).await;
    assert!(stage.world.requested.lock().unwrap().is_empty());
    stage.command(Verb::Resume).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
}

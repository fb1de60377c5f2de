use jiff::SignedDuration;
use seatshift_messages::Cause;

use super::stage::{Does, Stage, one, plan, row};
use crate::commands::Verb;
use crate::{Decided, PlannedRow, RunOptions};

#[tokio::test(start_paused = true)]
async fn the_same_plan_applied_twice_does_nothing_twice() {
    let stage = Stage::new().await;
    let plan = plan("p", vec![row("a1", 10), row("b1", 20)]);
    let first = stage.apply(&plan).await;
    let again = stage.apply(&plan).await;
    stage.control.settled().await;
    let later = stage.apply(&plan).await;
    assert!(first.new && !again.new && !later.new);
    assert_eq!((first.queued, again.queued, later.queued), (2, 0, 0));
    assert_eq!((first.run, later.as_before), (again.run, 2));
    assert_eq!(stage.world.requested.lock().unwrap().len(), 2);
    assert_eq!(stage.rows().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_done_is_recognised_in_another_plan() {
    let stage = Stage::new().await;
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    let next = stage.apply(&plan("q", vec![row("a1", 10), row("b1", 20)])).await;
    stage.control.settled().await;
    assert_eq!((next.already.len(), next.queued), (1, 1));
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1", "b1"]);
    let rows = stage.rows().await;
    assert_eq!(rows.len(), 3, "rows in are rows out");
    assert!(rows.iter().all(|row| row.state() == "completed (completed)"));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_was_refused_is_tried_again_by_another_plan() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Refuse);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    stage.world.set("a1", Does::Complete);
    stage.apply(&plan("q", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    let rows = stage.rows().await;
    assert_eq!(rows[1].state(), "completed (completed)");
    assert_eq!(rows[1].ledger.row.as_ref().unwrap().retries, Some(rows[0].migration));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_rolled_back_is_not_moved_again_because_a_plan_changed() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Hang);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.wait(SignedDuration::from_secs(60)).await;
    stage.each(Verb::Rollback { target: one("a1") }).await;
    stage.control.settled().await;
    let rolled_back = stage.rows().await;
    assert!(rolled_back[0].state().contains("operator"), "{}", rolled_back[0].state());
    stage.world.set("a1", Does::Complete);
    let next = stage.apply(&plan("q", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    assert_eq!((next.queued, next.already.len()), (0, 1));
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1"], "bought a second time");
    // A person's word does it.
    stage.each(Verb::Retry { target: one("a1") }).await;
    stage.control.settled().await;
    assert_eq!(stage.world.requested.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_named_twice_in_one_plan_is_moved_once() {
    let stage = Stage::new().await;
    let twin = PlannedRow { row_id: "twin".to_owned(), ..row("a1", 10) };
    let applied = stage.apply(&plan("p", vec![row("a1", 10), twin])).await;
    stage.control.settled().await;
    assert_eq!((applied.queued, applied.already.len()), (1, 1));
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a1"]);
    assert_eq!(stage.rows().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rows_that_planning_stopped_are_skipped_with_the_reason_and_never_asked_for() {
    let stage = Stage::new().await;
    let leave = Decided::Leave(Cause::new("active_add_ons", "2 add-ons are active"));
    let unread = PlannedRow { old_subscription: None, ..row("b1", 10) };
    stage.apply(&plan("p", vec![PlannedRow { decision: leave, ..row("a1", 10) }, unread])).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 skipped (active_add_ons)", "b1 skipped (no_subscription)"]);
    let first = stage.rows().await[0].migration;
    assert_eq!(stage.said(first.0).await, ["seatshift.migration.skipped.v1"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_takes_the_nearest_end_dates_and_a_higher_one_goes_on() {
    let stage = Stage::new().await;
    let plan = plan("p", vec![row("a1", 30), row("b1", 10), row("c1", 20)]);
    let limit = |limit| RunOptions { limit: Some(limit), ..RunOptions::default() };
    stage.control.apply(&plan, limit(1)).await.unwrap();
    stage.control.settled().await;
    assert_eq!(
        stage.states().await,
        ["a1 skipped (beyond_limit)", "b1 completed (completed)", "c1 skipped (beyond_limit)"]
    );
    assert_eq!(stage.control.apply(&plan, limit(1)).await.unwrap().queued, 0, "the same part again");
    stage.control.apply(&plan, limit(2)).await.unwrap();
    stage.control.settled().await;
    assert_eq!(*stage.world.requested.lock().unwrap(), ["b1", "c1"]);
    stage.apply(&plan).await;
    stage.control.settled().await;
    let rows = stage.rows().await;
    assert_eq!(rows[0].state(), "completed (completed)");
    assert_eq!(rows[0].ledger.verdict.as_ref().unwrap().revision, 2, "it had been skipped before");
}

#[tokio::test(start_paused = true)]
async fn a_wave_is_a_part_of_the_run() {
    let stage = Stage::new().await;
    let wave = |row: PlannedRow, wave: &str| PlannedRow { wave: wave.to_owned(), ..row };
    let plan = plan("p", vec![wave(row("a1", 10), "1"), wave(row("b1", 20), "2")]);
    let waves = |wave: &str| RunOptions { waves: vec![wave.to_owned()], ..RunOptions::default() };
    let first = stage.control.apply(&plan, waves("1")).await.unwrap();
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 completed (completed)", "b1 skipped (not_in_this_wave)"]);
    let second = stage.control.apply(&plan, waves("2")).await.unwrap();
    stage.control.settled().await;
    assert_eq!(first.run, second.run);
    assert_eq!(stage.states().await[1], "b1 completed (completed)");
}

#[tokio::test(start_paused = true)]
async fn progress_counts_rows_and_verdicts() {
    let stage = Stage::new().await;
    stage.world.set("b1", Does::Hang);
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    let progress = stage.control.progress();
    assert_eq!((progress.rows, progress.running, progress.users), (2, 1, 6));
    assert!(progress.first_requested < progress.last_verdict);
}

use jiff::SignedDuration;

use super::stage::{Does, Stage, plan, row};
use crate::tracker::VerdictKind;
use crate::{Config, PlannedRow, STOP_RULE, Settled, StopRule};

#[tokio::test(start_paused = true)]
async fn the_nearest_end_date_begins_first() {
    let stage = Stage::with(Config { max_in_flight: 1, look_for_commands: None, ..Config::default() }).await;
    stage.apply(&plan("p", vec![row("a1", 30), row("b1", 10), row("c1", 20)])).await;
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    assert_eq!(*stage.world.requested.lock().unwrap(), ["b1", "c1", "a1"]);
    assert_eq!(stage.verdicts().await, [(VerdictKind::Completed, 3)].into());
}

#[tokio::test(start_paused = true)]
async fn where_nothing_may_be_changed_nothing_is_begun() {
    let stage = Stage::with(Config { allow_changes: false, ..Config::default() }).await;
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 10)])).await;
    stage.wait(SignedDuration::from_hours(5)).await;
    assert!(stage.world.requested.lock().unwrap().is_empty());
    assert_eq!(stage.states().await, ["a1 waits for its turn", "b1 waits for its turn"]);
}

#[tokio::test(start_paused = true)]
async fn customers_run_in_parallel_up_to_the_bound() {
    let stage = Stage::with(Config { max_in_flight: 2, look_for_commands: None, ..Config::default() }).await;
    let rows = ["a1", "b1", "c1", "d1", "e1"].map(|id| row(id, 30));
    stage.apply(&plan("p", rows.to_vec())).await;
    stage.control.settled().await;
    assert_eq!(stage.world.most.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn one_customer_has_one_migration_at_a_time() {
    let stage = Stage::new().await;
    stage.apply(&plan("p", vec![row("a1", 30), row("a2", 20), row("a3", 10)])).await;
    stage.control.settled().await;
    assert_eq!(stage.world.most.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a3", "a2", "a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_not_begun_before_its_day() {
    let stage = Stage::new().await;
    let day = stage.clock.now() + SignedDuration::from_hours(72);
    let late = PlannedRow { not_before: Some(day), ..row("a1", 30) };
    stage.apply(&plan("p", vec![late, row("a2", 40)])).await;
    stage.control.settled().await;
    assert_eq!(*stage.world.requested.lock().unwrap(), ["a2", "a1"]);
    assert!(stage.clock.now() >= day);
}

#[tokio::test(start_paused = true)]
async fn rows_behind_a_parked_one_wait_for_it_and_go_on_by_themselves() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10), row("a2", 20), row("b1", 30)])).await;
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    assert_eq!(
        stage.states().await,
        ["a1 parked (agreement_missing)", "a2 parked (waits_for)", "b1 completed (completed)"]
    );
    stage.each(crate::commands::Verb::Accept { target: super::stage::one("a1") }).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await[1], "a2 completed (completed)");
}

#[tokio::test(start_paused = true)]
async fn parked_migrations_do_not_use_up_the_bound() {
    let config = Config { max_in_flight: 1, look_for_commands: None, ..Config::default() };
    let stage = Stage::with(config).await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20)])).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await[1], "b1 completed (completed)");
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_facts_have_changed_is_skipped_with_what_changed() {
    let stage = Stage::new().await;
    stage.world.changed.lock().unwrap().push("a1".to_owned());
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    let rows = stage.rows().await;
    assert_eq!(rows[0].state(), "skipped (changed)");
    assert_eq!(stage.said(rows[0].migration.0).await, ["seatshift.migration.skipped.v1"]);
    assert!(stage.world.requested.lock().unwrap().is_empty());
}

/// Twenty-six customers, of whom those named end badly.
async fn run_with_bad(bad: &[&str], rule: StopRule) -> (Stage, Settled) {
    let config = Config { max_in_flight: 1, look_for_commands: None, stop: rule, ..Config::default() };
    let stage = Stage::with(config).await;
    for row in bad {
        stage.world.set(row, Does::Refuse);
    }
    let rows = (b'a'..=b'z').map(|letter| row(&format!("{}1", char::from(letter)), 30)).collect();
    stage.apply(&plan("p", rows)).await;
    let settled = stage.control.settled().await;
    (stage, settled)
}

#[tokio::test(start_paused = true)]
async fn three_bad_ends_among_the_first_twenty_pause_the_run() {
    let (stage, settled) = run_with_bad(&["b1", "d1", "f1"], StopRule::default()).await;
    let Settled::Halted(pause) = settled else { panic!("{settled:?}") };
    assert_eq!((pause.cause.code.as_str(), pause.drain), (STOP_RULE, true));
    assert_eq!(stage.world.requested.lock().unwrap().len(), 6, "nothing new was begun");
    assert_eq!(*stage.valve.turned.lock().unwrap(), ["drain"]);
}

#[tokio::test(start_paused = true)]
async fn resume_goes_on_and_counts_anew() {
    let (stage, _) = run_with_bad(&["b1", "d1", "f1", "h1", "j1"], StopRule::default()).await;
    stage.command(crate::commands::Verb::Resume).await;
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    assert_eq!(stage.verdicts().await[&VerdictKind::Refused], 5);
    assert_eq!(*stage.valve.turned.lock().unwrap(), ["drain", "resume"]);
}

#[tokio::test(start_paused = true)]
async fn two_bad_ends_do_not_pause_the_run() {
    let (_, settled) = run_with_bad(&["b1", "d1"], StopRule::default()).await;
    assert_eq!(settled, Settled::AllDone);
}

#[tokio::test(start_paused = true)]
async fn after_the_first_twenty_five_percent_of_the_last_hundred_pause_the_run() {
    let bad = ["a1", "b1", "v1", "w1", "x1", "y1"];
    let (stage, settled) = run_with_bad(&bad, StopRule::default()).await;
    assert!(matches!(settled, Settled::Halted(_)), "{settled:?}");
    // a, b, v, w, x: the fifth of fewer than a hundred.
    assert_eq!(stage.world.requested.lock().unwrap().last().unwrap(), "x1");
    let four = ["a1", "b1", "v1", "w1"];
    assert_eq!(run_with_bad(&four, StopRule::default()).await.1, Settled::AllDone);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_off_pauses_nothing() {
    let off = StopRule { enabled: false, ..StopRule::default() };
    assert_eq!(run_with_bad(&["a1", "b1", "c1", "d1"], off).await.1, Settled::AllDone);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_left_to_begin_nothing_is_paused() {
    let stage = Stage::new().await;
    for row in ["a1", "b1", "c1"] {
        stage.world.set(row, Does::Refuse);
    }
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 10), row("c1", 10)])).await;
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    // How that run ended says nothing about the next.
    stage.apply(&plan("q", vec![row("d1", 10), row("e1", 10)])).await;
    assert_eq!(stage.control.settled().await, Settled::AllDone);
    assert_eq!(stage.control.paused(), None);
}

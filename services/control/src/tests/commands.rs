use jiff::SignedDuration;

use super::stage::{Does, Stage, one, plan, row};
use crate::Config;
use crate::commands::{Answered, Command, Target, Verb, await_answer, enqueue, preview, withdraw};
use crate::tracker::{Outcome, VerdictKind};

async fn settled(stage: &Stage, rows: &[(&str, Does)]) {
    for (id, does) in rows {
        stage.world.set(id, *does);
    }
    stage.apply(&plan("p", rows.iter().map(|(id, _)| row(id, 30)).collect())).await;
    stage.control.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_migration_is_retried_by_its_customers_name() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Park), ("b1", Does::Complete)]).await;
    let answers = stage.each(Verb::Retry { target: one("customer A") }).await;
    assert_eq!((answers.len(), answers[0].outcome, answers[0].row.as_str()), (1, Outcome::Done, "a1"));
    stage.control.settled().await;
    assert_eq!(stage.states().await[0], "a1 completed (completed)");
    let events = stage.said(answers[0].migration.0).await;
    assert_eq!(
        events,
        [
            "seatshift.migration.requested.v1",
            "seatshift.migration.parked.v1",
            "seatshift.retry.requested.v1",
            "seatshift.migration.completed.v1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_fits_several_is_refused_with_the_list() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete), ("a2", Does::Complete), ("b1", Does::Complete)]).await;
    let answered = stage.command(Verb::Rollback { target: one("a.example") }).await;
    let Answered::Ambiguous { candidates, .. } = answered else { panic!("{answered:?}") };
    let rows: Vec<&str> = candidates.iter().map(|one| one.row.as_str()).collect();
    assert_eq!(rows, ["a1", "a2"]);
    assert_eq!(stage.verdicts().await[&VerdictKind::Completed], 3, "nothing was done");
    let unknown = stage.command(Verb::Rollback { target: one("nobody") }).await;
    assert!(matches!(unknown, Answered::Unknown { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_only_parked_row_of_a_customer_is_meant_by_its_name() {
    let stage = Stage::new().await;
    stage.world.set("a2", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10), row("a2", 20)])).await;
    stage.control.settled().await;
    let answers = stage.each(Verb::Accept { target: one("a.example") }).await;
    assert_eq!(answers[0].row, "a2");
    assert_eq!(stage.states().await[1], "a2 accepted (agreement_missing)");
}

#[tokio::test(start_paused = true)]
async fn all_of_a_cause_are_retried_at_once() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Park), ("b1", Does::Complete), ("c1", Does::Park)]).await;
    let cause = Target::Cause("agreement_missing".to_owned());
    let answers = stage.each(Verb::Retry { target: cause.clone() }).await;
    assert_eq!(answers.len(), 2);
    stage.control.settled().await;
    assert_eq!(stage.verdicts().await, [(VerdictKind::Completed, 3)].into());
    assert!(matches!(stage.command(Verb::Retry { target: cause }).await, Answered::Unknown { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_whole_run_is_rolled_back() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete), ("b1", Does::Park), ("c1", Does::Refuse)]).await;
    let answers = stage.each(Verb::Rollback { target: Target::LatestRun }).await;
    assert_eq!(answers.len(), 2, "what was refused needs none: {answers:?}");
    stage.control.settled().await;
    assert_eq!(
        stage.states().await,
        ["a1 rolled_back (operator)", "b1 rolled_back (operator)", "c1 refused (offer_not_sold)"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_a_completed_one_waits_for_its_customers_slot() {
    let stage = Stage::new().await;
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    stage.world.set("a2", Does::Hang);
    stage.apply(&plan("q", vec![row("a2", 20)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    let answers = stage.each(Verb::Rollback { target: one("a1") }).await;
    assert_eq!(answers[0].outcome, Outcome::Waits);
    stage.wait(SignedDuration::from_hours(1)).await;
    let asked = |said: Vec<String>| said.iter().any(|kind| kind == "seatshift.rollback.requested.v1");
    assert!(!asked(stage.said(answers[0].migration.0).await), "a2 holds the slot");
    // It ends, and the slot is free.
    let other = stage.each(Verb::Rollback { target: one("a2") }).await;
    stage.control.settled().await;
    assert_eq!(other[0].outcome, Outcome::Done);
    assert!(asked(stage.said(answers[0].migration.0).await));
    assert_eq!(stage.states().await, ["a1 rolled_back (operator)", "a2 rolled_back (operator)"]);
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_a_rollback_is_answered_with_why() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete)]).await;
    stage.wait(SignedDuration::from_hours(24 * 31)).await;
    let answers = stage.each(Verb::Rollback { target: one("a1") }).await;
    assert_eq!(answers[0].outcome, Outcome::No);
    assert!(answers[0].text.contains("90 days after suspension"), "{}", answers[0].text);
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_row_is_retried_as_a_new_migration_that_names_the_old_one() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Refuse)]).await;
    stage.world.set("a1", Does::Complete);
    let answers = stage.each(Verb::Retry { target: one("a1") }).await;
    stage.control.settled().await;
    let rows = stage.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].state().as_str(), rows[0].earlier.as_slice()),
        ("completed (completed)", &[answers[0].migration][..])
    );
    assert_eq!(Some(rows[0].migration), answers[0].successor);
    assert_eq!(rows[0].ledger.row.as_ref().unwrap().retries, Some(answers[0].migration));
    assert_eq!(rows[0].ledger.verdict.as_ref().unwrap().revision, 2, "the row's verdicts go on counting");
    assert_eq!(stage.control.progress().rows, 1);
}

#[tokio::test(start_paused = true)]
async fn pause_stops_the_calls_and_new_migrations_until_resume() {
    let stage = Stage::new().await;
    stage.command(Verb::Pause { drain: false }).await;
    let applied = stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.wait(SignedDuration::from_hours(5)).await;
    assert_eq!(stage.states().await, ["a1 waits for its turn"]);
    stage.command(Verb::Resume).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
    assert_eq!(*stage.valve.turned.lock().unwrap(), ["pause", "resume"]);
    assert_eq!(stage.said(applied.run.0).await, ["seatshift.run.resumed.v1"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_of_another_process_is_answered_within_a_second() {
    let stage = Stage::with(Config::default()).await;
    settled(&stage, &[("a1", Does::Park)]).await;
    let asked = seatshift_messages::AskedBy { by: "ada".to_owned(), reason: None };
    let command = Command { verb: Verb::Accept { target: one("a1") }, asked };
    let before = stage.clock.now();
    let id = enqueue(&*stage.store, &*stage.clock, &stage.ids, &command).await.unwrap();
    let answered =
        await_answer(&*stage.store, &*stage.clock, &id, SignedDuration::from_secs(10)).await.unwrap();
    assert!(matches!(answered, Some(Answered::Each { ref answers }) if answers[0].outcome == Outcome::Done));
    assert!(stage.clock.now().duration_since(before) < SignedDuration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_takes_up_can_be_withdrawn() {
    let stage = Stage::new().await; // looks for no commands of others
    settled(&stage, &[("a1", Does::Park)]).await;
    let asked = seatshift_messages::AskedBy { by: "ada".to_owned(), reason: None };
    let command = Command { verb: Verb::Accept { target: one("a1") }, asked };
    let id = enqueue(&*stage.store, &*stage.clock, &stage.ids, &command).await.unwrap();
    let patience = SignedDuration::from_secs(2);
    assert_eq!(await_answer(&*stage.store, &*stage.clock, &id, patience).await.unwrap(), None);
    withdraw(&*stage.store, &id).await.unwrap();
    stage.command(Verb::Resume).await;
    assert_eq!(stage.states().await, ["a1 parked (agreement_missing)"]);
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_what_would_happen_and_changes_nothing() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete), ("b1", Does::Park)]).await;
    let asked = seatshift_messages::AskedBy { by: "ada".to_owned(), reason: None };
    let command = Command { verb: Verb::Rollback { target: Target::LatestRun }, asked };
    let events = stage.store_events().await;
    let answered = preview(&*stage.store, &*stage.clock, &command).await.unwrap();
    let Answered::Each { answers } = answered else { panic!("{answered:?}") };
    let outcomes: Vec<Outcome> = answers.iter().map(|answer| answer.outcome).collect();
    assert_eq!(outcomes, [Outcome::Waits, Outcome::Done]);
    assert_eq!(stage.store_events().await, events);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_its_own_rows_and_everything_is_all() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete)]).await;
    stage.apply(&plan("q", vec![row("a1", 30), row("b1", 30)])).await;
    stage.control.settled().await;
    let latest = stage.each(Verb::Rollback { target: Target::LatestRun }).await;
    assert_eq!(latest.iter().map(|answer| answer.row.as_str()).collect::<Vec<_>>(), ["b1"]);
    stage.control.settled().await;
    let all = stage.each(Verb::Rollback { target: Target::Everything }).await;
    assert_eq!(all.iter().map(|answer| answer.row.as_str()).collect::<Vec<_>>(), ["a1"]);
    stage.control.settled().await;
    assert_eq!(stage.verdicts().await, [(VerdictKind::RolledBack, 2)].into());
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_many_leaves_what_was_rolled_back_on_purpose() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Complete), ("b1", Does::Refuse)]).await;
    stage.each(Verb::Rollback { target: one("a1") }).await;
    stage.control.settled().await;
    stage.world.set("b1", Does::Complete);
    let answers = stage.each(Verb::Retry { target: Target::LatestRun }).await;
    assert_eq!(answers.iter().map(|answer| answer.row.as_str()).collect::<Vec<_>>(), ["b1"]);
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 rolled_back (operator)", "b1 completed (completed)"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_row_is_not_retried_beside_another_migration_of_its_subscription() {
    let stage = Stage::new().await;
    settled(&stage, &[("a1", Does::Refuse)]).await;
    stage.world.set("a1", Does::Hang);
    stage.apply(&plan("q", vec![row("a1", 30)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    let first = stage.rows().await[0].migration;
    let answers = stage.each(Verb::Retry { target: one(&first.to_string()) }).await;
    assert_eq!(answers[0].outcome, Outcome::No);
    assert!(answers[0].text.contains("another migration"), "{}", answers[0].text);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_waits_is_seen() {
    let stage = Stage::new().await;
    stage.world.set("a2", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10), row("a2", 20)])).await;
    stage.control.settled().await;
    stage.each(Verb::Rollback { target: one("a1") }).await;
    stage.control.settled().await;
    assert_eq!(
        stage.states().await[0],
        "a1 completed (completed), its rollback waits for the customer's other migration"
    );
    stage.each(Verb::Accept { target: one("a2") }).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await[0], "a1 rolled_back (operator)");
}

//! Several replicas of control on one store: each hears, one acts, whoever it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use seatshift_messages::AskedBy;

use super::crash::promise;
use super::stage::{Does, Stage, one, plan, row};
use crate::applies::apply_here;
use crate::commands::{Answered, Command, Verb, enqueue};
use crate::tracker::VerdictKind;
use crate::{Config, PlannedRow, ReviewedPlan, RunOptions, Settled, Turned, Valve as _, agree, standing};

/// Twenty customers with two rows each.
fn forty() -> Vec<PlannedRow> {
    let customers = (b'a'..=b't').map(char::from);
    customers.flat_map(|letter| [row(&format!("{letter}1"), 30), row(&format!("{letter}2"), 40)]).collect()
}

async fn settled(stage: &Stage) -> Settled {
    let settled = stage.replicas.last().unwrap().control.settled().await;
    // The others see it a moment later.
    stage.wait(SignedDuration::from_secs(1)).await;
    settled
}

#[tokio::test(start_paused = true)]
async fn replicas_bring_a_plan_to_its_end_and_ask_for_nothing_twice() {
    let stage = Stage::replicated(3, Config::default()).await;
    stage.apply(&plan("p", forty())).await;
    assert_eq!(settled(&stage).await, Settled::AllDone);
    let mut requested = stage.world.requested.lock().unwrap().clone();
    requested.sort();
    let mut wanted: Vec<String> = forty().into_iter().map(|row| row.row_id).collect();
    wanted.sort();
    assert_eq!(requested, wanted);
    for replica in &stage.replicas {
        assert_eq!(replica.control.progress().verdicts, BTreeMap::from([(VerdictKind::Completed, 40)]));
        assert_eq!(replica.control.progress(), stage.control.progress(), "all see the same");
    }
    assert_eq!(stage.slots().await, 0, "every slot is free again");
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_is_promised_by_a_commit_that_came_late_is_made_by_whoever_acts() {
    let stage = Stage::replicated(2, Config::default()).await;
    stage.world.set("a1", Does::Refuse);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    settled(&stage).await;
    stage.world.set("a1", Does::Complete);
    // As a writer does it after the database was away: who promised it waits for it no more.
    let successor = promise(&stage).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
    assert_eq!(stage.rows().await[0].migration, successor);
}

#[tokio::test(start_paused = true)]
async fn two_applies_of_one_file_on_two_replicas_are_one_run_and_take_nothing_twice() {
    let stage = Stage::replicated(2, Config::default()).await;
    let plan = plan("p", forty());
    let apply = async |replica: usize| {
        stage.replicas[replica].control.apply(&plan, RunOptions::default()).await.unwrap()
    };
    let (first, second) = futures::join!(apply(0), apply(1));
    assert_eq!(first.run, second.run);
    assert_eq!((u8::from(first.new) + u8::from(second.new), first.queued + second.queued), (1, 40));
    assert_eq!(first.as_before + second.as_before, 40);
    settled(&stage).await;
    assert_eq!(stage.world.requested.lock().unwrap().len(), 40);
    assert_eq!(stage.rows().await.len(), 40);
    assert_eq!(stage.uploads().await, 0, "what was uploaded is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_which_a_page_is_missing_is_not_applied() {
    let stage = Stage::replicated(2, Config::default()).await;
    let control = &stage.control;
    let rows: Vec<PlannedRow> = forty();
    let upload = control.new_upload();
    control.put_page(&upload, 0, &rows[..20]).await.unwrap();
    let asked = crate::ApplyAsked {
        upload,
        sha256: "p".to_owned(),
        extra_columns: Vec::new(),
        rows: 40,
        options: RunOptions::default(),
    };
    let id = control.ask_apply(asked).await.unwrap();
    stage.wait(SignedDuration::from_secs(5)).await;
    let answered = control.apply_answered(&id).await.unwrap();
    assert!(matches!(answered, Some(crate::ApplyAnswered::Incomplete { .. })), "{answered:?}");
    assert!(stage.rows().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_given_to_any_replica_is_carried_out_and_answered() {
    let stage = Stage::replicated(3, Config::default()).await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    settled(&stage).await;
    for replica in &stage.replicas {
        let asked = AskedBy { by: "ada".to_owned(), reason: None };
        let command = Command { verb: Verb::Accept { target: one("a1") }, asked };
        let answered = replica.control.command(command).await.unwrap();
        assert!(matches!(answered, Answered::Each { .. }) || matches!(answered, Answered::Unknown { .. }));
    }
    assert_eq!(stage.states().await, ["a1 accepted (agreement_missing)"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_given_to_one_replica_holds_for_all() {
    let stage = Stage::replicated(2, Config::default()).await;
    let asked = || AskedBy { by: "ada".to_owned(), reason: None };
    let give = async |replica: usize, verb: Verb| {
        stage.replicas[replica].control.command(Command { verb, asked: asked() }).await.unwrap()
    };
    give(1, Verb::Pause { drain: false }).await;
    assert!(stage.valve.turned.lock().unwrap().contains(&"pause"));
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert!(stage.world.requested.lock().unwrap().is_empty());
    assert!(stage.replicas.iter().all(|replica| replica.control.paused().is_some()));
    give(0, Verb::Resume).await;
    assert_eq!(settled(&stage).await, Settled::AllDone);
    assert_eq!(stage.valve.turned.lock().unwrap().last(), Some(&"resume"));
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_acts_dies_another_goes_on_at_once() {
    let stage = Stage::replicated(3, Config { max_in_flight: 4, ..Config::default() }).await;
    stage.apply(&plan("p", forty())).await;
    for replica in &stage.replicas[..2] {
        stage.wait(SignedDuration::from_mins(25)).await;
        replica.running.abort();
    }
    assert_eq!(settled(&stage).await, Settled::AllDone);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 40, "nothing was asked for twice");
    assert!(stage.states().await.iter().all(|state| state.ends_with("completed (completed)")));
}

#[tokio::test(start_paused = true)]
async fn while_two_replicas_believe_to_act_no_customer_has_two_migrations_under_way() {
    let stage = Stage::replicated(2, Config::default()).await;
    // Cut before anything is admitted: the second one takes the lock, the first does not know.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.lock.cut();
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.apply(&plan("p", forty())).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let under_way = stage.world.most.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(under_way, 20, "one for each customer");
    stage.lock.notice();
    assert_eq!(settled(&stage).await, Settled::AllDone);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn while_two_replicas_believe_to_act_no_row_is_taken_twice() {
    let stage = Stage::replicated(2, Config::default()).await;
    let plan = plan("p", forty());
    let apply = async |replica: usize| {
        let control = &stage.replicas[replica].control.inner;
        apply_here(control, &plan, RunOptions::default()).await.unwrap()
    };
    let (first, second) = futures::join!(apply(0), apply(1));
    assert_eq!(first.run, second.run);
    assert_eq!((first.queued + second.queued, first.as_before + second.as_before), (40, 40));
    assert_eq!(settled(&stage).await, Settled::AllDone);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 40);
    assert_eq!(stage.ledgers().await, 40, "no second migration of a row, not even one that was skipped");
}

#[tokio::test(start_paused = true)]
async fn a_run_gives_each_number_to_one_event() {
    let stage = Stage::replicated(2, Config::default()).await;
    let plan = plan("p", vec![row("a1", 10)]);
    stage.apply(&plan).await;
    let (acts, other) = (&stage.replicas[0].control.inner, &stage.replicas[1].control.inner);
    let by_rule = acts.pause_by_rule("stop_rule", "a test".to_owned());
    futures::join!(by_rule, apply_here(other, &plan, RunOptions::default())).1.unwrap();
    acts.pause_by_rule("stop_rule", "once more".to_owned()).await;
    let run = standing::latest_run(&*stage.store).await.unwrap().unwrap();
    assert_eq!(run.sequence, 2, "two pauses");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_somebody_opened_during_a_pause_is_shut_again() {
    let stage = Stage::replicated(2, Config::default()).await;
    stage.command(Verb::Pause { drain: false }).await;
    // As one does who begins to act and does not see the pause yet.
    stage.valve.resume().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.valve.stands(), Some(Turned::Shut));
    stage.command(Verb::Resume).await;
    // And one that was shut by somebody who died before it was written down.
    stage.valve.pause(true).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.valve.stands(), Some(Turned::Open));
}

#[tokio::test(start_paused = true)]
async fn who_begins_to_act_does_not_open_a_gate_that_is_to_be_shut() {
    let stage = Stage::replicated(2, Config::default()).await;
    let control = &stage.replicas[0].control.inner;
    assert_eq!(agree::should(control).await.unwrap(), Some(Turned::Open));
    stage.replicas.iter().for_each(|replica| replica.running.abort());
    let asked = AskedBy { by: "ada".to_owned(), reason: None };
    let command = Command { verb: Verb::Pause { drain: false }, asked };
    enqueue(&*stage.store, &*stage.clock, &stage.ids, &command).await.unwrap();
    assert_eq!(agree::should(control).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_plan_can_be_applied_while_the_lock_changes_hands() {
    let stage = Stage::replicated(2, Config::default()).await;
    let plan: ReviewedPlan = plan("p", forty());
    let applying = stage.replicas[1].control.apply(&plan, RunOptions::default());
    let cutting = async {
        stage.replicas[0].running.abort();
    };
    let (applied, ()) = futures::join!(applying, cutting);
    assert_eq!(applied.unwrap().run, stage.rows().await[0].run);
    assert_eq!(settled(&stage).await, Settled::AllDone);
    assert_eq!(stage.rows().await.len(), 40);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 40);
}

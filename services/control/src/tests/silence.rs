//! A migration of which nothing is heard raises an alarm, and its events are said once more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use seatshift_messages::{CustomerId, Envelope, Service};
use seatshift_store::Store;
use uuid::Uuid;

use super::stage::{Does, Stage, plan, row};
use crate::commands::Verb;
use crate::{Config, PlannedRow, SilenceLimits, standing};

fn quick() -> Config {
    Config {
        silence: SilenceLimits::all(SignedDuration::from_hours(2)),
        look_for_commands: None,
        ..Config::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_nobody_speaks_of_is_told_of_after_the_limit_and_not_before() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Hang);
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20)])).await;
    stage.wait(SignedDuration::from_mins(119)).await;
    assert!(stage.control.silent().is_empty());
    stage.wait(SignedDuration::from_mins(2)).await;
    let silent = stage.control.silent();
    assert_eq!(silent.len(), 1, "b1 is done");
    let (rows, now) = (stage.rows().await, stage.clock.now());
    let limits = quick().silence;
    assert_eq!(
        standing::silent(&*stage.store, &rows, now, &limits).await.unwrap(),
        silent,
        "the store says the same"
    );
    assert_eq!(silent[0].migration, stage.rows().await[0].migration);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_on_the_way_is_said_again_with_the_same_id() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Lost);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
    assert_eq!(stage.world.requested.lock().unwrap().len(), 2, "lost once, then heard");
    let events = stage.store.events(0, 100, None).await.unwrap();
    let requested = events.iter().map(|row| Envelope::from_bytes(&row.bytes).unwrap());
    assert_eq!(requested.filter(|event| event.kind.contains("requested")).count(), 1, "logged once");
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_was_lost_on_its_way_to_control_is_found_in_the_history() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Unheard);
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert_eq!(stage.states().await, ["a1 running", "b1 completed (completed)"]);
    stage.control.settled().await;
    assert_eq!(stage.states().await, ["a1 completed (completed)", "b1 completed (completed)"]);
    assert!(stage.control.silent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_the_history_is_away_what_was_lost_is_looked_for_again_at_the_next_look() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Unheard);
    stage.world.history_is_away.store(true, Ordering::Relaxed);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.wait(SignedDuration::from_mins(150)).await;
    assert_eq!(stage.states().await, ["a1 running"], "looked for in vain");
    stage.world.history_is_away.store(false, Ordering::Relaxed);
    stage.wait(SignedDuration::from_mins(5)).await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"], "no second limit was waited for");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_said_does_not_stand_before_the_others() {
    let stage = Stage::with(Config { max_in_flight: 1000, ..quick() }).await;
    stage.world.history_is_away.store(true, Ordering::Relaxed);
    let rows: Vec<PlannedRow> = (0..520_u128)
        .map(|number| {
            let name = format!("x{number}");
            stage.world.set(&name, Does::Hang);
            PlannedRow { customer: CustomerId(Uuid::from_u128(0xD000 + number)), ..row(&name, 10) }
        })
        .collect();
    stage.apply(&plan("p", rows)).await;
    stage.wait(SignedDuration::from_mins(140)).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for row in stage.world.requested.lock().unwrap().iter() {
        *times.entry(row.clone()).or_default() += 1;
    }
    assert_eq!(times.values().filter(|times| **times > 1).count(), 520, "some were never said again");
}

#[tokio::test(start_paused = true)]
async fn each_step_has_its_own_limit() {
    let silence = SilenceLimits {
        purchase: SignedDuration::from_hours(5),
        ..SilenceLimits::all(SignedDuration::from_hours(2))
    };
    let stage = Stage::with(Config { silence, look_for_commands: None, ..Config::default() }).await;
    stage.world.set("a1", Does::Hang);
    stage.world.set("b1", Does::HangLater);
    stage.apply(&plan("p", vec![row("a1", 10), row("b1", 20)])).await;
    let awaited = async |hours| {
        stage.wait(SignedDuration::from_hours(hours)).await;
        stage.control.silent().into_iter().map(|silent| silent.awaits).collect::<Vec<_>>()
    };
    assert_eq!(awaited(1).await, []);
    assert_eq!(awaited(3).await, [Some(Service::Reassignment)], "the purchase may take longer");
    assert_eq!(awaited(3).await, [Some(Service::Purchase), Some(Service::Reassignment)]);
}

#[tokio::test(start_paused = true)]
async fn what_stands_still_because_of_a_pause_is_not_silent() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Hang);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.wait(SignedDuration::from_mins(1)).await;
    stage.command(Verb::Pause { drain: false }).await;
    stage.wait(SignedDuration::from_hours(30)).await;
    assert!(stage.control.silent().is_empty());
    stage.command(Verb::Resume).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert!(stage.control.silent().is_empty(), "counted from the end of the pause");
    stage.wait(SignedDuration::from_hours(2)).await;
    assert_eq!(stage.control.silent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn customers_whose_end_is_near_are_at_risk_until_they_are_moved() {
    let stage = Stage::with(quick()).await;
    stage.world.set("a1", Does::Hang);
    stage.world.set("b1", Does::Hang);
    stage.world.set("d1", Does::Refuse);
    // Two rows of one customer are one; what was refused stands on its old plan still.
    let rows = [("a1", 10), ("a2", 12), ("b1", 60), ("c1", 10), ("d1", 10)];
    stage.apply(&plan("p", rows.map(|(id, days)| row(id, days)).to_vec())).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert_eq!(stage.control.customers_at_risk(), 2);
}

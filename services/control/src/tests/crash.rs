use jiff::SignedDuration;
use seatshift_messages::{AskedBy, MigrationId, Service};
use seatshift_store::{LedgerWrite, Store, Unit};

use super::stage::{Does, Stage, one, plan, row};
use crate::commands::{Answered, Command, Verb, await_answer, enqueue};
use crate::tracker::Ledger;

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

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_stops_its_customer_and_nobody_else() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Hang);
    stage.world.set("b1", Does::Hang);
    stage.apply(&plan("p", vec![row("a1", 10), row("a2", 20), row("b1", 30)])).await;
    stage.wait(SignedDuration::from_hours(1)).await;
    let hanging = stage.rows().await[0].migration;
    let before = stage.store.ledgers(Service::Control, &[hanging]).await.unwrap().remove(0);
    write_stage(&stage, hanging, "written by a version that nobody knows").await;

    let stage = stage.crash().await;
    assert_eq!(stage.control.unreadable(), 1);
    stage.apply(&plan("q", vec![row("c1", 10), row("a3", 5)])).await;
    stage.wait(SignedDuration::from_hours(6)).await;
    assert_eq!(stage.world.requested.lock().unwrap().len(), 3, "a1, b1 and c1, and nothing more for a");

    // Whoever can read it again, goes on where it was.
    write_stage(&stage, hanging, &before.stage).await;
    let stage = stage.crash().await;
    assert_eq!(stage.control.unreadable(), 0);
    assert_eq!(stage.states().await[0], "a1 running");
}

/// Writes this as a migration's stage, past the control that is running.
async fn write_stage(stage: &Stage, migration: MigrationId, text: &str) {
    let row = stage.store.ledgers(Service::Control, &[migration]).await.unwrap().remove(0);
    let mut unit = Unit::new(Service::Control);
    unit.ledger = Some(LedgerWrite {
        migration,
        customer: row.customer,
        expected: row.version,
        sequence: row.sequence,
        stage: text.to_owned(),
        instruction: None,
    });
    stage.store.commit(vec![unit]).await.unwrap();
}

/// Writes a promise into the ledger of the refused first row, past the control that is running; the migration that it names is
/// nowhere.
pub(super) async fn promise(stage: &Stage) -> MigrationId {
    let refused = stage.rows().await[0].migration;
    let row = stage.store.ledgers(Service::Control, &[refused]).await.unwrap().remove(0);
    let mut ledger: Ledger = serde_json::from_str(&row.stage).unwrap();
    let successor = MigrationId(uuid::Uuid::from_u128(77));
    ledger.successor = Some(successor);
    write_stage(stage, refused, &serde_json::to_string(&ledger).unwrap()).await;
    successor
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_was_promised_before_the_crash_is_made_after_it() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Refuse);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    // The crash comes between the refused ledger, which promises a successor, and the successor's own.
    let successor = promise(&stage).await;
    assert_eq!(
        stage.states().await,
        ["a1 refused (offer_not_sold)"],
        "until then the old verdict is the row's"
    );
    stage.world.set("a1", Does::Complete);
    let stage = stage.crash().await;
    stage.wait(SignedDuration::from_hours(1)).await;
    assert_eq!(stage.states().await, ["a1 completed (completed)"]);
    assert_eq!(stage.rows().await[0].migration, successor);
}

#[tokio::test(start_paused = true)]
async fn a_command_given_before_the_crash_is_carried_out_after_it() {
    let stage = Stage::new().await;
    stage.world.set("a1", Does::Park);
    stage.apply(&plan("p", vec![row("a1", 10)])).await;
    stage.control.settled().await;
    let asked = AskedBy { by: "ada".to_owned(), reason: None };
    let command = Command { verb: Verb::Accept { target: one("a1") }, asked };
    let id = enqueue(&*stage.store, &*stage.clock, &stage.ids, &command).await.unwrap();
    let stage = stage.crash().await;
    let patience = SignedDuration::from_secs(10);
    let answered = await_answer(&*stage.store, &*stage.clock, &id, patience).await.unwrap();
    assert!(matches!(answered, Some(Answered::Each { .. })), "{answered:?}");
    assert_eq!(stage.states().await, ["a1 accepted (agreement_missing)"]);
}

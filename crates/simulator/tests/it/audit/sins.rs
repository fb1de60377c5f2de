//! Sins committed by calling the API by hand.

use std::collections::BTreeSet;

use http::Method;
use seatshift_simulator::books::{Audit, Figures, IntendedRow, IntendedUser, Intent, audit};
use seatshift_simulator::world::{Catalogue, Partner};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::stage::{
    ADD_ON, ADD_ON_OFFER, ALICE, BOB, CUSTOMER, NEW_OFFER, NEW_SKU, OLD, OLD_OFFER, OLD_SKU, PLAN, Stage,
    world,
};

fn id(text: &str) -> Uuid {
    Uuid::parse_str(text).expect("an id")
}

const OFFICE: &str = "a0000000-0000-4000-8000-000000000009";
const OFFICE_OFFER: &str = "796b6b5f-613c-4e24-a17c-eba730d49c02";
const CARL: &str = "b0000000-0000-4000-8000-000000000009";

/// Alice (without one plan) and Bob are to be moved; Carl and his Office have nothing to do with it.
async fn stage(truth: &str, with_add_on: bool) -> Stage {
    let mut world = world();
    let office = Catalogue::shipped().offers[&id(OFFICE_OFFER)].sku;
    let end = "2019-12-31T00:00:00Z";
    let customer = &mut world["customers"][0];
    customer["subscriptions"] = json!([
        {"id": OLD, "offer": OLD_OFFER, "quantity": 2, "commitment_end": end,
         "truth": {"do": truth, "reason": "the test says so"}},
        {"id": OFFICE, "offer": OFFICE_OFFER, "quantity": 3, "commitment_end": end}]);
    if with_add_on {
        let add_on =
            json!({"id": ADD_ON, "offer": ADD_ON_OFFER, "quantity": 1, "parent": OLD, "commitment_end": end});
        customer["subscriptions"].as_array_mut().expect("a list").push(add_on);
    }
    let user = |id: &str, name: &str, licenses: Value| {
        json!({"id": id, "principal_name": format!("{name}@fabrikam.example"), "display_name": name,
               "usage_location": "US", "licenses": licenses})
    };
    customer["users"] = json!([
        user(ALICE, "alice", json!([{"sku": OLD_SKU, "disabled": [PLAN]}])),
        user(BOB, "bob", json!([{"sku": OLD_SKU}])),
        user(CARL, "carl", json!([{"sku": office}]))
    ]);
    Stage::of(world).await
}

/// The row as a plan would have said it.
fn intent() -> Intent {
    let plans = |sku: &str| Catalogue::shipped().user_plans(id(sku));
    let (old, new): (BTreeSet<Uuid>, BTreeSet<Uuid>) = (plans(OLD_SKU), plans(NEW_SKU));
    let named_changes: Vec<Uuid> = old.symmetric_difference(&new).copied().collect();
    let user = |user: &str, disabled: &[&str]| IntendedUser {
        user: id(user),
        disabled: disabled.iter().map(|plan| id(plan)).collect(),
        named_changes: named_changes.clone(),
    };
    Intent {
        engine: Partner::default().client_id,
        rows: vec![IntendedRow {
            row_id: "row-1".into(),
            customer: id(CUSTOMER),
            old_subscription: id(OLD),
            approved: true,
            target_offer: Some(id(NEW_OFFER)),
            retries: 0,
            decision_given: false,
            stopped_by_person: false,
            users: vec![user(ALICE, &[PLAN]), user(BOB, &[])],
            add_ons: Vec::new(),
        }],
    }
}

async fn buy(stage: &Stage) {
    assert_eq!(stage.order(NEW_OFFER, 2).await.status, 201);
    stage.pass(300).await;
}

async fn assign(stage: &Stage, user: &str, assign: Value, remove: &[&str]) {
    let body = json!({"licensesToAssign": assign, "licensesToRemove": remove});
    let path = format!("/customers/{CUSTOMER}/users/{user}/licenseupdates");
    let answer = stage.call(Method::POST, &path, &[("MS-RequestId", &request(stage))], Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// An id for each call, so that the lines of one call are seen as one step.
fn request(stage: &Stage) -> String {
    Uuid::from_u128(stage.simulator.books().len() as u128).to_string()
}

async fn swap_alice(stage: &Stage, off: &[&str]) {
    assign(stage, ALICE, json!([{"skuId": NEW_SKU, "excludedPlans": off}]), &[OLD_SKU]).await;
}

async fn swap_bob(stage: &Stage) {
    assign(stage, BOB, json!([{"skuId": NEW_SKU, "excludedPlans": []}]), &[OLD_SKU]).await;
}

async fn suspend(stage: &Stage, subscription: &str) {
    assert_eq!(stage.patch(subscription, json!({"status": "suspended"})).await.status, 200);
}

async fn migrate(stage: &Stage) {
    buy(stage).await;
    swap_alice(stage, &[PLAN]).await;
    swap_bob(stage).await;
    suspend(stage, OLD).await;
}

fn judge(stage: &Stage, intent: &Intent) -> Audit {
    audit(&stage.simulator.books(), intent)
}

#[tokio::test(start_paused = true)]
async fn a_clean_migration_has_no_figure_and_much_examined() {
    let stage = stage("move", false).await;
    migrate(&stage).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures::default(), "{:#?}", audit.details);
    assert!(audit.clean());
    assert_eq!((audit.examined.migrations, audit.examined.users), (1, 2));
    // The order, two lines for each swap, the suspension and its units.
    assert_eq!(audit.examined.changes, 7);
    for (figure, examined) in [
        ("double_purchases", 1),
        ("users_in_gap", 2),
        ("early_suspensions", 1),
        ("services_lost", 2),
        ("bystanders_touched", 3),
        ("moved_wrongly", 0),
        ("left_wrongly", 1),
    ] {
        assert_eq!(audit.details[figure].examined, examined, "{figure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_was_undone_completely_has_no_figure_but_a_person_must_have_wanted_it() {
    let stage = stage("move", false).await;
    migrate(&stage).await;
    assert_eq!(stage.patch(OLD, json!({"status": "active"})).await.status, 200);
    stage.pass(300).await;
    assign(&stage, ALICE, json!([{"skuId": OLD_SKU, "excludedPlans": [PLAN]}]), &[NEW_SKU]).await;
    assign(&stage, BOB, json!([{"skuId": OLD_SKU, "excludedPlans": []}]), &[NEW_SKU]).await;
    let subscriptions = stage.read("/subscriptions").await;
    let new = subscriptions
        .items()
        .iter()
        .find(|item| item["offerId"].as_str().unwrap().eq_ignore_ascii_case(NEW_OFFER));
    suspend(&stage, new.unwrap()["id"].as_str().unwrap()).await;
    let mut intent = intent();
    assert_eq!(judge(&stage, &intent).figures, Figures { left_wrongly: 1, ..Figures::default() });
    intent.rows[0].stopped_by_person = true;
    assert_eq!(judge(&stage, &intent).figures, Figures::default());
}

#[tokio::test(start_paused = true)]
async fn a_second_order_is_a_double_purchase() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    migrate(&stage).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures { double_purchases: 1, ..Figures::default() }, "{:#?}", audit.details);
}

#[tokio::test(start_paused = true)]
async fn a_second_order_after_the_first_was_undone_is_none() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    let subscriptions = stage.read("/subscriptions").await;
    let new = subscriptions
        .items()
        .iter()
        .find(|item| item["offerId"].as_str().unwrap().eq_ignore_ascii_case(NEW_OFFER));
    suspend(&stage, new.unwrap()["id"].as_str().unwrap()).await;
    migrate(&stage).await;
    assert_eq!(judge(&stage, &intent()).figures, Figures::default());
}

#[tokio::test(start_paused = true)]
async fn a_license_removed_before_the_new_one_is_assigned_leaves_a_gap() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    swap_alice(&stage, &[PLAN]).await;
    assign(&stage, BOB, json!([]), &[OLD_SKU]).await;
    assign(&stage, BOB, json!([{"skuId": NEW_SKU, "excludedPlans": []}]), &[]).await;
    suspend(&stage, OLD).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures { users_in_gap: 1, ..Figures::default() }, "{:#?}", audit.details);
    assert_eq!(audit.details["users_in_gap"].findings[0].subject, id(BOB));
}

#[tokio::test(start_paused = true)]
async fn a_suspension_while_somebody_still_holds_the_license_is_early() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    swap_alice(&stage, &[PLAN]).await;
    assign(&stage, BOB, json!([{"skuId": NEW_SKU, "excludedPlans": []}]), &[]).await;
    suspend(&stage, OLD).await;
    assign(&stage, BOB, json!([]), &[OLD_SKU]).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures { early_suspensions: 1, ..Figures::default() }, "{:#?}", audit.details);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_gains_a_plan_that_was_off_is_a_service_changed_unasked() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    swap_alice(&stage, &[]).await;
    swap_bob(&stage).await;
    suspend(&stage, OLD).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures { services_lost: 1, ..Figures::default() }, "{:#?}", audit.details);
    assert_eq!(audit.details["services_lost"].findings[0].subject, id(ALICE));
}

#[tokio::test(start_paused = true)]
async fn an_add_on_suspended_with_its_base_is_a_service_lost_unless_the_row_names_it() {
    let stage = stage("move", true).await;
    migrate(&stage).await;
    let mut intent = intent();
    let audit = judge(&stage, &intent);
    assert_eq!(audit.figures, Figures { services_lost: 1, ..Figures::default() }, "{:#?}", audit.details);
    intent.rows[0].add_ons = vec![id(ADD_ON)];
    assert_eq!(judge(&stage, &intent).figures, Figures::default());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_in_no_row_that_is_changed_is_a_bystander() {
    let stage = stage("move", false).await;
    migrate(&stage).await;
    assert_eq!(stage.patch(OFFICE, json!({"friendlyName": "touched"})).await.status, 200);
    let audit = judge(&stage, &intent());
    assert_eq!(
        audit.figures,
        Figures { bystanders_touched: 1, ..Figures::default() },
        "{:#?}",
        audit.details
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_in_no_row_whose_license_is_set_anew_is_a_bystander() {
    let stage = stage("move", false).await;
    migrate(&stage).await;
    let office = Catalogue::shipped().offers[&id(OFFICE_OFFER)].sku.to_string();
    assign(&stage, CARL, json!([{"skuId": office, "excludedPlans": []}]), &[]).await;
    let audit = judge(&stage, &intent());
    assert_eq!(
        audit.figures,
        Figures { bystanders_touched: 1, ..Figures::default() },
        "{:#?}",
        audit.details
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_truth_is_leave_or_ask_and_that_was_moved_is_moved_wrongly() {
    for truth in ["leave", "ask"] {
        let stage = stage(truth, false).await;
        migrate(&stage).await;
        let audit = judge(&stage, &intent());
        assert_eq!(
            audit.figures,
            Figures { moved_wrongly: 1, ..Figures::default() },
            "{truth}: {:#?}",
            audit.details
        );
        // The decision that `ask` asks for makes it right; nothing makes `leave` right.
        let mut decided = intent();
        decided.rows[0].decision_given = true;
        assert_eq!(judge(&stage, &decided).figures.moved_wrongly, u64::from(truth == "leave"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_truth_is_move_and_that_was_begun_and_not_completed_is_left_wrongly() {
    let stage = stage("move", false).await;
    buy(&stage).await;
    swap_alice(&stage, &[PLAN]).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures { left_wrongly: 1, ..Figures::default() }, "{:#?}", audit.details);
}

#[tokio::test(start_paused = true)]
async fn books_in_which_the_engine_did_nothing_examine_nothing_and_say_so() {
    let stage = stage("leave", false).await;
    let audit = judge(&stage, &intent());
    assert_eq!(audit.figures, Figures::default());
    assert!(audit.examined_nothing() && !audit.clean());
    assert_eq!((audit.examined.migrations, audit.examined.users, audit.examined.changes), (0, 0, 0));
    assert!(audit.examined.entries > 0);
    assert!(audit.notes.iter().any(|note| note.contains("nothing was examined")), "{:?}", audit.notes);
}

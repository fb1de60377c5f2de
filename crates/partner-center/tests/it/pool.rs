//! How many seats are left without one subscription.

use seatshift_partner_center::{Remedy, SeatsWithout};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::script::{CUSTOMER, SALES, SALES_PRO, SUBSCRIPTION, Stage, answer, fault, stage};

fn pool(active: i64, consumed: i64) -> Value {
    json!({"items": [{"activeUnits": active, "consumedUnits": consumed, "productSku": {"id": SALES}}]})
}

fn other(number: u128, status: &str, quantity: u32) -> Value {
    json!({"id": Uuid::from_u128(number), "offerId": "x", "status": status, "quantity": quantity, "billingType": "license"})
}

fn itself(status: &str) -> Value {
    json!({"id": SUBSCRIPTION, "offerId": "x", "status": status, "quantity": 25, "billingType": "license"})
}

fn provisioned(sku: Uuid, quantity: u32, status: &str) -> Value {
    json!({"skuId": sku, "status": status, "quantity": quantity})
}

fn with(answers: &[Value]) -> Stage {
    let stage = stage();
    for body in answers {
        stage.script.then(answer(200, body.to_string()));
    }
    stage
}

async fn left(stage: &Stage) -> SeatsWithout {
    stage.client.seats_without(CUSTOMER, SALES, SUBSCRIPTION, 25).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_ample_pool_answers_in_one_call() {
    let stage = with(&[pool(40, 15)]);
    assert_eq!(left(&stage).await, SeatsWithout { active_elsewhere: 15, holders: 15 });
    assert_eq!(stage.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sku_the_tenant_does_not_have_is_held_by_nobody() {
    let stage = with(&[json!({"items": []})]);
    let left = left(&stage).await;
    assert_eq!(left, SeatsWithout { active_elsewhere: 0, holders: 0 });
    assert!(left.covers_all());
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_cannot_be_read_is_not_an_empty_one() {
    let stage = with(&[json!({"items": [{"productSku": {"id": SALES}, "activeUnits": 25}]})]);
    let error = stage.client.seats_without(CUSTOMER, SALES, SUBSCRIPTION, 25).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Person);
}

#[tokio::test(start_paused = true)]
async fn units_that_are_not_in_the_pool_are_not_taken_from_it() {
    // The subscription is suspended already: its 25 units are gone, the 20 that are left are the other one's.
    let stage = with(&[
        pool(20, 18),
        json!({"items": [itself("suspended"), other(1, "active", 20), other(2, "suspended", 9)]}),
        provisioned(SALES, 20, "success"),
    ]);
    assert_eq!(left(&stage).await, SeatsWithout { active_elsewhere: 20, holders: 18 });
    assert_eq!(stage.script.sent().len(), 3, "suspended ones are not asked");
}

#[tokio::test(start_paused = true)]
async fn only_units_of_this_sku_that_have_arrived_count() {
    let stage = with(&[
        pool(30, 25),
        json!({"items": [itself("active"), other(1, "active", 5), other(2, "active", 50), other(3, "active", 40), other(4, "active", 9)]}),
        provisioned(SALES, 5, "success"),
        provisioned(SALES_PRO, 50, "success"),
        provisioned(SALES, 40, "pending"),
    ]);
    stage.script.then(fault(404, 800_007));
    let left = left(&stage).await;
    assert_eq!(left, SeatsWithout { active_elsewhere: 5, holders: 25 });
    assert!(!left.covers_all());
}

#[tokio::test(start_paused = true)]
async fn the_count_is_never_above_the_pool_nor_below_what_it_leaves_for_sure() {
    let stage = with(&[
        pool(30, 28),
        json!({"items": [other(1, "active", 100)]}),
        provisioned(SALES, 100, "success"),
    ]);
    assert_eq!(left(&stage).await.active_elsewhere, 30, "units that have not come cover nobody");
    let stage = with(&[pool(40, 28), json!({"items": [itself("active")]})]);
    assert_eq!(left(&stage).await.active_elsewhere, 15, "units bought elsewhere show in the pool only");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_an_error_and_not_a_number() {
    let stage = with(&[pool(25, 25), json!({"items": [other(1, "active", 20)]})]);
    stage.script.then(fault(403, 900_308));
    let error = stage.client.seats_without(CUSTOMER, SALES, SUBSCRIPTION, 25).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Person);
}

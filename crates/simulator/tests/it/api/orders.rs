//! Buying.

use serde_json::json;

use super::stage::{ADD_ON_OFFER, CUSTOMER, NEW_OFFER, NEW_SKU, OLD_OFFER, Stage, an_order};

#[tokio::test(start_paused = true)]
async fn an_order_becomes_a_subscription_then_seats_then_a_line_of_the_order_list() {
    let stage = Stage::plain().await;
    let order = stage.order(NEW_OFFER, 3).await;
    assert_eq!(order.status, 201);
    assert_eq!(order.body["status"], "pending");
    assert!(order.body["lineItems"][0].get("subscriptionId").is_none());
    let id = order.body["id"].as_str().expect("an id").to_owned();
    assert!(stage.read(&format!("/subscriptions?order_id={id}")).await.items().is_empty());

    stage.pass(30).await;
    let order = stage.read(&format!("/orders/{id}")).await.body;
    assert_eq!(order["status"], "completed");
    let bought = stage.read(&format!("/subscriptions?order_id={id}")).await;
    assert_eq!(bought.items()[0]["id"], order["lineItems"][0]["subscriptionId"]);
    assert_eq!(bought.items()[0]["friendlyName"], "Sales Pro");
    assert_eq!(stage.pool(NEW_SKU).await, None, "its seats are not assignable yet");

    stage.pass(120).await;
    assert_eq!(stage.pool(NEW_SKU).await, Some((3, 0, 3, 0)));
    let listed = |items: &Vec<serde_json::Value>| items.iter().any(|order| order["id"] == json!(id));
    assert!(!listed(stage.read("/orders").await.items()));
    stage.pass(150).await;
    assert!(listed(stage.read("/orders").await.items()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_bought_is_refused_with_its_code() {
    let stage = Stage::plain().await;
    assert_eq!(stage.order(OLD_OFFER, 1).await.refusal(), (403, 2091));
    assert_eq!(stage.order("CFQ7TTC0LH18:0001:CFQ7TTC0K971", 1).await.refusal(), (400, 800_004));
    assert_eq!(stage.order(NEW_OFFER, 0).await.refusal(), (400, 900_275));
    assert_eq!(stage.order(ADD_ON_OFFER, 1).await.refusal(), (400, 800_029));
    let path = format!("/customers/{CUSTOMER}/orders");
    let mut order = an_order(NEW_OFFER, 1);
    order["lineItems"][0]["lineItemNumber"] = 1.into();
    assert_eq!(stage.post(&path, &order).await.refusal(), (400, 800_071));
    let mut order = an_order(NEW_OFFER, 1);
    order["billingCycle"] = "triennial".into();
    assert_eq!(stage.post(&path, &order).await.refusal(), (400, 6001));
    let mut order = an_order(NEW_OFFER, 1);
    order["lineItems"][0]["partnerIdOnRecord"] = "4847383".into();
    assert_eq!(stage.post(&path, &order).await.refusal(), (404, 2072));
    assert_eq!(stage.post(&path, &json!({"lineItems": []})).await.refusal(), (400, 800_002));
    assert!(stage.changes().is_empty(), "nothing was bought");
}

#[tokio::test(start_paused = true)]
async fn a_missing_agreement_or_relationship_stops_a_purchase() {
    let stage = Stage::with(|world| world["customers"][0]["agreement"] = false.into()).await;
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (403, 13_605));
    let stage = Stage::with(|world| world["partner"] = json!({"agreement_accepted": false})).await;
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (403, 900_124));
    let stage = Stage::with(|world| world["customers"][0]["relationship"] = "none".into()).await;
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (403, 20_002));
}

#[tokio::test(start_paused = true)]
async fn keys_in_any_case_and_enums_as_numbers_are_understood() {
    let stage = Stage::plain().await;
    let order = json!({"BillingCycle": 2, "LineItems": [
        {"LineItemNumber": 0, "OfferId": NEW_OFFER.to_uppercase(), "Quantity": 2, "PartnerIdOnRecord": null}]});
    let answer = stage.post(&format!("/customers/{CUSTOMER}/orders"), &order).await;
    assert_eq!((answer.status, answer.body["billingCycle"].as_str()), (201, Some("annual")));
    assert_eq!(answer.body["lineItems"][0]["offerId"], NEW_OFFER.to_uppercase());
}

//! What goes wrong with carts and checkouts.

use http::Method;
use serde_json::{Value, json};

use super::shop::*;
use crate::api::stage::{CUSTOMER, Stage, one_fault};

async fn with_fault(operation: &str, fault: Value) -> Stage {
    shop_with(|world| world["faults"] = one_fault(operation, fault)).await
}

fn logged(stage: &Stage) -> Vec<(String, bool)> {
    stage.faults().into_iter().map(|(_, kind, after)| (kind, after)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_checkout_whose_answer_is_lost_has_been_done() {
    let stage = with_fault("check_out_cart", json!({"kind": "lost_after"})).await;
    let cart = stage.cart_of(2).await;
    assert!(stage.check_out(&cart).await.lost);
    assert_eq!(logged(&stage), [("lost_after".to_owned(), true)]);
    assert_eq!(stage.placed(), 1);
    assert_eq!(stage.read(&format!("/carts/{cart}")).await.body["status"], "Ordered");
    assert_eq!(stage.check_out(&cart).await.refusal(), (400, 800_065));
    stage.pass(300).await;
    let listed = stage.read("/orders").await;
    assert!(listed.items().iter().any(|order| order["lineItems"][0]["friendlyName"] == "Sales Pro"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_checkout_of_a_cart_that_cannot_be_ordered_is_no_change() {
    let stage = shop_with(|world| {
        world["new_commerce"]["availabilities_change_every"] = 60.into();
        world["faults"] = one_fault("check_out_cart", json!({"kind": "lost_after"}));
    })
    .await;
    let cart = stage.cart_of(2).await;
    stage.pass(61).await;
    assert!(stage.check_out(&cart).await.lost);
    assert_eq!(logged(&stage), [("lost_after".to_owned(), false)]);
    assert_eq!(stage.placed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_lands_late_orders_once_though_another_came_before() {
    let stage = with_fault("check_out_cart", json!({"kind": "lost_late", "seconds": 100})).await;
    let cart = stage.cart_of(2).await;
    assert!(stage.check_out_as(&cart, &[("MS-RequestId", REQUEST)]).await.lost);
    assert_eq!(stage.check_out_as(&cart, &[("MS-RequestId", REQUEST)]).await.refusal(), (409, 800_064));
    assert_eq!(stage.check_out_as(&cart, &[("MS-RequestId", CUSTOMER)]).await.status, 201);
    stage.pass(100).await;
    stage.read("/orders").await;
    assert_eq!(stage.placed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cart_whose_answer_is_lost_is_there_and_buys_nothing() {
    let stage = with_fault("create_cart", json!({"kind": "lost_after"})).await;
    let item = stage.item().await;
    assert!(stage.cart(json!([line(&item, 1)])).await.lost);
    assert_eq!(logged(&stage), [("lost_after".to_owned(), true)]);
    stage.pass(2000).await;
    assert_eq!(stage.placed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_line_can_fail_without_a_reason_and_the_next_cart_is_good() {
    let stage = with_fault("create_cart", json!({"kind": "line_error"})).await;
    let item = stage.item().await;
    let cart = stage.cart(json!([line(&item, 1)])).await;
    assert_eq!((cart.status, error_of(&cart)), (201, "unable_to_process_cart_line_item"));
    assert_eq!(stage.check_out(cart.body["id"].as_str().expect("an id")).await.refusal(), (400, 800_009));
    assert_eq!(logged(&stage), [("line_error".to_owned(), false)]);
    assert_eq!(error_of(&stage.cart(json!([line(&item, 1)])).await), "");
}

#[tokio::test(start_paused = true)]
async fn a_cart_can_expire_before_its_time() {
    let stage = with_fault("check_out_cart", json!({"kind": "cart_expired"})).await;
    let cart = stage.cart_of(1).await;
    assert_eq!(stage.check_out(&cart).await.refusal(), (404, 800_008));
    assert_eq!(stage.check_out(&cart).await.refusal(), (404, 800_008), "it stays so");
    let another = stage.cart_of(1).await;
    assert_eq!(stage.check_out(&another).await.status, 201);
    assert_eq!(stage.placed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_catalogue_that_changes_before_the_checkout_shows_the_new_item_when_it_is_read_again() {
    let stage = with_fault("check_out_cart", json!({"kind": "catalogue_changed"})).await;
    let before = stage.item().await;
    let cart = stage.cart_of(1).await;
    let answer = stage.check_out(&cart).await;
    assert_eq!((answer.status, answer.body["orderErrors"][0]["code"].as_u64()), (201, Some(400_019)));
    assert!(answer.body.get("orders").is_none());
    assert_eq!(stage.placed(), 0);
    let again = stage.check_out(&cart).await;
    assert_eq!(again.body["orderErrors"][0]["code"], 400_019, "the cart stays outdated");
    let now = stage.item().await;
    assert_ne!(before, now);
    let path = format!("/customers/{CUSTOMER}/carts/{cart}");
    stage.call(Method::PUT, &path, &[], Some(&json!({"lineItems": [line(&now, 1)]}))).await;
    assert_eq!(stage.check_out(&cart).await.body["orders"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn failed_provisioning_of_a_checkout_gives_no_seats() {
    let stage = with_fault("check_out_cart", json!({"kind": "provisioning_fails"})).await;
    let id = stage.bought(2).await;
    assert_eq!(stage.pool(crate::api::stage::NEW_SKU).await, None);
    stage.pass(900).await;
    let status = stage.read(&format!("/subscriptions/{id}/provisioningstatus")).await;
    assert_eq!(status.body["status"], "failed");
}

#[tokio::test(start_paused = true)]
async fn tries_are_counted_under_what_is_bought_so_that_a_new_cart_is_the_next_try() {
    let stage = shop_with(|world| {
        world["faults"] = json!({"injections": [{"operation": "check_out_cart", "resource": ITEM.to_lowercase(),
            "from_try": 2, "fault": {"kind": "server_error", "status": 503}}]});
    })
    .await;
    for expected in [201, 503, 201] {
        let cart = stage.cart_of(1).await;
        assert_eq!(stage.check_out(&cart).await.status, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_hostile_world_carts_meet_their_faults_and_every_third_try_passes() {
    let stage = shop_with(|world| {
        world["faults"] = json!({"level": "hostile"});
        world["budgets_per_minute"] = json!({"orders": 1_000_000});
    })
    .await;
    for n in 0..300_u32 {
        let item = format!("CFQ7TTC0{n:04}:0001:CFQ7TTC0XXXX");
        for try_number in 1..=3 {
            let answer = stage.cart(json!([line(&item, 1)])).await;
            assert!(try_number < 3 || answer.status == 201, "{}", answer.body);
        }
    }
    let seen: std::collections::BTreeSet<String> = logged(&stage).into_iter().map(|(kind, _)| kind).collect();
    for kind in ["line_error", "lost_after", "lost_late", "lost_before", "slow", "server_error"] {
        assert!(seen.contains(kind), "{kind} of {seen:?}");
    }
}

//! The readings of new commerce: each tells another story of the same calls.

use http::Method;
use serde_json::{Value, json};

use super::shop::*;
use crate::api::stage::{CUSTOMER, Stage};

async fn reading(name: &str, value: Value) -> Stage {
    shop_with(|world| world["readings"]["new_commerce"][name] = value).await
}

#[tokio::test(start_paused = true)]
async fn a_repeated_checkout_is_answered_as_repeated_request_ids_are() {
    for (name, expected) in [("replay", (201, 0)), ("ignore", (400, 800_065)), ("conflict", (409, 800_064))] {
        let stage = shop_with(|world| world["readings"]["repeated_request_id"] = name.into()).await;
        let cart = stage.cart_of(1).await;
        let headers = [("MS-RequestId", REQUEST)];
        let first = stage.check_out_as(&cart, &headers).await;
        let second = stage.check_out_as(&cart, &headers).await;
        assert_eq!(second.refusal(), expected, "{name}");
        if name == "replay" {
            assert_eq!(first.bytes, second.bytes);
        }
        assert_eq!(stage.placed(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_checkout_is_refused_in_one_reading_and_answers_errors_in_the_other() {
    for (value, expected) in [("order_errors", (201, 0)), ("refused", (404, 400_019))] {
        let stage = shop_with(|world| {
            world["readings"]["new_commerce"]["failed_checkout"] = value.into();
            world["new_commerce"]["availabilities_change_every"] = 60.into();
        })
        .await;
        let cart = stage.cart_of(1).await;
        stage.pass(61).await;
        assert_eq!(stage.check_out(&cart).await.refusal(), expected);
        assert_eq!(stage.placed(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_item_is_found_in_the_line_in_the_call_or_at_the_checkout() {
    for (value, status) in [("line_error", 201), ("refused", 404), ("accepted", 201)] {
        let stage = shop_with(|world| {
            world["readings"]["new_commerce"]["stale_item_in_cart"] = value.into();
            world["new_commerce"]["availabilities_change_every"] = 60.into();
        })
        .await;
        let stored = stage.item().await;
        stage.pass(61).await;
        let cart = stage.cart(json!([line(&stored, 1)])).await;
        assert_eq!(cart.status, status, "{value}");
        assert_eq!(error_of(&cart).is_empty(), value != "line_error", "{value}");
        if value == "accepted" {
            let answer = stage.check_out(cart.body["id"].as_str().expect("an id")).await;
            assert_eq!(answer.body["orderErrors"][0]["code"], 400_019);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parties_are_looked_at_when_the_cart_is_made_in_one_reading() {
    let stage = shop_with(|world| {
        world["readings"]["new_commerce"]["parties_checked"] = "at_cart".into();
        world["customers"][0]["agreement"] = false.into();
    })
    .await;
    let item = stage.item().await;
    assert_eq!(stage.cart(json!([line(&item, 1)])).await.refusal(), (403, 13_605));
}

#[tokio::test(start_paused = true)]
async fn the_subscription_is_there_at_once_and_its_seats_are_not() {
    let stage = reading("subscription_id_at_once", true.into()).await;
    let cart = stage.cart_of(2).await;
    let order = stage.check_out(&cart).await.body["orders"][0].clone();
    assert_eq!(order["status"], "completed");
    let id = order["lineItems"][0]["subscriptionId"].as_str().expect("at once").to_owned();
    assert_eq!(stage.status(&id).await, "active");
    assert_eq!(stage.pool(crate::api::stage::NEW_SKU).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_changed_cart_lives_longer_in_one_reading() {
    for (value, status) in [(false, 404), (true, 201)] {
        let stage = reading("changed_cart_lives_longer", value.into()).await;
        let cart = stage.cart_of(1).await;
        let item = stage.item().await;
        stage.pass(600).await;
        let path = format!("/customers/{CUSTOMER}/carts/{cart}");
        stage.call(Method::PUT, &path, &[], Some(&json!({"lineItems": [line(&item, 2)]}))).await;
        stage.pass(600).await;
        assert_eq!(stage.check_out(&cart).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn codes_after_the_window_are_readings() {
    let stage = shop_with(|world| {
        world["readings"]["new_commerce"] =
            json!({"after_window": "hours", "late_reduction_is_900257": true});
        world["new_commerce"]["cancellation_hours"] = 72.into();
    })
    .await;
    let id = stage.bought(4).await;
    stage.pass(72 * 3600).await;
    assert_eq!(stage.deep_patch(&id, json!({"status": "deleted"})).await.refusal(), (400, 900_213));
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 3})).await.refusal(), (400, 900_257));
}

#[tokio::test(start_paused = true)]
async fn what_was_cancelled_is_gone_in_one_reading() {
    let stage = reading("hides_deleted", true.into()).await;
    let id = stage.bought(1).await;
    stage.patch(&id, json!({"status": "deleted"})).await;
    assert_eq!(stage.read(&format!("/subscriptions/{id}")).await.refusal(), (404, 20_003));
    assert!(stage.read("/subscriptions").await.items().iter().all(|one| one["id"] != json!(id)));
}

#[tokio::test(start_paused = true)]
async fn etags_of_new_commerce_are_missing_empty_or_given_and_changes_pass_without_one() {
    for (value, shown) in [("missing", None), ("empty", Some(0)), ("given", Some(1))] {
        let stage = shop_with(|world| {
            world["readings"]["new_commerce"]["etags"] = value.into();
            world["readings"]["patch_without_etag"] = false.into();
        })
        .await;
        let id = stage.bought(1).await;
        let before = stage.read(&format!("/subscriptions/{id}")).await.body;
        let etag = before["attributes"]["etag"].as_str().map(|etag| etag.len().min(1));
        assert_eq!(etag, shown, "{value}");
        assert_eq!(stage.patch_from(before.clone(), json!({"quantity": 2})).await.status, 200, "{value}");
        let stale = stage.patch_from(before, json!({"quantity": 3})).await;
        assert_eq!(stale.refusal(), if value == "given" { (400, 2055) } else { (200, 0) }, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn cart_codes_travel_as_numbers_in_one_reading() {
    let stage = reading("cart_codes_as_numbers", true.into()).await;
    let cart = stage.cart(json!([line(crate::api::stage::OLD_OFFER, 1)])).await;
    assert_eq!(cart.body["lineItems"][0]["error"]["errorCode"], 500_600);
}

//! The life of what was bought: its shape, its window, its seats, its end.

use serde_json::json;

use super::shop::*;
use crate::api::stage::{ALICE, NEW_SKU, OLD_SKU};

#[tokio::test(start_paused = true)]
async fn a_subscription_of_new_commerce_shows_what_only_new_commerce_has() {
    let stage = shop_with(|world| world["partner"] = json!({"indirect_provider": true})).await;
    let item = stage.item().await;
    let mut line = line(&item, 4);
    line["participants"] = json!([{"key": "transaction_reseller", "value": "4100001"}]);
    let cart = stage.cart(json!([line])).await;
    stage.check_out(cart.body["id"].as_str().expect("an id")).await;
    stage.pass(160).await;
    let listed = stage.read("/subscriptions?mpn_id=4100001").await;
    let found = listed.items()[0].clone();
    let id = found["id"].as_str().expect("an id");
    assert_eq!(id, id.to_lowercase());
    assert_eq!(
        (found["offerId"].as_str(), &found["friendlyName"]),
        (Some(item.as_str()), &json!("Sales Pro"))
    );
    assert_eq!(found["productType"]["id"], "OnlineServicesNCE");
    assert_eq!((&found["termDuration"], &found["billingCycle"]), (&json!("P1Y"), &json!("monthly")));
    assert_eq!(found["partnerId"], "4100001");
    assert_eq!(found["commitmentEndDate"], "2020-05-31T00:00:00Z");
    assert_eq!(found["cancellationAllowedUntilDate"], "2019-06-08T00:00:00Z");
    assert_eq!(found["refundOptions"][0]["type"], "Full");
    assert_eq!(found["refundOptions"][1]["expiresAt"], "2019-06-08T00:00:00Z");
    assert_eq!(found["refundableQuantity"]["totalQuantity"], 4);
    assert_eq!(found["orderId"].as_str().map(str::len), Some(12));
    assert!(found["links"].get("offer").is_none() && found["links"].get("availability").is_some());
    assert!(found["attributes"].get("etag").is_none());
}

#[tokio::test(start_paused = true)]
async fn inside_its_window_it_can_be_cancelled_and_its_seats_are_gone() {
    let stage = shop().await;
    let id = stage.bought(3).await;
    assert_eq!(stage.pool(NEW_SKU).await, Some((3, 0, 3, 0)));
    let answer = stage.patch(&id, json!({"status": "deleted"})).await;
    assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("deleted")));
    assert_eq!(answer.body["refundOptions"], json!([]));
    assert_eq!(stage.pool(NEW_SKU).await, None);
    assert_eq!(stage.patch(&id, json!({"status": "active"})).await.refusal(), (400, 2011));
    assert_eq!(stage.status(&id).await, "deleted", "it stays listed");
}

#[tokio::test(start_paused = true)]
async fn after_its_window_it_cannot_be_cancelled_only_suspended_and_taken_back() {
    let stage = shop().await;
    let id = stage.bought(3).await;
    stage.pass(7 * 86_400).await;
    assert_eq!(stage.deep_patch(&id, json!({"status": "deleted"})).await.refusal(), (400, 900_117));
    assert_eq!(stage.deep_patch(&id, json!({"status": "suspended"})).await.status, 200);
    assert_eq!(stage.deep_patch(&id, json!({"status": "deleted"})).await.refusal(), (400, 900_117));
    // No clock deletes what was suspended: it is billed on until its term is over.
    stage.pass(130 * 86_400).await;
    assert_eq!(stage.deep_status(&id).await, "suspended");
    assert_eq!(stage.deep_patch(&id, json!({"status": "active"})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_legacy_subscription_can_still_not_be_deleted() {
    let stage = shop().await;
    let refused = stage.patch(crate::api::stage::OLD, json!({"status": "deleted"})).await;
    assert_eq!(refused.refusal(), (400, 800_040));
}

#[tokio::test(start_paused = true)]
async fn only_seats_within_their_window_can_be_given_back() {
    let stage = shop().await;
    let id = stage.bought(10).await;
    assert_eq!(stage.patch(&id, json!({"quantity": 8})).await.status, 200);
    stage.pass(5 * 86_400).await;
    let added = stage.deep_patch(&id, json!({"quantity": 12})).await;
    assert_eq!(added.body["refundableQuantity"]["totalQuantity"], 12);
    stage.pass(3 * 86_400).await;
    assert_eq!(
        stage.deep_read(&format!("/subscriptions/{id}")).await.body["refundableQuantity"]["totalQuantity"],
        4
    );
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 7})).await.refusal(), (400, 800_090));
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 9})).await.status, 200);
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 7})).await.refusal(), (400, 800_090), "one is left");
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 8})).await.status, 200);
    stage.pass(86_400 * 8).await;
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 7})).await.refusal(), (400, 800_090));
    assert_eq!(stage.deep_patch(&id, json!({"quantity": 301})).await.refusal(), (400, 2002));
}

#[tokio::test(start_paused = true)]
async fn its_seats_can_be_assigned_and_a_change_of_product_is_refused() {
    let stage = shop().await;
    let id = stage.bought(1).await;
    assert_eq!(stage.swap(ALICE, &[NEW_SKU], &[OLD_SKU]).await.status, 201);
    assert_eq!(stage.pool(NEW_SKU).await, Some((1, 1, 0, 0)));
    let other = json!({"offerId": "CFQ7TTC0SLS1:0002:CFQ7TTC0YYYY", "quantity": 2});
    assert_eq!(stage.patch(&id, other).await.refusal(), (400, 3000));
    // The availability has long been another: it says nothing about what was bought.
    assert_eq!(stage.patch(&id, json!({"offerId": ITEM, "quantity": 2})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_term_renews_by_the_month_and_opens_the_window_again() {
    let stage = shop().await;
    let item = stage.item().await;
    let mut line = line(&item, 2);
    line["termDuration"] = "P1M".into();
    let cart = stage.cart(json!([line])).await;
    let answer = stage.check_out(cart.body["id"].as_str().expect("an id")).await;
    stage.pass(60).await;
    let order = answer.body["orders"][0]["id"].as_str().expect("an id").to_owned();
    let found = stage.read(&format!("/subscriptions?order_id={order}")).await.items()[0].clone();
    assert_eq!(found["commitmentEndDate"], "2019-06-30T00:00:00Z");
    let id = found["id"].as_str().expect("an id").to_owned();
    stage.pass(31 * 86_400).await;
    let renewed = stage.deep_read(&format!("/subscriptions/{id}")).await.body;
    assert_eq!(renewed["commitmentEndDate"], "2019-07-31T00:00:00Z");
    assert_eq!(renewed["cancellationAllowedUntilDate"], "2019-07-08T00:00:00Z");
    assert_eq!(stage.deep_patch(&id, json!({"autoRenewEnabled": false})).await.status, 200);
    let mut seen = Vec::new();
    for days in [31, 31, 91] {
        stage.pass(days * 86_400).await;
        seen.push(stage.deep_status(&id).await);
    }
    assert_eq!(seen, ["expired", "disabled", "deleted"]);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_one_expires_with_its_term_whatever_its_renewal() {
    let stage = shop().await;
    let id = stage.bought(1).await;
    assert_eq!(stage.patch(&id, json!({"status": "suspended"})).await.status, 200);
    stage.pass(366 * 86_400).await;
    assert_eq!(stage.deep_status(&id).await, "expired");
}

#[tokio::test(start_paused = true)]
async fn one_that_a_world_begins_with_can_be_cancelled_only_as_the_file_says() {
    for (until, expected) in [(json!("2019-06-03T00:00:00Z"), 200), (json!(null), 400)] {
        let stage = shop_with(|world| {
            let held = json!({"id": "a0000000-0000-4000-8000-000000000009", "offer": "CFQ7TTC0SLS1:0001",
                "quantity": 4, "commitment_end": "2020-05-31T00:00:00Z", "auto_renew": true,
                "new_commerce": {"catalog_item": "CFQ7TTC0SLS1:0001:CFQ7TTC0K971", "cancellable_until": until}});
            world["customers"][0]["subscriptions"].as_array_mut().expect("a list").push(held);
        })
        .await;
        let id = "a0000000-0000-4000-8000-000000000009";
        assert_eq!(stage.pool(NEW_SKU).await, Some((4, 0, 4, 0)));
        let shown = stage.read(&format!("/subscriptions/{id}")).await.body;
        assert_eq!(shown["offerId"], "CFQ7TTC0SLS1:0001:CFQ7TTC0K971");
        assert_eq!(stage.patch(id, json!({"status": "deleted"})).await.status, expected);
    }
}

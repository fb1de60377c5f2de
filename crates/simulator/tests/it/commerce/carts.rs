//! Carts and checkouts.

use http::Method;
use seatshift_simulator::books::Change;
use seatshift_simulator::world::offer_id;
use serde_json::json;

use super::shop::*;
use crate::api::stage::{CUSTOMER, NEW_OFFER, NEW_SKU, OLD_OFFER, an_order};

#[tokio::test(start_paused = true)]
async fn a_cart_becomes_an_order_then_a_subscription_then_seats_then_a_line_of_the_order_list() {
    let stage = shop().await;
    let item = stage.item().await;
    let cart = stage.cart(json!([line(&item, 3)])).await;
    assert_eq!((cart.status, cart.body["status"].as_str()), (201, Some("Active")));
    let id = cart.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(stage.placed(), 0, "nothing is bought by making a cart");
    let answer = stage.check_out(&id).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body.get("orderErrors").is_none());
    let order = answer.body["orders"][0].clone();
    let order_id = order["id"].as_str().expect("an id").to_owned();
    assert!(order_id.len() == 12 && order_id.bytes().all(|b| b.is_ascii_hexdigit()), "{order_id}");
    assert_eq!(
        (order["status"].as_str(), &order["lineItems"][0]["offerId"]),
        (Some("pending"), &json!(item))
    );
    assert!(order["lineItems"][0].get("subscriptionId").is_none());
    assert_eq!(stage.read(&format!("/carts/{id}")).await.body["status"], "Ordered");

    stage.pass(30).await;
    let order = stage.read(&format!("/orders/{}", order_id.to_uppercase())).await.body;
    assert_eq!(order["status"], "completed");
    let bought = stage.read(&format!("/subscriptions?order_id={order_id}")).await;
    assert_eq!(bought.items()[0]["id"], order["lineItems"][0]["subscriptionId"]);
    assert_eq!(stage.pool(NEW_SKU).await, None, "its seats are not assignable yet");
    stage.pass(120).await;
    assert_eq!(stage.pool(NEW_SKU).await, Some((3, 0, 3, 0)));
    let listed = |items: &Vec<serde_json::Value>| items.iter().any(|order| order["id"] == json!(order_id));
    assert!(!listed(stage.read("/orders").await.items()));
    stage.pass(150).await;
    assert!(listed(stage.read("/orders").await.items()));
}

#[tokio::test(start_paused = true)]
async fn books_keep_an_item_under_the_id_that_product_and_sku_give_it() {
    let stage = shop().await;
    stage.bought(2).await;
    let offer = offer_id(ITEM).expect("an id");
    assert!(stage.changes().iter().any(|entry| matches!(entry.change,
        Change::OrderPlaced { offer: of, quantity: 2, .. } if of == offer)));
    assert!(stage.changes().iter().any(|entry| matches!(&entry.change,
        Change::SubscriptionAdded { offer: of, sku, .. } if *of == offer && sku.to_string() == NEW_SKU)));
}

#[tokio::test(start_paused = true)]
async fn an_expired_cart_buys_nothing() {
    let stage = shop().await;
    let cart = stage.cart_of(1).await;
    stage.pass(899).await;
    assert_eq!(stage.read(&format!("/carts/{cart}")).await.status, 200);
    stage.pass(1).await;
    assert_eq!(stage.read(&format!("/carts/{cart}")).await.refusal(), (404, 800_008));
    assert_eq!(stage.check_out(&cart).await.refusal(), (404, 800_008));
    assert_eq!(stage.check_out("not-a-cart").await.refusal(), (404, 800_008));
    assert_eq!(stage.placed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_checkout_buys_nothing_in_any_reading() {
    for (reading, expected) in
        [("refused", (400, 800_065)), ("conflict", (409, 800_064)), ("answers_first", (201, 0))]
    {
        let stage = shop_with(|world| {
            world["readings"]["new_commerce"]["second_checkout"] = reading.into();
            world["readings"]["repeated_request_id"] = "ignore".into();
        })
        .await;
        let cart = stage.cart_of(1).await;
        let first = stage.check_out_as(&cart, &[("MS-RequestId", REQUEST)]).await;
        for request in [REQUEST, CUSTOMER] {
            let again = stage.check_out_as(&cart, &[("MS-RequestId", request)]).await;
            assert_eq!(again.refusal(), expected, "{reading}");
            if again.status == 201 {
                assert_eq!(again.body["orders"][0]["id"], first.body["orders"][0]["id"]);
            }
        }
        assert_eq!(stage.placed(), 1, "{reading}");
        // What was ordered can be looked up however late.
        stage.pass(2000).await;
        assert_eq!(stage.read(&format!("/carts/{cart}")).await.body["status"], "Ordered");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cart_with_an_error_can_be_changed_and_then_checked_out() {
    let stage = shop().await;
    let item = stage.item().await;
    let cart = stage.cart(json!([line(&item, 301)])).await;
    assert_eq!((cart.status, error_of(&cart)), (201, "invalid_input"));
    let id = cart.body["id"].as_str().expect("an id");
    assert_eq!(stage.check_out(id).await.refusal(), (400, 800_009));
    let path = format!("/customers/{CUSTOMER}/carts/{id}");
    let changed = stage.call(Method::PUT, &path, &[], Some(&json!({"lineItems": [line(&item, 300)]}))).await;
    assert_eq!((changed.status, error_of(&changed)), (200, ""));
    assert_eq!(changed.body["expirationTimestamp"], cart.body["expirationTimestamp"]);
    assert_eq!(stage.check_out(id).await.body["orders"][0]["lineItems"][0]["quantity"], 300);
    let late = stage.call(Method::PUT, &path, &[], Some(&json!({"lineItems": [line(&item, 1)]}))).await;
    assert_eq!(late.refusal(), (400, 800_065));
}

#[tokio::test(start_paused = true)]
async fn what_a_line_cannot_be_bought_for_is_named_in_the_line() {
    let stage = shop_with(|world| {
        world["new_commerce"]["products"][0]["skus"][1]["sales"][1]["purchasable"] = false.into();
    })
    .await;
    let item = stage.item().await;
    let mut unpaid = line(&item, 1);
    unpaid["billingCycle"] = "annual".into();
    unpaid["termDuration"] = "P1M".into();
    let mut reseller = line(&item, 1);
    reseller["participants"] = json!([{"key": "transaction_reseller", "value": "4100001"}]);
    let whole = stage.get(&format!("/products/{PRODUCT}/skus/0002/availabilities?country=US")).await;
    let other = |n: usize| whole.items()[n]["catalogItemId"].as_str().expect("a triple").to_owned();
    for (line, expected) in [
        (line(OLD_OFFER, 1), "legacy_offer_not_eligible_for_purchase"),
        (line("CFQ7TTC0XXXX:0001:CFQ7TTC0YYYY", 1), "catalog_item_id_is_not_valid"),
        (line(ITEM, 1), "catalog_item_id_is_not_valid"),
        (line(&item, 0), "invalid_input"),
        (unpaid, "billing_plan_not_supported"),
        (reseller, "participants_is_not_supported_for_partner"),
        (line(&other(0), 1), "unable_to_process_cart_line_item"),
        (line(&other(1), 1), "unable_to_process_cart_line_item"),
    ] {
        let cart = stage.cart(json!([line])).await;
        assert_eq!((cart.status, error_of(&cart)), (201, expected), "{}", cart.body);
    }
    assert_eq!(stage.cart(json!([])).await.refusal(), (400, 800_002));
}

#[tokio::test(start_paused = true)]
async fn groups_are_ordered_apart_and_one_can_fail_alone() {
    let stage =
        shop_with(|world| withdraw(world, json!({"since": "2019-06-01T00:05:00Z", "equivalent": ITEM})))
            .await;
    let item = stage.item().await;
    let mut annual = line(&item, 2);
    annual["billingCycle"] = "annual".into();
    let cart = stage.cart(json!([line(NEW_OFFER, 1), line(&item, 1), annual])).await;
    let groups: Vec<_> = cart.body["lineItems"].as_array().expect("lines").iter().collect();
    assert_eq!([&groups[0]["orderGroup"], &groups[2]["orderGroup"]], ["0", "2"]);
    stage.pass(300).await;
    let answer = stage.check_out(cart.body["id"].as_str().expect("an id")).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["orders"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer.body["orderErrors"][0]["orderGroupId"], "0");
    assert_eq!(answer.body["orderErrors"][0]["code"], 2091);
    assert_eq!(stage.placed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_legacy_offer_in_a_cart_becomes_a_legacy_subscription() {
    let stage = shop().await;
    let cart = stage.cart(json!([line(NEW_OFFER, 2)])).await;
    let order = stage.check_out(cart.body["id"].as_str().expect("an id")).await.body["orders"][0].clone();
    assert_eq!(order["id"].as_str().map(str::len), Some(36));
    stage.pass(30).await;
    let found =
        stage.read(&format!("/subscriptions?order_id={}", order["id"].as_str().expect("an id"))).await;
    assert_eq!(found.items()[0]["offerId"], NEW_OFFER.to_uppercase());
    assert!(found.items()[0].get("productType").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_order_with_a_catalog_item_buys_new_commerce_too() {
    let stage = shop().await;
    let mut order = an_order(&stage.item().await, 2);
    let path = format!("/customers/{CUSTOMER}/orders");
    assert_eq!(stage.post(&path, &order).await.refusal(), (400, 800_002), "monthly is paid in two terms");
    order["lineItems"][0]["termDuration"] = "P1M".into();
    let answer = stage.post(&path, &order).await;
    assert_eq!((answer.status, answer.body["id"].as_str().map(str::len)), (201, Some(12)));
    assert_eq!(answer.body["lineItems"][0]["termDuration"], "P1M");
    order["lineItems"]
        .as_array_mut()
        .expect("lines")
        .push(json!({"lineItemNumber": 1, "offerId": NEW_OFFER, "quantity": 1}));
    assert_eq!(stage.post(&path, &order).await.refusal(), (400, 4018), "one order is of one kind");
    for (item, expected) in [
        ("CFQ7TTC0XXXX:0001:CFQ7TTC0YYYY", (404, 400_013)),
        ("CFQ7TTC0SLS1:0009:CFQ7TTC0YYYY", (404, 400_018)),
        ("CFQ7TTC0SLS1:0001:CFQ7TTC0YYYY", (404, 400_019)),
    ] {
        assert_eq!(stage.order(item, 1).await.refusal(), expected);
    }
}

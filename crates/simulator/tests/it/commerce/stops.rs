//! What stops a purchase, legacy or new commerce: the same rules for both, found out only when somebody buys.

use serde_json::{Value, json};

use super::shop::*;
use crate::api::stage::{NEW_OFFER, Stage};

/// (status, code) of an order and of a checkout in this world, which are the same.
async fn refused(change: impl FnOnce(&mut Value)) -> (u16, u64) {
    let stage = shop_with(change).await;
    let legacy = stage.order(NEW_OFFER, 30).await.refusal();
    let cart = stage.cart_of(30).await;
    assert_eq!(stage.check_out(&cart).await.refusal(), legacy);
    assert_eq!(stage.placed(), 0);
    legacy
}

fn customer(world: &mut Value) -> &mut Value {
    &mut world["customers"][0]
}

#[tokio::test(start_paused = true)]
async fn agreements_countries_and_holds_stop_orders_and_checkouts_alike() {
    assert_eq!(refused(|world| customer(world)["agreement"] = false.into()).await, (403, 13_605));
    assert_eq!(
        refused(|world| world["partner"] = json!({"agreement_accepted": false})).await,
        (403, 900_124)
    );
    assert_eq!(refused(|world| world["partner"] = json!({"countries": ["SE"]})).await, (403, 2030));
    for (hold, expected) in [
        ("credit", (403, 800_022)),
        ("review", (403, 800_073)),
        ("not_approved", (403, 800_074)),
        ("risk", (403, 800_069)),
        ("eligibility", (400, 900_121)),
    ] {
        assert_eq!(refused(|world| customer(world)["purchasing"] = json!({"hold": hold})).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_relation_nothing_of_commerce_can_be_asked() {
    let stage = shop_with(|world| customer(world)["relationship"] = "none".into()).await;
    assert_eq!(stage.cart(json!([line(NEW_OFFER, 1)])).await.refusal(), (403, 20_002));
    assert_eq!(stage.read("/products?targetView=OnlineServices").await.refusal(), (403, 20_002));
}

/// The code of an order and the error of a cart's line.
async fn limited(change: impl FnOnce(&mut Value), quantity: u32) -> ((u16, u64), String) {
    let stage = shop_with(change).await;
    let item = stage.item().await;
    let cart = stage.cart(json!([line(&item, quantity)])).await;
    (stage.order(NEW_OFFER, quantity).await.refusal(), error_of(&cart).to_owned())
}

#[tokio::test(start_paused = true)]
async fn caps_on_seats_stop_an_order_and_mark_a_carts_line() {
    let sandbox = |world: &mut Value| world["partner"] = json!({"sandbox": true});
    assert_eq!(limited(sandbox, 26).await, ((400, 800_018), "sandbox_limit_exceeded".to_owned()));
    assert_eq!(limited(sandbox, 25).await, ((201, 0), String::new()));
    let cap = |world: &mut Value| customer(world)["purchasing"] = json!({"max_seats": 10});
    let name = "max_allowed_seats_per_subscription_exceeded".to_owned();
    assert_eq!(limited(cap, 11).await, ((403, 800_067), name));
    assert_eq!(limited(cap, 10).await, ((201, 0), String::new()));
}

#[tokio::test(start_paused = true)]
async fn seats_cannot_be_added_beyond_a_cap_either() {
    let stage = shop_with(|world| customer(world)["purchasing"] = json!({"max_seats": 10})).await;
    let id = stage.bought(5).await;
    assert_eq!(stage.patch(&id, json!({"quantity": 11})).await.refusal(), (403, 800_067));
    assert_eq!(stage.patch(&id, json!({"quantity": 10})).await.status, 200);
}

/// Two subscriptions are there; so many more may be bought.
async fn room(stage: &Stage, more: usize, refusal: (u16, u64)) {
    for n in 0..=more {
        let expected = if n < more { (201, 0) } else { refusal };
        assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), expected, "order {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn caps_on_subscriptions_count_what_is_on_its_way_and_not_what_was_cancelled() {
    let stage = shop_with(|world| world["partner"] = json!({"sandbox": true})).await;
    room(&stage, 3, (400, 800_018)).await;
    let stage = shop_with(|world| customer(world)["purchasing"] = json!({"max_subscriptions": 3})).await;
    let id = stage.bought(1).await;
    room(&stage, 0, (403, 800_066)).await;
    stage.patch(&id, json!({"status": "deleted"})).await;
    room(&stage, 1, (403, 800_066)).await;
    let cart = stage.cart_of(1).await;
    assert_eq!(stage.check_out(&cart).await.body["orderErrors"][0]["code"], 800_066);
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_held_only_as_often_as_it_allows() {
    for (unit, after_suspension) in [("concurrent", (400, 27_006)), ("lifetime", (400, 27_006))] {
        let stage = shop_with(|world| {
            let offer = json!({"id": NEW_OFFER, "name": "Sales Professional", "sku": crate::api::stage::NEW_SKU,
                               "limit": {"unit": unit, "count": 1}});
            world["offers"].as_array_mut().expect("a list").push(offer);
        })
        .await;
        let order = stage.order(NEW_OFFER, 1).await.body["id"].as_str().expect("an id").to_owned();
        stage.pass(40).await;
        assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (400, 27_006));
        let shown = stage.get(&format!("/offers/{NEW_OFFER}?country=US")).await.body;
        assert_eq!(shown["limitUnitOfMeasure"].as_str().map(str::to_lowercase).as_deref(), Some(unit));
        let found = stage.read(&format!("/subscriptions?order_id={order}")).await;
        let id = found.items()[0]["id"].as_str().expect("an id").to_owned();
        stage.patch(&id, json!({"status": "suspended"})).await;
        // Suspended it is there until it is deleted.
        assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), after_suspension, "{unit}");
        stage.pass(125 * 86_400).await;
        let deleted = crate::api::stage::an_order(NEW_OFFER, 1);
        let path = format!("/customers/{}/orders", crate::api::stage::CUSTOMER);
        let token = stage.fresh().await;
        let answer = stage.call_as(&token, http::Method::POST, &path, &[], Some(&deleted)).await;
        assert_eq!(answer.status, if unit == "concurrent" { 201 } else { 400 }, "{unit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reseller_who_has_not_accepted_the_agreement_cannot_be_named() {
    let stage = shop_with(|world| {
        world["partner"] = json!({"indirect_provider": true, "resellers_without_agreement": ["4100002"]});
    })
    .await;
    let item = stage.item().await;
    for (mpn, code) in [("4100002", "900123"), ("4847383", "2072"), ("name", "800015")] {
        let mut line = line(&item, 1);
        line["participants"] = json!([{"key": "transaction_reseller", "value": mpn}]);
        let cart = stage.cart(json!([line])).await;
        assert_eq!(cart.body["lineItems"][0]["error"]["additionalInformation"], code);
    }
}

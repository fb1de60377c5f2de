//! Products, SKUs and availabilities, and legacy offers that come to their end.

use serde_json::json;

use super::shop::*;
use crate::api::stage::{CUSTOMER, NEW_OFFER, NEW_SKU, OLD};

#[tokio::test(start_paused = true)]
async fn the_way_from_product_to_catalog_item_is_the_same_with_and_without_the_customer() {
    let stage = shop().await;
    let own = stage.read("/products?targetView=OnlineServices").await;
    let whole = stage.get("/products?country=us&targetView=OnlineServices").await;
    for products in [&own, &whole] {
        assert_eq!(products.items().len(), 1, "{}", products.body);
        assert_eq!(products.items()[0]["id"], PRODUCT);
        assert_eq!(products.items()[0]["productType"]["id"], "OnlineServicesNCE");
    }
    let sku = stage.read(&format!("/products/{PRODUCT}/skus/0001")).await;
    assert_eq!(sku.body["dynamicAttributes"]["provisioningId"], NEW_SKU);
    assert_eq!(sku.body["maximumQuantity"], 300);
    assert_eq!(sku.body["purchasePrerequisites"], json!(["MicrosoftCustomerAgreement"]));
    let path = format!("/products/{PRODUCT}/skus/0001/availabilities");
    let availability = stage.read(&path).await.items()[0].clone();
    assert_eq!(stage.get(&format!("{path}?country=US")).await.items()[0]["id"], availability["id"]);
    let id = availability["id"].as_str().expect("an id");
    assert_eq!(availability["catalogItemId"], json!(format!("{ITEM}:{id}")));
    assert_eq!(availability["segment"], "Commercial");
    assert_eq!(availability["isPurchasable"], true);
    assert_eq!(availability["terms"][1]["duration"], "P1Y");
    assert_eq!(
        stage.read(&format!("{path}/{id}")).await.body["catalogItemId"],
        availability["catalogItemId"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_customer_sees_what_is_for_everybody_and_for_its_own_segment() {
    let skus = format!("/products/{PRODUCT}/skus");
    let commercial = shop().await;
    assert_eq!(commercial.read(&skus).await.items().len(), 1);
    assert_eq!(commercial.read(&format!("{skus}/0002")).await.refusal(), (404, 400_018));
    assert_eq!(commercial.get(&format!("{skus}?country=US")).await.items().len(), 2);
    let nonprofit = shop_with(|world| world["customers"][0]["segment"] = "nonprofit".into()).await;
    assert_eq!(nonprofit.read(&skus).await.items().len(), 2);
    let own = nonprofit.read(&format!("{skus}?targetSegment=Nonprofit")).await;
    assert_eq!(own.items()[0]["id"], "0002");
    let government = commercial.get(&format!("{skus}/0002/availabilities?country=SE")).await;
    assert_eq!(government.items().len(), 1, "the government's is for one country");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_said_with_its_own_code() {
    let stage = shop().await;
    let base = format!("/products/{PRODUCT}/skus");
    assert_eq!(stage.read("/products/CFQ7TTC0XXXX").await.refusal(), (404, 400_013));
    assert_eq!(stage.read("/products/CFQ7TTC0XXXX/skus/0001").await.refusal(), (404, 400_013));
    assert_eq!(stage.read(&format!("{base}/0009")).await.refusal(), (404, 400_018));
    assert_eq!(
        stage.read(&format!("{base}/0001/availabilities/CFQ7TTC0XXXX")).await.refusal(),
        (404, 400_019)
    );
    assert_eq!(stage.read("/products?targetView=Azure").await.refusal(), (403, 400_036));
    assert_eq!(stage.get("/products?targetView=OnlineServices").await.refusal(), (400, 800_002));
    assert_eq!(stage.post("/products", &json!({})).await.status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_stored_catalog_item_becomes_stale_and_a_fresh_one_is_sold() {
    let mut stage = shop().await;
    let stored = stage.item().await;
    stage.pass(3600 * 24).await;
    stage.user = stage.fresh().await;
    let fresh = stage.item().await;
    assert_ne!(stored, fresh);
    let cart = stage.cart(json!([line(&stored, 1)])).await;
    assert_eq!((cart.status, error_of(&cart)), (201, "catalog_item_id_is_not_valid"));
    assert_eq!(cart.body["lineItems"][0]["error"]["additionalInformation"], "400019");
    assert_eq!(error_of(&stage.cart(json!([line(&fresh, 1)])).await), "");
}

#[tokio::test(start_paused = true)]
async fn availabilities_do_not_all_change_at_one_moment_and_some_worlds_have_none_that_change() {
    let stage = shop_with(|world| world["new_commerce"]["availabilities_change_every"] = 0.into()).await;
    let first = stage.item().await;
    stage.pass(3000).await;
    assert_eq!(stage.item().await, first);
    let stage = shop_with(|world| world["new_commerce"]["availabilities_change_every"] = 1000.into()).await;
    let path = format!("/products/{PRODUCT}/skus/0001/availabilities?country=");
    let mut changes = Vec::new();
    for country in ["US", "SE", "DE"] {
        changes.push((country, stage.get(&format!("{path}{country}")).await.body["items"][0]["id"].clone()));
    }
    let mut at = std::collections::BTreeMap::new();
    for second in (0..1100).step_by(50) {
        for (country, first) in &changes {
            let now = stage.get(&format!("{path}{country}")).await.body["items"][0]["id"].clone();
            if now != *first {
                at.entry(*country).or_insert(second);
            }
        }
        stage.pass(50).await;
    }
    assert_eq!(at.len(), 3, "each has changed");
    assert!(at.values().collect::<std::collections::BTreeSet<_>>().len() > 1, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_offer_names_its_equivalent_and_what_was_bought_lives_on() {
    let stage = shop_with(|world| {
        withdraw(world, json!({"segments": ["commercial"], "code": 2091, "equivalent": ITEM}));
    })
    .await;
    let refused = stage.order(NEW_OFFER, 1).await;
    assert_eq!(refused.refusal(), (403, 2091));
    let item = stage.item().await;
    assert!(refused.body["description"].as_str().expect("text").contains(&item), "{}", refused.body);
    let cart = stage.cart(json!([line(NEW_OFFER, 1)])).await;
    assert_eq!(error_of(&cart), "legacy_offer_not_eligible_for_purchase");
    assert!(cart.body.to_string().contains(&item));
    let offers = stage.read("/offers").await;
    let shown = |id: &str| offers.items().iter().any(|offer| offer["id"] == json!(id.to_uppercase()));
    assert!(!shown(NEW_OFFER), "not to this customer");
    assert_eq!(stage.get(&format!("/offers/{NEW_OFFER}?country=US")).await.status, 200, "others may buy it");
    // The old subscription's offer has not been sold for long either.
    assert_eq!(stage.patch(OLD, json!({"quantity": 7})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_offer_ends_on_its_day_for_its_countries_and_segments() {
    let soon = json!({"since": "2019-06-01T00:10:00Z", "countries": ["US", "SE"]});
    let stage = shop_with(|world| withdraw(world, soon)).await;
    let listed = format!("/offers/{NEW_OFFER}?country=");
    assert_eq!(stage.order(NEW_OFFER, 1).await.status, 201);
    let before = stage.get("/offers?country=US").await.items().len();
    stage.pass(600).await;
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (403, 2091));
    assert_eq!(stage.get(&format!("{listed}US")).await.status, 404);
    assert_eq!(stage.get(&format!("{listed}DE")).await.status, 200);
    assert_eq!(stage.get("/offers?country=US").await.items().len(), before - 1);
    for (segments, code) in [(json!(["commercial"]), 2085), (json!(["education"]), 0)] {
        let stage = shop_with(|world| withdraw(world, json!({"segments": segments}))).await;
        assert_eq!(stage.order(NEW_OFFER, 1).await.refusal().1, code);
    }
}

#[tokio::test(start_paused = true)]
async fn withdrawn_offers_are_still_listed_where_the_world_reads_it_so() {
    let stage = shop_with(|world| {
        withdraw(world, json!({}));
        world["readings"]["new_commerce"]["lists_withdrawn_offers"] = true.into();
    })
    .await;
    assert_eq!(stage.get(&format!("/offers/{NEW_OFFER}?country=US")).await.status, 200);
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (403, 2091));
    assert_eq!(stage.get(&format!("/customers/{CUSTOMER}/offers")).await.status, 200);
}

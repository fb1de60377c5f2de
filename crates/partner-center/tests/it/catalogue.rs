//! New commerce's catalogue, carts and subscriptions: what is asked, and what is made of the answers.

use jiff::Timestamp;
use seatshift_partner_center::{
    AvailabilityId, BillingCycle, CartErrorCode, CartId, CartStatus, CatalogItem, ContractType, Market,
    OfferId, OrderId, ProductId, RefundKind, Remedy, SkuId, TargetSegment,
};

use crate::script::{CUSTOMER, SALES_PRO, SUBSCRIPTION, Stage, answer, fault, fixture, stage};

const C: &str = "5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f";

fn with(body: impl Into<bytes::Bytes>) -> Stage {
    let stage = stage();
    stage.script.then(answer(200, body));
    stage
}

/// What was asked for; always a GET with the application's own token.
fn asked(stage: &Stage) -> Vec<String> {
    let sent = stage.script.sent();
    for request in &sent {
        assert_eq!(request.method, "GET");
        assert_eq!(request.header("authorization"), Some("Bearer invented-access-token"));
        assert!(request.body.is_empty() && request.header("content-length").is_none());
    }
    let path = |uri: &str| uri.strip_prefix("https://api.partnercenter.microsoft.com").unwrap().to_owned();
    sent.iter().map(|request| path(&request.uri)).collect()
}

fn sweden() -> Market {
    Market::Country("SE".to_owned())
}

fn ids() -> (ProductId, SkuId) {
    (ProductId::new("CFQ7TTC0INV1"), SkuId::new("0004"))
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn products_of_both_commerces_are_listed_and_told_apart() {
    let stage = with(fixture!("products"));
    stage.script.then(answer(200, fixture!("products"))).then(answer(200, fixture!("product")));
    let found = stage.client.products(&sweden()).await.unwrap();
    assert!(found.is_complete());
    let [new, old] = found.items.as_slice() else { panic!("two products") };
    assert_eq!(new.id, ProductId::new("cfq7ttc0inv1"), "whatever the case");
    assert!(new.is_new_commerce() && !old.is_new_commerce());
    assert_eq!((new.is_microsoft, old.is_microsoft), (Some(true), None));
    assert_eq!(old.id.guid(), Some(SALES_PRO));
    stage.client.products(&Market::Customer(CUSTOMER)).await.unwrap();
    assert_eq!(stage.client.product(&sweden(), &new.id).await.unwrap(), *new);
    assert_eq!(
        asked(&stage),
        [
            "/v1/products?country=SE&targetView=OnlineServices".to_owned(),
            format!("/v1/customers/{C}/products?targetView=OnlineServices"),
            "/v1/products/CFQ7TTC0INV1?country=SE".to_owned(),
        ]
    );
    assert_eq!(stage.records.calls()[1].customer, Some(CUSTOMER));
}

#[tokio::test(start_paused = true)]
async fn a_sku_tells_its_pool_its_limits_and_what_it_needs() {
    let stage = with(fixture!("sku"));
    let list = format!(r#"{{"totalCount":1,"items":[{}]}}"#, fixture!("sku"));
    stage.script.then(answer(200, list.clone())).then(answer(200, list.clone())).then(answer(200, list));
    stage.script.then(answer(200, fixture!("sku")));
    let (product, sku) = ids();
    let one = stage.client.sku(&sweden(), &product, &sku).await.unwrap();
    assert_eq!((&one.product, &one.id), (&product, &sku));
    assert_eq!(one.provisioning_id, Some(SALES_PRO), "the SKU that licenses hang on");
    assert_eq!((one.minimum_quantity, one.maximum_quantity), (1, 10_000_000));
    assert_eq!((one.is_trial, one.is_add_on), (false, Some(false)));
    assert_eq!(one.billing_cycles, [BillingCycle::Annual, BillingCycle::Monthly]);
    assert!(one.needs_customer_agreement());

    let customer = Market::Customer(CUSTOMER);
    let education = Some(&TargetSegment::Education);
    assert_eq!(stage.client.skus(&customer, &product, None).await.unwrap().items[0], one);
    assert_eq!(stage.client.skus(&customer, &product, education).await.unwrap().items[0], one);
    assert_eq!(stage.client.skus(&sweden(), &product, education).await.unwrap().items[0], one);
    assert_eq!(stage.client.sku(&customer, &product, &sku).await.unwrap(), one);
    assert_eq!(
        asked(&stage),
        [
            "/v1/products/CFQ7TTC0INV1/skus/0004?country=SE".to_owned(),
            format!("/v1/customers/{C}/products/CFQ7TTC0INV1/skus"),
            format!("/v1/customers/{C}/products/CFQ7TTC0INV1/skus?targetSegment=education"),
            "/v1/products/CFQ7TTC0INV1/skus?country=SE&targetSegment=education".to_owned(),
            format!("/v1/customers/{C}/products/CFQ7TTC0INV1/skus/0004"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sku_whose_attributes_changed_their_shape_is_still_read_and_claims_nothing() {
    for dynamic in ["null", "[]", r#""x""#, r#"{"isAddon":{},"provisioningId":[],"prerequisiteSkus":"x"}"#] {
        let json = format!(r#"{{"id":"0001","productId":"P","dynamicAttributes":{dynamic}}}"#);
        let sku = with(json).client.sku(&sweden(), &ids().0, &ids().1).await.unwrap();
        assert_eq!((sku.is_add_on, sku.provisioning_id), (None, None), "{dynamic}");
        assert!(sku.prerequisite_skus.is_empty() && !sku.needs_customer_agreement());
        assert_eq!((sku.minimum_quantity, sku.maximum_quantity), (1, u32::MAX));
    }
    let add_on = r#"{"id":"0001","productId":"P","isTrial":"true","purchasePrerequisites":["InventoryCheck"],
        "dynamicAttributes":{"isAddon":"True","prerequisiteSkus":["CFQ7TTC0INV1:0004","no id"]}}"#;
    let sku = with("\u{feff}".to_owned() + add_on).client.sku(&sweden(), &ids().0, &ids().1).await.unwrap();
    assert_eq!((sku.is_add_on, sku.is_trial), (Some(true), true));
    assert_eq!(sku.prerequisite_skus, [CatalogItem::parse("CFQ7TTC0INV1:0004").unwrap()]);
    assert_eq!(sku.purchase_prerequisites, ["InventoryCheck"]);
}

#[tokio::test(start_paused = true)]
async fn an_availability_tells_what_goes_into_a_cart_for_whom_and_for_which_terms() {
    let stage = with(fixture!("availabilities"));
    stage.script.then(answer(200, fixture!("availabilities")));
    let (product, sku) = ids();
    let for_whom = Some(&TargetSegment::Commercial);
    let found = stage.client.availabilities(&sweden(), &product, &sku, for_whom).await.unwrap();
    assert!(found.is_complete());
    let [sold, silent] = found.items.as_slice() else { panic!("two availabilities") };
    assert_eq!(sold.catalog_item, OfferId::new("CFQ7TTC0INV1:0004:CFQ7TTC0AAA1"));
    assert_eq!((&sold.product, &sold.sku, &sold.id), (&product, &sku, &AvailabilityId::new("CFQ7TTC0AAA1")));
    assert_eq!((&sold.segment, sold.country.as_deref()), (&Some(TargetSegment::Commercial), Some("SE")));
    assert_eq!((sold.currency.as_deref(), sold.is_renewable), (Some("SEK"), Some(true)));
    assert!(sold.offers("P1Y", &BillingCycle::Monthly) && sold.offers("p1m", &BillingCycle::Monthly));
    assert!(!sold.offers("P1Y", &BillingCycle::Annual), "this term is not sold with this cycle");
    assert_eq!(sold.terms[0].refunds[0].kind, RefundKind::Full);
    assert_eq!(sold.terms[0].refunds[1].expires_after.as_deref(), Some("P7D"));
    assert!(sold.terms[1].refunds.is_empty());
    assert!(!silent.is_purchasable, "what does not say so is not on sale");
    assert!(!silent.offers("P1Y", &BillingCycle::Annual));
    assert_eq!((silent.country.as_deref(), &silent.currency), (Some("SE"), &None));

    stage.client.availabilities(&Market::Customer(CUSTOMER), &product, &sku, None).await.unwrap();
    assert_eq!(
        asked(&stage),
        [
            "/v1/products/CFQ7TTC0INV1/skus/0004/availabilities?country=SE&targetSegment=Commercial"
                .to_owned(),
            format!("/v1/customers/{C}/products/CFQ7TTC0INV1/skus/0004/availabilities"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_words_of_an_availability_are_kept_and_one_without_its_item_is_set_aside() {
    let odd = "\u{feff}".to_owned()
        + r#"{"items":[
        {"id":"a","productId":"p","skuId":"s","catalogItemId":"p:s:a","segment":"Cooperative","isPurchasable":"true",
         "terms":[{"duration":"P5Y","billingCycle":"weekly","cancellationPolicies":{"new":1}},{}],"renewalInstructions":7},
        {"id":"b","productId":"p","skuId":"s","isPurchasable":true},
        {"id":"c","productId":"p","skuId":"s","catalogItemId":"p:s:c","terms":null}]}"#;
    let stage = with(odd);
    let found = stage.client.availabilities(&sweden(), &ids().0, &ids().1, None).await.unwrap();
    assert_eq!(found.items.len(), 2);
    let first = &found.items[0];
    assert_eq!(first.segment, Some(TargetSegment::Other("Cooperative".to_owned())));
    assert!(first.offers("P5Y", &BillingCycle::Other("weekly".to_owned())));
    assert_eq!((first.terms[0].refunds.len(), &first.terms[1].duration), (0, &None));
    assert!(found.items[1].terms.is_empty());
    assert_eq!(found.unreadable[0].problem.to_string(), "`catalogItemId` is missing or not understood");
}

#[tokio::test(start_paused = true)]
async fn what_the_catalogue_does_not_have_says_what_to_do() {
    let (product, sku) = ids();
    for (status, code, remedy) in [
        (404, 400_013, Remedy::Refused),
        (404, 400_018, Remedy::Refused),
        (404, 400_019, Remedy::Conflict),
        (403, 400_036, Remedy::Refused),
        (200, 400_072, Remedy::Refused),
    ] {
        let stage = stage();
        stage.script.then(fault(status, code));
        let error = stage.client.availabilities(&sweden(), &product, &sku, None).await.unwrap_err();
        assert_eq!((error.remedy, error.code), (remedy, Some(code)));
    }
}

#[tokio::test(start_paused = true)]
async fn ids_of_the_catalogue_cannot_break_out_of_their_path() {
    let stage = with(fixture!("sku"));
    stage.client.sku(&sweden(), &ProductId::new("a/../b?c"), &SkuId::new("d#e f")).await.unwrap();
    assert_eq!(asked(&stage), ["/v1/products/a%2F..%2Fb%3Fc/skus/d%23e%20f?country=SE"]);
}

#[tokio::test(start_paused = true)]
async fn a_cart_tells_its_state_and_its_end() {
    let stage = with(fixture!("cart"));
    let id = CartId::new("b4c8fdea-0000-4000-8000-13fcacbf9605");
    let cart = stage.client.cart(CUSTOMER, &id).await.unwrap();
    assert_eq!((&cart.id, &cart.status), (&id, &Some(CartStatus::Active)));
    assert_eq!(cart.expires, Some(moment("2024-01-15T08:15:00.2406416Z")));
    assert!(!cart.is_expired(moment("2024-01-15T08:15:00Z")));
    assert!(cart.is_expired(moment("2024-01-15T08:15:00.2406416Z")));
    let line = &cart.lines[0];
    assert_eq!((line.number, line.quantity, line.order_group.as_deref()), (Some(0), Some(25), Some("0")));
    assert_eq!(line.catalog_item, Some(OfferId::new("CFQ7TTC0INV1:0004:CFQ7TTC0AAA1")));
    assert_eq!(
        (line.billing_cycle.as_ref(), line.term_duration.as_deref()),
        (Some(&BillingCycle::Monthly), Some("P1Y"))
    );
    assert_eq!((line.currency.as_deref(), line.reseller.as_deref()), (Some("SEK"), Some("4847383")));
    assert_eq!(cart.errors().count(), 0);
    assert_eq!(asked(&stage), [format!("/v1/customers/{C}/carts/b4c8fdea-0000-4000-8000-13fcacbf9605")]);

    let odd = "\u{feff}".to_owned()
        + r#"{"id":"x","status":"ordered","expirationTimeStamp":"2024-01-15T08:00:00","lineItems":[
            {"error":{"errorCode":10015,"additionalInformation":{"availableQuantity":5}}},{"error":"?"},{"error":null}]}"#;
    let stage = with(odd);
    let cart = stage.client.cart(CUSTOMER, &id).await.unwrap();
    assert_eq!(
        (cart.status, cart.expires),
        (Some(CartStatus::Ordered), Some(moment("2024-01-15T08:00:00Z")))
    );
    let codes: Vec<_> =
        cart.lines.iter().map(|line| line.error.as_ref().map(|error| error.code.clone())).collect();
    let seats = CartErrorCode::MaxAllowedSeatsPerSubscriptionExceeded;
    assert_eq!(codes, [Some(seats), Some(CartErrorCode::Unknown), None]);
    assert_eq!(cart.lines[0].error.as_ref().unwrap().available_quantity, Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_is_gone_is_made_anew() {
    let stage = stage();
    stage.script.then(fault(404, 800_008));
    let error = stage.client.cart(CUSTOMER, &CartId::new("x")).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Conflict);
    assert!(error.is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_of_new_commerce_tells_until_when_it_can_be_undone() {
    let stage = with(fixture!("subscription_new_commerce"));
    let one = stage.client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap();
    assert!(one.is_new_commerce());
    assert_eq!(one.order, Some(OrderId::new("0a3624c6e47d")));
    assert_eq!((one.term_duration.as_deref(), one.renewal_term_duration.as_deref()), (Some("P1Y"), None));
    assert_eq!(
        (one.contract_type.as_ref(), one.partner_id.as_deref()),
        (Some(&ContractType::Subscription), Some("4847383"))
    );
    assert_eq!(one.promotion.as_deref(), Some("39NFJQT1Q5KK:0001:39NFJQT1PXXX"));
    assert_eq!((&one.etag, one.migrated_from), (&None, None));
    let seats = one.refundable_quantity.clone().unwrap();
    assert_eq!((seats.total, seats.details[0].quantity), (Some(25), 25));
    assert_eq!(seats.details[0].until, Some(moment("2024-01-22T08:00:52Z")));
    for (at, cancellable, refund) in [
        ("2024-01-16T08:00:51Z", true, Some(&RefundKind::Full)),
        ("2024-01-16T08:00:52Z", true, Some(&RefundKind::Partial)),
        ("2024-01-22T08:00:52Z", false, None),
    ] {
        assert_eq!((one.can_be_cancelled(moment(at)), one.refund(moment(at))), (cancellable, refund), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_subscription_does_not_say_about_its_undo_is_not_promised() {
    for odd in [
        "",
        r#","refundOptions":null,"refundableQuantity":null,"cancellationAllowedUntilDate":null"#,
        r#","refundOptions":"x","refundableQuantity":"x","cancellationAllowedUntilDate":"soon""#,
    ] {
        let json = format!(r#"{{"id":"{SUBSCRIPTION}","offerId":"x","status":"active","quantity":1{odd}}}"#);
        let one = with(json).client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap();
        assert!(!one.can_be_cancelled(Timestamp::MIN), "{odd}");
        assert_eq!((one.refund(Timestamp::MIN), &one.refundable_quantity), (None, &None), "{odd}");
    }
    let json = format!(
        r#"{{"id":"{SUBSCRIPTION}","offerId":"x","status":"active","quantity":1,"contractType":"productKey",
        "migratedFromSubscriptionId":"0C9A7C2B-4B36-4C0A-9C1D-5E0F6A7B8C9D",
        "refundOptions":[{{"type":"Half","expiresAfter":"2024-01-16T08:00:52Z"}},{{"expiresAt":"x"}}]}}"#
    );
    let one = with(json).client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap();
    assert_eq!((one.contract_type, one.migrated_from), (Some(ContractType::ProductKey), Some(SUBSCRIPTION)));
    assert_eq!(one.refund_options.len(), 1);
    assert_eq!(one.refund_options[0].expires, Some(moment("2024-01-16T08:00:52Z")));
}

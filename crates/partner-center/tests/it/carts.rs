//! Buying in new commerce: making a cart, checking it out, and what both say where they do not succeed.

use seatshift_partner_center::{
    BillingCycle, CallError, CartErrorCode, CartId, CheckedOut, Family, MadeCart, NewCartLine, OfferId,
    OrderId, OrderStatus, Problem, Remedy,
};
use serde_json::{Value, json};

use crate::script::{CUSTOMER, Stage, answer, fault, fixture, intent, stage};

const C: &str = "5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f";
pub(crate) const CART: &str = "b4c8fdea-0000-4000-8000-13fcacbf9605";

pub(crate) fn line() -> NewCartLine {
    NewCartLine {
        catalog_item: OfferId::new("CFQ7TTC0INV1:0004:CFQ7TTC0AAA1"),
        quantity: 25,
        friendly_name: "Sales Pro [mig-2024-01]".to_owned(),
        billing_cycle: BillingCycle::Monthly,
        term_duration: "P1Y".to_owned(),
        reseller: Some("4847383".to_owned()),
    }
}

pub(crate) async fn make(stage: &Stage) -> Result<MadeCart, CallError> {
    let permit = stage.permit(Family::Orders).await;
    stage.client.create_cart(permit, intent(1), CUSTOMER, &[line()]).await
}

pub(crate) async fn check_out(stage: &Stage) -> Result<CheckedOut, CallError> {
    let permit = stage.permit(Family::Orders).await;
    stage.client.checkout(permit, intent(2), CUSTOMER, &CartId::new(CART)).await
}

/// Path and query of what was sent.
pub(crate) fn path(uri: &str) -> &str {
    uri.strip_prefix("https://api.partnercenter.microsoft.com").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_made_of_lines_with_their_term_and_reseller() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("cart")));
    let MadeCart::Ready(cart) = make(&stage).await.unwrap() else { panic!("nothing is wrong with it") };
    assert_eq!(cart.id, CartId::new(CART));
    assert!(cart.expires.is_some());
    let sent = stage.script.only();
    assert_eq!(
        (sent.method.as_str(), path(&sent.uri)),
        ("POST", format!("/v1/customers/{C}/carts").as_str())
    );
    assert_eq!(sent.header("ms-requestid"), Some(intent(1).to_string().as_str()));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.header("authorization"), Some("Bearer invented-access-token"));
    assert_eq!(
        sent.json(),
        json!({"lineItems": [{
            "id": 0, "catalogItemId": "CFQ7TTC0INV1:0004:CFQ7TTC0AAA1", "friendlyName": "Sales Pro [mig-2024-01]",
            "quantity": 25, "billingCycle": "monthly", "termDuration": "P1Y",
            "participants": [{"key": "transaction_reseller", "value": "4847383"}]}]})
    );
    let call = &stage.records.calls()[0];
    assert_eq!((call.operation, call.family, call.changing), ("create_cart", Family::Orders, true));
}

#[tokio::test(start_paused = true)]
async fn a_cart_without_a_reseller_names_no_participants() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("cart").replace("4847383", "")));
    let line = NewCartLine { reseller: None, ..line() };
    let permit = stage.permit(Family::Orders).await;
    let made = stage.client.create_cart(permit, intent(1), CUSTOMER, &[line]).await.unwrap();
    assert!(matches!(made, MadeCart::Ready(_)));
    assert_eq!(stage.script.only().json()["lineItems"][0].get("participants"), None);
}

#[tokio::test(start_paused = true)]
async fn a_cart_with_a_faulty_line_is_no_success() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("cart_with_error")));
    let MadeCart::Faulty(cart) = make(&stage).await.unwrap() else { panic!("its line has an error") };
    let error = cart.errors().next().unwrap();
    assert_eq!(error.code, CartErrorCode::LegacyOfferNotEligibleForPurchase);
    assert_eq!((error.number(), error.remedy()), (Some(500_600), Remedy::Refused));
    let named: Vec<String> = error.equivalents.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["CFQ7TTC0INV1:0004:CFQ7TTC0AAA1"], "to be shown");
    assert!(!format!("{cart:?}").contains("Dan"), "no words of the answer are kept");
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_holds_something_else_than_was_asked_for_is_no_success() {
    let cart = || serde_json::from_str::<Value>(fixture!("cart")).unwrap();
    let changed = |key: &str, value: Value| {
        let mut cart = cart();
        cart["lineItems"][0][key] = value;
        cart
    };
    let mut twice = cart();
    twice["lineItems"] = json!([cart()["lineItems"][0], cart()["lineItems"][0]]);
    let mut empty = cart();
    empty["lineItems"] = json!([]);
    let mut ordered = cart();
    ordered["status"] = json!("Ordered");
    let mut strange = cart();
    strange["status"] = json!("Frozen");
    for cart in [
        changed("quantity", json!(24)),
        changed("quantity", Value::Null),
        changed("catalogItemId", json!("CFQ7TTC0INV1:0004:CFQ7TTC0AAA2")),
        changed("billingCycle", json!("annual")),
        changed("termDuration", json!("P3Y")),
        changed("participants", json!([{"key": "transaction_reseller", "value": "1"}])),
        changed("error", json!({})),
        twice,
        empty,
        ordered,
        strange,
    ] {
        let stage = stage();
        stage.script.then(answer(201, cart.to_string()));
        assert!(matches!(make(&stage).await.unwrap(), MadeCart::Faulty(_)), "{cart}");
    }
    for same in [
        changed("catalogItemId", json!("cfq7ttc0inv1:0004:cfq7ttc0aaa1")),
        changed("quantity", json!("25")),
        changed("billingCycle", json!("Monthly")),
        changed("termDuration", json!("")),
        changed("participants", Value::Null),
        changed("error", Value::Null),
    ] {
        let stage = stage();
        stage.script.then(answer(201, format!("\u{feff}{same}")));
        assert!(matches!(make(&stage).await.unwrap(), MadeCart::Ready(_)), "{same}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cart_of_two_lines_must_hold_both_in_whatever_order() {
    let other = NewCartLine { catalog_item: OfferId::new("CFQ7TTC0INV2:0001:CFQ7TTC0BBB1"), ..line() };
    let json = |id: usize, item: &str| json!({"id": id, "catalogItemId": item, "quantity": 25});
    let (one, two) = ("CFQ7TTC0INV1:0004:CFQ7TTC0AAA1", "CFQ7TTC0INV2:0001:CFQ7TTC0BBB1");
    for (held, ready) in [([one, two], true), ([two, one], true), ([one, one], false), ([two, two], false)] {
        let stage = stage();
        let lines = [json(0, held[0]), json(1, held[1])];
        stage.script.then(answer(201, json!({"id": CART, "lineItems": lines}).to_string()));
        let permit = stage.permit(Family::Orders).await;
        let asked = [line(), other.clone()];
        let made = stage.client.create_cart(permit, intent(1), CUSTOMER, &asked).await.unwrap();
        assert_eq!(matches!(made, MadeCart::Ready(_)), ready, "{held:?}");
        let sent = stage.script.only().json();
        assert_eq!(
            (&sent["lineItems"][1]["id"], &sent["lineItems"][1]["catalogItemId"]),
            (&json!(1), &json!(two))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_error_of_a_line_says_what_to_do_by_word_and_by_number() {
    use Remedy::{Conflict, Person, Refused};
    let cases = [
        ("currency_is_not_supported", 10_000, Person),
        ("CatalogItemIdIsNotValid", 10_001, Conflict),
        ("quota_not_available", 10_002, Person),
        ("inventory_not_available", 10_003, Refused),
        ("participants_is_not_supported_for_partner", 10_004, Person),
        ("unable_to_process_cart_line_item", 10_006, Person),
        ("subscription_is_not_valid", 10_007, Refused),
        ("SubscriptionIsNotEnabledForRI", 10_008, Refused),
        ("sandbox_limit_exceeded", 10_009, Person),
        ("invalid_input", 10_010, Refused),
        ("subscription_not_registered", 10_011, Refused),
        ("attestation_not_accepted", 10_012, Refused),
        ("billing_plan_not_supported", 10_013, Refused),
        ("invalid_promotion_id", 10_014, Refused),
        ("max_allowed_seats_per_subscription_exceeded", 10_015, Refused),
        ("invalid_custom_term_end_date_product", 10_016, Refused),
        ("invalid_custom_term_end_date", 10_017, Refused),
        ("base_offer_seat_quantity_not_met", 10_018, Refused),
        ("MinimumAddOnSeatsNotMet", 10_019, Refused),
        ("legacy_offer_not_eligible_for_purchase", 500_600, Refused),
    ];
    for (word, number, remedy) in cases {
        for code in [json!(word), json!(number), json!(number.to_string())] {
            let error = line_error(json!({"errorCode": code})).await;
            assert_eq!((error.number(), error.remedy()), (Some(number), remedy), "{word} as {code}");
            assert!(error.explanation().is_some(), "{word}");
        }
    }
    for (code, number) in
        [(json!("tomorrow"), None), (json!(10_099), Some(10_099)), (json!(0), None), (Value::Null, None)]
    {
        let error = line_error(json!({"errorCode": code})).await;
        assert_eq!((error.number(), error.remedy()), (number, Person), "{code}");
    }
}

async fn line_error(error: Value) -> seatshift_partner_center::CartLineError {
    let stage = stage();
    stage.script.then(answer(201, json!({"id": CART, "lineItems": [{"error": error}]}).to_string()));
    let MadeCart::Faulty(cart) = make(&stage).await.unwrap() else { panic!("its line has an error") };
    cart.lines.into_iter().next().unwrap().error.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_checkout_sends_nothing_but_its_path_and_may_lack_subscriptions() {
    let stage = stage();
    stage.script.then(answer(201, "\u{feff}".to_owned() + fixture!("checkout")));
    let CheckedOut::Bought(orders) = check_out(&stage).await.unwrap() else { panic!("all is bought") };
    let order = &orders[0];
    assert_eq!(order.status, Some(OrderStatus::Pending));
    assert_eq!((order.lines[0].subscription, order.lines[0].quantity), (None, 25));
    assert_eq!(order.lines[0].term_duration.as_deref(), Some("P1Y"));
    assert!(order.is(&OrderId::new("0a3624c6e47d")), "subscriptions name the short id");
    assert!(order.is(&OrderId::new("311qiN8iFwkv-XARWMvXRYAwYKMACVqv1")));
    assert!(!order.is(&OrderId::new("311QIN8IFWKV-XARWMVXRYAWYKMACVQV1")), "case counts in orders");
    let sent = stage.script.only();
    let target = format!("/v1/customers/{C}/carts/{CART}/checkout");
    assert_eq!((sent.method.as_str(), path(&sent.uri)), ("POST", target.as_str()));
    assert_eq!((sent.body.len(), sent.header("content-length")), (0, Some("0")));
    assert_eq!(sent.header("ms-requestid"), Some(intent(2).to_string().as_str()));
    assert_eq!(sent.header("if-match"), None);
    let call = &stage.records.calls()[0];
    assert_eq!((call.operation, call.family, call.changing), ("checkout", Family::Orders, true));
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_bought_one_half_says_which() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("checkout_partly")));
    let out = check_out(&stage).await.unwrap();
    let CheckedOut::Partly { orders, errors } = &out else { panic!("one half is bought") };
    assert!(orders[0].lines[0].subscription.is_some());
    let error = &errors[0];
    assert_eq!((error.order_group.as_deref(), error.code), (Some("1"), Some(2091)));
    assert_eq!(
        (error.remedy(), error.equivalents[0].to_string()),
        (Remedy::Refused, "CFQ7TTC0INV2:0001".to_owned())
    );
    assert_eq!((out.orders().len(), out.errors().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_bought_nothing_says_why() {
    for (code, remedy) in [
        (json!(2091), Remedy::Refused),
        (json!("13605"), Remedy::Person),
        (json!(400_019), Remedy::Conflict),
        (json!(800_060), Remedy::Wait),
        (json!(800_065), Remedy::Conflict),
        (json!(900_121), Remedy::Person),
        (json!(800_005), Remedy::UnknownOutcome),
        (json!(999_999), Remedy::Person),
        (Value::Null, Remedy::Person),
    ] {
        let stage = stage();
        let body =
            json!({"orders": null, "orderErrors": [{"orderGroupId": 0, "code": code, "description": "x"}]});
        stage.script.then(answer(201, body.to_string()));
        let CheckedOut::Nothing(errors) = check_out(&stage).await.unwrap() else { panic!("{code}") };
        assert_eq!((errors[0].remedy(), errors[0].order_group.as_deref()), (remedy, Some("0")), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_checkout_that_cannot_be_understood_is_an_unknown_outcome() {
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"orders":[]}"#,
        r#"{"orders":[{"status":"completed"}]}"#,
        r#"{"code":400072}"#,
        "[]",
    ] {
        let stage = stage();
        stage.script.then(answer(201, body));
        assert_eq!(check_out(&stage).await.unwrap_err().remedy, Remedy::UnknownOutcome, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_reason_not_to_sell_says_what_to_do() {
    use Remedy::{Conflict, Person, Refused, Wait};
    let cases = [
        (404, 400_019, Conflict),
        (404, 800_008, Conflict),
        (400, 800_009, Conflict),
        (400, 800_065, Conflict),
        (409, 800_060, Wait),
        (409, 800_064, Wait),
        (403, 2091, Refused),
        (403, 2085, Refused),
        (400, 2100, Refused),
        (403, 2030, Person),
        (400, 800_070, Refused),
        (400, 900_169, Person),
        (403, 13_605, Person),
        (403, 900_123, Person),
        (403, 900_124, Person),
        (403, 20_002, Refused),
        (400, 27_006, Refused),
        (400, 800_018, Person),
        (403, 900_322, Person),
        (403, 800_020, Refused),
        (403, 800_066, Person),
        (403, 800_067, Refused),
        (400, 800_086, Person),
        (403, 800_088, Refused),
        (403, 800_089, Person),
        (400, 900_245, Refused),
        (400, 900_246, Refused),
        (400, 900_275, Refused),
        (400, 900_291, Refused),
        (400, 900_292, Refused),
        (400, 2002, Refused),
        (404, 2072, Person),
        (403, 800_022, Person),
        (403, 800_069, Person),
        (403, 800_073, Person),
        (403, 900_121, Person),
    ];
    for (status, code, remedy) in cases {
        let stage = stage();
        stage.script.then(fault(status, code)).then(fault(status, code));
        assert_eq!(make(&stage).await.unwrap_err().remedy, remedy, "a cart, {code}");
        assert_eq!(check_out(&stage).await.unwrap_err().remedy, remedy, "a checkout, {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_sold_names_what_is_and_no_other_words() {
    let words =
        "Dan Holm may not buy F28514F0-6516-4EF9-8222-1C605A05D245; CFQ7TTC0INV1:0004:CFQ7TTC0AAA1 is sold";
    for (status, code, named) in [(403, 2091, 1), (403, 2085, 1), (400, 2100, 1), (400, 800_070, 0)] {
        let stage = stage();
        stage.script.then(answer(status, json!({"code": code, "description": words}).to_string()));
        let error = check_out(&stage).await.unwrap_err();
        assert_eq!((error.remedy, error.equivalents().len()), (Remedy::Refused, named), "{code}");
        let text = format!("{error} {error:?}");
        assert_eq!(error.to_string().contains("Microsoft names CFQ7TTC0INV1:0004:CFQ7TTC0AAA1 "), named == 1);
        assert!(!text.contains("Dan") && !text.contains("F28514F0"), "{text}");
    }
    let stage = stage();
    stage.script.then(fault(403, 2091));
    let error = check_out(&stage).await.unwrap_err();
    assert_eq!((error.equivalents(), error.problem.clone()), (&[][..], Problem::Answered));
}

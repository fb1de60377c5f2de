//! Buying in new commerce, buying add-ons, cancelling, and setting a user's location.

use std::time::Duration;

use seatshift_partner_center::{
    BillingCycle, CallError, CartErrorCode, CartId, Changed, CheckedOut, Family, MadeCart, NetworkFault,
    NewAddOn, NewCartLine, OfferId, Order, OrderId, OrderStatus, Problem, Remedy, Status, TransportError,
    User,
};
use serde_json::{Value, json};

use crate::script::{
    CUSTOMER, Line, SUBSCRIPTION, Stage, USER, answer, fault, fixture, intent, stage, throttled,
};

const C: &str = "5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f";
const CART: &str = "b4c8fdea-0000-4000-8000-13fcacbf9605";

fn line() -> NewCartLine {
    NewCartLine {
        catalog_item: OfferId::new("CFQ7TTC0INV1:0004:CFQ7TTC0AAA1"),
        quantity: 25,
        friendly_name: "Sales Pro [mig-2024-01]".to_owned(),
        billing_cycle: BillingCycle::Monthly,
        term_duration: "P1Y".to_owned(),
        reseller: Some("4847383".to_owned()),
    }
}

async fn make(stage: &Stage) -> Result<MadeCart, CallError> {
    let permit = stage.permit(Family::Orders).await;
    stage.client.create_cart(permit, intent(1), CUSTOMER, &[line()]).await
}

async fn check_out(stage: &Stage) -> Result<CheckedOut, CallError> {
    let permit = stage.permit(Family::Orders).await;
    stage.client.checkout(permit, intent(2), CUSTOMER, &CartId::new(CART)).await
}

async fn add(stage: &Stage) -> Result<Order, CallError> {
    let add_on = NewAddOn {
        offer: OfferId::new("2828BE95-0000-4000-8000-0BEF192ECF60"),
        quantity: 2,
        base: SUBSCRIPTION,
        friendly_name: "Storage [mig-2024-01]".to_owned(),
        partner_id_on_record: None,
    };
    let order = OrderId::new("CF3B0E37-0000-4000-8000-000000000001");
    let permit = stage.permit(Family::Orders).await;
    stage.client.buy_add_on(permit, intent(3), CUSTOMER, &order, &add_on).await
}

async fn cancel(stage: &Stage) -> Result<Changed, CallError> {
    let current = stage.client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap();
    let permit = stage.permit(Family::Subscriptions).await;
    stage.client.cancel_subscription(permit, intent(4), CUSTOMER, &current).await
}

async fn locate(stage: &Stage, country: &str) -> Result<User, CallError> {
    let permit = stage.permit(Family::Users).await;
    stage.client.set_usage_location(permit, intent(5), CUSTOMER, USER, country).await
}

fn path(uri: &str) -> &str {
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
async fn an_add_on_is_bought_by_a_change_of_its_bases_order() {
    let stage = stage();
    stage.script.then(answer(200, fixture!("add_on_order")));
    let order = add(&stage).await.unwrap();
    assert_eq!(order.lines.len(), 2, "the base's line comes with it");
    assert_eq!(order.lines[1].friendly_name, "Storage [mig-2024-01]");
    let sent = stage.script.only();
    let target = format!("/v1/customers/{C}/orders/cf3b0e37-0000-4000-8000-000000000001");
    assert_eq!((sent.method.as_str(), path(&sent.uri)), ("PATCH", target.as_str()));
    assert_eq!(sent.header("ms-requestid"), Some(intent(3).to_string().as_str()));
    assert_eq!(
        sent.json(),
        json!({"referenceCustomerId": CUSTOMER, "lineItems": [{
            "lineItemNumber": 0, "offerId": "2828be95-0000-4000-8000-0bef192ecf60",
            "friendlyName": "Storage [mig-2024-01]", "quantity": 2, "parentSubscriptionId": SUBSCRIPTION}]})
    );
}

#[tokio::test(start_paused = true)]
async fn an_add_on_that_does_not_fit_says_what_to_do() {
    for (status, code, remedy) in [
        (400, 800_029, Remedy::Refused),
        (409, 800_014, Remedy::Wait),
        (403, 2091, Remedy::Refused),
        (400, 2055, Remedy::Conflict),
        (404, 20_000, Remedy::Wait),
    ] {
        let stage = stage();
        stage.script.then(fault(status, code));
        assert_eq!(add(&stage).await.unwrap_err().remedy, remedy, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_sends_the_whole_subscription_back_as_deleted() {
    let stage = stage();
    let guarded = fixture!("subscription_new_commerce").replace(r#""etag": """#, r#""etag": "eyJ2IjoxfQ==""#);
    let gone = guarded.replace(r#""status": "active""#, r#""status": "deleted""#);
    stage.script.then(answer(200, guarded.clone())).then(answer(200, gone));
    let Changed::Now(now) = cancel(&stage).await.unwrap() else { panic!("200 is done") };
    assert_eq!(now.status, Status::Deleted);
    let sent = stage.script.sent().pop().unwrap();
    assert_eq!(sent.method, "PATCH");
    assert_eq!(path(&sent.uri), format!("/v1/customers/{C}/subscriptions/{SUBSCRIPTION}"));
    assert_eq!(sent.header("if-match"), Some("\"eyJ2IjoxfQ==\""));
    assert_eq!(sent.header("ms-requestid"), Some(intent(4).to_string().as_str()));
    let mut expected: Value = serde_json::from_str(&guarded).unwrap();
    expected["status"] = json!("deleted");
    assert_eq!(sent.json(), expected);
    assert_eq!(stage.records.calls()[1].operation, "cancel_subscription");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_without_an_etag_sends_none_and_may_be_taken_for_later() {
    let stage = stage();
    stage.script.then(answer(200, fixture!("subscription_new_commerce"))).then(answer(202, ""));
    assert_eq!(cancel(&stage).await.unwrap(), Changed::Accepted);
    let sent = stage.script.sent().pop().unwrap();
    assert_eq!(sent.header("if-match"), None);
    assert_eq!(sent.json()["attributes"]["etag"], "", "as it was read");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_out_of_its_time_is_refused() {
    for (status, code, remedy) in [
        (400, 900_117, Remedy::Refused),
        (400, 900_213, Remedy::Refused),
        (400, 800_040, Remedy::Refused),
        (400, 2011, Remedy::Refused),
        (400, 2055, Remedy::Conflict),
        (409, 900_278, Remedy::Wait),
        (400, 900_280, Remedy::Wait),
        (403, 900_263, Remedy::Refused),
        (404, 20_003, Remedy::Refused),
    ] {
        let stage = stage();
        stage.script.then(answer(200, fixture!("subscription_new_commerce"))).then(fault(status, code));
        assert_eq!(cancel(&stage).await.unwrap_err().remedy, remedy, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_usage_location_is_set_alone_and_with_a_persons_token() {
    let stage = stage();
    stage.script.then(answer(200, "\u{feff}".to_owned() + fixture!("user")));
    let user = locate(&stage, " se ").await.unwrap();
    assert_eq!((user.id, user.usage_location.as_deref()), (USER, Some("SE")));
    let sent = stage.script.only();
    assert_eq!(
        (sent.method.as_str(), path(&sent.uri)),
        ("PATCH", format!("/v1/customers/{C}/users/{USER}").as_str())
    );
    assert_eq!(sent.header("authorization"), Some("Bearer invented-user-token"));
    assert_eq!(sent.header("ms-requestid"), Some(intent(5).to_string().as_str()));
    assert_eq!(sent.json(), json!({"usageLocation": "SE", "attributes": {"objectType": "CustomerUser"}}));
    assert_eq!(stage.records.calls()[0].family, Family::Users);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_country_is_not_sent() {
    for country in ["", "S", "SWE", "S1", "ÅL", "Sweden"] {
        let stage = stage();
        let error = locate(&stage, country).await.unwrap_err();
        assert_eq!((error.problem, error.remedy), (Problem::Request, Remedy::Person), "{country}");
        assert!(stage.script.sent().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_location_that_may_not_be_set_goes_to_a_person_or_is_refused() {
    for (status, code, remedy) in [
        (403, 900_308, Remedy::Person),
        (403, 900_309, Remedy::Person),
        (403, 900_329, Remedy::Person),
        (403, 900_150, Remedy::Person),
        (404, 60_002, Remedy::Refused),
        (400, 3000, Remedy::Refused),
    ] {
        let stage = stage();
        stage.script.then(fault(status, code));
        let error = locate(&stage, "SE").await.unwrap_err();
        assert_eq!((error.remedy, error.license_failure), (remedy, None), "{code}");
    }
}

/// Each of the new changing calls on a stage of its own, whose next answer is this.
async fn each(next: impl Fn() -> Line) -> Vec<(CallError, Stage)> {
    let mut all = Vec::new();
    for call in 0..5 {
        let stage = stage();
        if call == 3 {
            stage.script.then(answer(200, fixture!("subscription_new_commerce")));
        }
        stage.script.then(next());
        let error = match call {
            0 => make(&stage).await.unwrap_err(),
            1 => check_out(&stage).await.unwrap_err(),
            2 => add(&stage).await.unwrap_err(),
            3 => cancel(&stage).await.unwrap_err(),
            _ => locate(&stage, "SE").await.unwrap_err(),
        };
        all.push((error, stage));
    }
    all
}

/// Those of the stage's requests that change something.
fn changes(stage: &Stage) -> usize {
    stage.script.sent().iter().filter(|sent| sent.method != "GET").count()
}

#[tokio::test(start_paused = true)]
async fn no_answer_to_any_of_them_is_an_unknown_outcome_and_nothing_is_repeated() {
    let lost: [fn() -> Line; 8] = [
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)),
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Broken)),
        || fault(500, 800_005),
        || answer(503, ""),
        || answer(408, ""),
        || answer(201, "<html>"),
        || answer(200, ""),
        || answer(200, r#"{"code":400072,"description":"x"}"#),
    ];
    for (number, lost) in lost.into_iter().enumerate() {
        for (error, stage) in each(lost).await {
            assert_eq!(error.remedy, Remedy::UnknownOutcome, "{number}: {error}");
            assert_eq!((changes(&stage), stage.timer.elapsed()), (1, Duration::ZERO), "{number}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_left_was_turned_down_or_came_too_often_is_definite() {
    for (error, _) in each(|| Line::Fail(TransportError::NeverSent(NetworkFault::Connect))).await {
        assert_eq!(error.remedy, Remedy::Retry, "{error}");
    }
    for (error, stage) in each(|| throttled("57")).await {
        assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(57)) }, "{error}");
        assert_eq!(changes(&stage), 1);
    }
    for (error, _) in each(|| answer(400, r#"{"code":999999,"description":"x"}"#)).await {
        assert_eq!(error.remedy, Remedy::Person, "an unknown code goes to a person: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn none_of_them_is_sent_while_paused_or_with_the_permit_of_another_family() {
    let stage = stage();
    let permit = stage.permit(Family::Orders).await;
    stage.gate.pause();
    let error = stage.client.checkout(permit, intent(2), CUSTOMER, &CartId::new(CART)).await.unwrap_err();
    assert_eq!(error.problem, Problem::Paused);
    stage.gate.resume();
    for family in [Family::Licenses, Family::Subscriptions, Family::Users] {
        let permit = stage.permit(family).await;
        let error = stage.client.checkout(permit, intent(2), CUSTOMER, &CartId::new(CART)).await.unwrap_err();
        assert_eq!(error.problem, Problem::WrongPermit);
        let permit = stage.permit(family).await;
        let error = stage.client.create_cart(permit, intent(1), CUSTOMER, &[line()]).await.unwrap_err();
        assert_eq!(error.problem, Problem::WrongPermit);
    }
    assert!(stage.script.sent().is_empty());
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

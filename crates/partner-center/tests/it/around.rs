//! What goes around a purchase: add-ons, cancelling, a user's location; and what holds for all of these calls.

use std::time::Duration;

use seatshift_partner_center::{
    CallError, CartId, Changed, Family, NetworkFault, NewAddOn, OfferId, Order, OrderId, Problem, Remedy,
    Status, TransportError, User,
};
use serde_json::{Value, json};

use crate::carts::{CART, check_out, line, make, path};
use crate::script::{
    CUSTOMER, Line, SUBSCRIPTION, Stage, USER, answer, fault, fixture, intent, stage, throttled,
};

const C: &str = "5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f";

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

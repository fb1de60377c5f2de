//! The changing calls of legacy commerce and of licenses; the others: `carts`, `around`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatshift_partner_center::{
    BillingCycle, CallError, Changed, Family, LicenseAssignment, LicenseFailure, LicenseUpdate, NetworkFault,
    NewOrder, OfferId, Problem, Purpose, Remedy, Status, Subscription, SubscriptionChange, Timer as _,
    TransportError,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::script::{
    CUSTOMER, Line, SALES, SALES_PRO, SUBSCRIPTION, Stage, USER, answer, fault, fixture, intent, response,
    stage, throttled,
};

fn order() -> NewOrder {
    NewOrder {
        offer: OfferId::new("F28514F0-6516-4EF9-8222-1C605A05D245"),
        quantity: 25,
        billing_cycle: BillingCycle::Monthly,
        friendly_name: "Sales Pro [mig-2024-01]".to_owned(),
        partner_id_on_record: None,
    }
}

async fn place(stage: &Stage) -> Result<seatshift_partner_center::Order, CallError> {
    let permit = stage.permit(Family::Orders).await;
    stage.client.place_order(permit, intent(1), CUSTOMER, &order()).await
}

/// A subscription as it is read, with a key nobody knows.
async fn current(stage: &Stage) -> Subscription {
    let json = fixture!("subscription").replacen('{', r#"{"keyOfTomorrow": {"deep": [1, 2.50, null]},"#, 1);
    stage.script.then(answer(200, json));
    stage.client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap()
}

async fn suspend(stage: &Stage, current: &Subscription) -> Result<Changed, CallError> {
    let permit = stage.permit(Family::Subscriptions).await;
    stage.client.change_subscription(permit, intent(2), CUSTOMER, current, SubscriptionChange::Suspend).await
}

async fn swap(stage: &Stage) -> Result<Vec<seatshift_partner_center::LicenseWarning>, CallError> {
    let plan = Uuid::from_u128(0x1259157c_8581_4875_bca7_2ffb18c51bda);
    let update = LicenseUpdate {
        assign: vec![LicenseAssignment { sku: SALES_PRO, excluded_plans: vec![plan] }],
        remove: vec![SALES],
    };
    let permit = stage.permit(Family::Licenses).await;
    stage.client.update_licenses(permit, intent(3), CUSTOMER, USER, &update).await
}

#[tokio::test(start_paused = true)]
async fn an_order_has_one_line_and_the_id_of_its_intent() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("place_order")));
    let placed = place(&stage).await.unwrap();
    assert_eq!(placed.id.as_str(), "eeba9d00-7b46-443a-917e-22887a8fc993");
    let sent = stage.script.only();
    assert_eq!(sent.method, "POST");
    assert!(sent.uri.ends_with(&format!("/v1/customers/{CUSTOMER}/orders")));
    assert_eq!(sent.header("ms-requestid"), Some(intent(1).to_string().as_str()));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(
        sent.json(),
        json!({"referenceCustomerId": CUSTOMER, "billingCycle": "monthly", "lineItems": [{
            "lineItemNumber": 0, "offerId": "f28514f0-6516-4ef9-8222-1c605a05d245",
            "friendlyName": "Sales Pro [mig-2024-01]", "quantity": 25}]})
    );
    assert!(stage.records.calls()[0].changing);
}

#[tokio::test(start_paused = true)]
async fn the_reseller_of_record_goes_with_the_order() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("place_order")));
    let order = NewOrder { partner_id_on_record: Some("4847383".to_owned()), ..order() };
    let permit = stage.permit(Family::Orders).await;
    stage.client.place_order(permit, intent(1), CUSTOMER, &order).await.unwrap();
    assert_eq!(stage.script.only().json()["lineItems"][0]["partnerIdOnRecord"], "4847383");
}

#[tokio::test(start_paused = true)]
async fn a_change_sends_the_whole_subscription_back_with_one_property_changed() {
    let stage = stage();
    let current = current(&stage).await;
    stage.script.then(answer(200, fixture!("change_subscription")));
    let Changed::Now(now) = suspend(&stage, &current).await.unwrap() else { panic!("200 is done") };
    assert_eq!(now.status, Status::Suspended);
    assert_ne!(now.etag, current.etag);
    let sent = stage.script.sent().pop().unwrap();
    assert_eq!(sent.method, "PATCH");
    assert_eq!(sent.header("if-match"), Some(format!("\"{}\"", current.etag.as_deref().unwrap()).as_str()));
    let mut expected: Value = serde_json::from_str(current.json()).unwrap();
    expected["status"] = json!("suspended");
    assert_eq!(sent.json(), expected);
    assert_eq!(sent.json()["attributes"]["etag"], current.etag.unwrap());
    assert!(
        std::str::from_utf8(&sent.body).unwrap().contains("2.50"),
        "numbers go back as they were written"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_may_be_taken_for_later() {
    let stage = stage();
    let current = current(&stage).await;
    stage.script.then(answer(202, ""));
    assert_eq!(suspend(&stage, &current).await.unwrap(), Changed::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_swap_gives_and_takes_in_one_request() {
    let stage = stage();
    stage.script.then(answer(201, fixture!("update_licenses")));
    assert_eq!(swap(&stage).await.unwrap(), []);
    let sent = stage.script.only();
    assert!(sent.uri.ends_with(&format!("/v1/customers/{CUSTOMER}/users/{USER}/licenseupdates")));
    assert_eq!(sent.header("authorization"), Some("Bearer invented-user-token"));
    assert_eq!(
        sent.json(),
        json!({"licensesToAssign": [{"skuId": SALES_PRO, "excludedPlans": ["1259157c-8581-4875-bca7-2ffb18c51bda"]}],
               "licensesToRemove": [SALES]})
    );
}

#[tokio::test(start_paused = true)]
async fn remarks_of_microsoft_come_without_their_words() {
    let stage = stage();
    let body =
        r#"{"licenseWarnings":[{"code":7,"message":"Dan Holm ...","servicePlans":["SHAREPOINTWAC"]}]}"#;
    stage.script.then(answer(201, body));
    let warnings = swap(&stage).await.unwrap();
    assert_eq!(
        (warnings[0].code.as_str(), warnings[0].plans.as_slice()),
        ("7", &["SHAREPOINTWAC".to_owned()][..])
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_without_an_answer_is_an_unknown_outcome_and_is_made_once() {
    let lost: Vec<fn() -> Line> = vec![
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)),
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Broken)),
        || fault(500, 800_005),
        || answer(502, "<html>Bad Gateway</html>"),
        || answer(503, ""),
        || answer(504, ""),
        || answer(501, r#"{"code":0,"description":"x"}"#),
        || answer(408, ""),
        || answer(302, ""),
        || answer(201, "<html>"),
        || answer(201, r#"{"id":"#),
        || answer(200, ""),
        || answer(200, r#"{"code":400072,"description":"x"}"#),
    ];
    for (number, line) in lost.into_iter().enumerate() {
        let stage = stage();
        stage.script.then(line());
        let error = place(&stage).await.unwrap_err();
        assert_eq!(error.remedy, Remedy::UnknownOutcome, "line {number}: {error}");
        assert!(!error.is_definite());
        assert_eq!(error.request_id, intent(1));
        assert_eq!(stage.script.sent().len(), 1);
        assert_eq!(stage.timer.elapsed(), Duration::ZERO, "nothing is waited for in place");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_left_is_definite_and_is_not_repeated_here() {
    let stage = stage();
    stage.script.then(Line::Fail(TransportError::NeverSent(NetworkFault::Connect)));
    let error = place(&stage).await.unwrap_err();
    assert_eq!((error.remedy, error.status), (Remedy::Retry, None));
    assert_eq!(stage.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_change_is_definite_and_says_until_when() {
    let stage = stage();
    stage.script.then(throttled("57"));
    let error = swap(&stage).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(57)) });
    assert!(error.is_definite());
    assert_eq!(stage.gate.throttled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_429_without_header_tells_its_seconds_in_words() {
    let stage = stage();
    stage.script.then(answer(429, fixture!("throttled")));
    let error = swap(&stage).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(57)) });
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_change_is_a_conflict() {
    let lines: [fn() -> Line; 4] =
        [|| answer(400, fixture!("error")), || answer(412, ""), || fault(417, 800_036), || answer(409, "")];
    for line in lines {
        let stage = stage();
        let current = current(&stage).await;
        stage.script.then(line());
        assert_eq!(suspend(&stage, &current).await.unwrap_err().remedy, Remedy::Conflict);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_already_is_waited_for() {
    let stage = stage();
    stage.script.then(fault(409, 800_060));
    assert_eq!(place(&stage).await.unwrap_err().remedy, Remedy::Wait);
    let current = current(&stage).await;
    stage.script.then(fault(409, 900_278));
    assert_eq!(suspend(&stage, &current).await.unwrap_err().remedy, Remedy::Wait);
}

#[tokio::test(start_paused = true)]
async fn license_failures_are_known_by_their_text() {
    let text = |words: &str| answer(400, json!({"code": 99, "description": words, "data": []}).to_string());
    let data = |words: &str| answer(400, json!({"description": "x", "data": [words]}).to_string());
    let cases = [
        (answer(400, fixture!("error_out_of_licenses")), LicenseFailure::OutOfLicenses, Remedy::Wait),
        (fault(400, 60012), LicenseFailure::OutOfLicenses, Remedy::Wait),
        (text("... with invalid usage location."), LicenseFailure::UsageLocation, Remedy::Refused),
        (
            data("... is inherited from a group membership ..."),
            LicenseFailure::GroupInherited,
            Remedy::Refused,
        ),
        (text("... are mutually exclusive."), LicenseFailure::MutuallyExclusive, Remedy::Refused),
        (data("... depends on the service plan(s) y."), LicenseFailure::Dependency, Remedy::Refused),
        (text("User does not have a corresponding license."), LicenseFailure::NotHeld, Remedy::Conflict),
        (text("LicenseAssignmentAttributeConcurrencyException"), LicenseFailure::Concurrency, Remedy::Retry),
    ];
    for (line, failure, remedy) in cases {
        let stage = stage();
        stage.script.then(line);
        let error = swap(&stage).await.unwrap_err();
        assert_eq!((error.license_failure, error.remedy), (Some(failure), remedy), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_about_licenses_mean_nothing_in_an_order() {
    let stage = stage();
    stage.script.then(answer(400, r#"{"code":99,"description":"no available licenses"}"#));
    let error = place(&stage).await.unwrap_err();
    assert_eq!((error.license_failure, error.remedy), (None, Remedy::Person));
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_something_else_sends_nothing() {
    let stage = stage();
    let other_family = stage.permit(Family::Licenses).await;
    let other_customer = stage.client.permit(Family::Orders, USER, Purpose::Forward, Timestamp::MAX).await;
    for permit in [other_family, other_customer] {
        let error = stage.client.place_order(permit, intent(1), CUSTOMER, &order()).await.unwrap_err();
        assert_eq!((error.problem, error.remedy), (Problem::WrongPermit, Remedy::Person));
    }
    assert!(stage.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_permit_from_before_the_pause_is_void() {
    let stage = stage();
    let permit = stage.permit(Family::Orders).await;
    stage.gate.pause();
    let error = stage.client.place_order(permit, intent(1), CUSTOMER, &order()).await.unwrap_err();
    assert_eq!((error.problem, error.remedy), (Problem::Paused, Remedy::Throttled { after: None }));
    assert!(stage.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_is_stopped_even_while_its_token_is_being_made() {
    let stage = stage();
    stage.script.login(Line::Slow(Duration::from_secs(2), response(200, fixture!("token_app_only"))));
    let permit = stage.permit(Family::Orders).await;
    let order = order();
    let placing = stage.client.place_order(permit, intent(1), CUSTOMER, &order);
    let pausing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.gate.pause();
    };
    let (placed, ()) = futures::join!(placing, pausing);
    assert_eq!(placed.unwrap_err().problem, Problem::Paused);
    assert!(stage.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_token_came_after_its_permission_had_ended_is_not_sent() {
    let stage = stage();
    let ends = later(stage.timer.now(), 60);
    let token = response(200, fixture!("token_app_only"));
    stage.script.login(Line::Slow(Duration::from_secs(60), token));
    let permit = stage.client.permit(Family::Orders, CUSTOMER, Purpose::Forward, ends).await;
    let error = stage.client.place_order(permit, intent(1), CUSTOMER, &order()).await.unwrap_err();
    assert_eq!((&error.problem, error.remedy), (&Problem::TooLate, Remedy::Retry));
    assert!(error.is_definite() && stage.script.sent().is_empty());

    let ends = later(stage.timer.now(), 1);
    stage.script.then(answer(201, fixture!("place_order")));
    let permit = stage.client.permit(Family::Orders, CUSTOMER, Purpose::Forward, ends).await;
    stage.client.place_order(permit, intent(1), CUSTOMER, &order()).await.unwrap();
}

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

//! Tokens.

use http::Method;

use super::stage::{CUSTOMER, Stage};

const CLIENT: &str = "client_id=5ea75a1f-7000-4000-8000-000000000001&client_secret=simulated-secret";

#[tokio::test(start_paused = true)]
async fn each_redemption_answers_a_new_refresh_token_and_an_older_one_dies_when_its_successor_is_used() {
    let stage = Stage::plain().await;
    let redeem = |token: String| {
        let form = format!("{CLIENT}&grant_type=refresh_token&refresh_token={token}");
        let stage = &stage;
        async move { stage.token(&form).await }
    };
    let first = redeem("simulated-refresh-token-0".into()).await;
    let second = first.body["refresh_token"].as_str().expect("a refresh token").to_owned();
    assert_eq!(
        redeem("simulated-refresh-token-0".into()).await.status,
        200,
        "its successor is not in use yet"
    );
    assert_eq!(redeem(second.clone()).await.status, 200);
    let old = redeem("simulated-refresh-token-0".into()).await;
    assert_eq!((old.status, old.body["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(redeem(second).await.status, 200, "the newest that was redeemed stays good");
}

#[tokio::test(start_paused = true)]
async fn an_access_token_lives_an_hour() {
    let stage = Stage::plain().await;
    assert_eq!(stage.get("/customers").await.status, 200);
    stage.pass(3601).await;
    let answer = stage.get("/customers").await;
    assert_eq!(answer.refusal(), (401, 400));
    assert!(answer.headers.contains_key("www-authenticate"));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_lives_ninety_days() {
    let stage = Stage::plain().await;
    let code = stage.token(&format!("{CLIENT}&grant_type=authorization_code&code=simulated-code")).await;
    let token = code.body["refresh_token"].as_str().expect("a refresh token").to_owned();
    stage.pass(90 * 86_400).await;
    let late = stage.token(&format!("{CLIENT}&grant_type=refresh_token&refresh_token={token}")).await;
    assert_eq!(late.body["error"], "invalid_grant");
}

#[tokio::test(start_paused = true)]
async fn numbers_of_a_token_answer_are_text() {
    let stage = Stage::plain().await;
    let answer = stage.token(&format!("{CLIENT}&grant_type=client_credentials")).await;
    assert_eq!(answer.body["expires_in"], "3600");
    assert_eq!(answer.body["token_type"], "Bearer");
    assert!(answer.body.get("refresh_token").is_none(), "an application alone has none");
}

#[tokio::test(start_paused = true)]
async fn wrong_secrets_applications_tenants_codes_and_audiences_are_refused() {
    let stage = Stage::plain().await;
    let cases = [
        (
            "client_id=5ea75a1f-7000-4000-8000-000000000001&client_secret=no&grant_type=client_credentials",
            "invalid_client",
        ),
        (
            "client_id=5ea75a1f-7000-4000-8000-000000000002&client_secret=simulated-secret",
            "unauthorized_client",
        ),
        (&format!("{CLIENT}&grant_type=authorization_code&code=other"), "invalid_grant"),
        (&format!("{CLIENT}&grant_type=password"), "unsupported_grant_type"),
        (
            &format!("{CLIENT}&grant_type=client_credentials&resource=https%3A%2F%2Fother.example"),
            "invalid_resource",
        ),
    ];
    for (form, error) in cases {
        assert_eq!(stage.token(form).await.body["error"], error, "{form}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_historic_audience_is_a_reading() {
    let form = format!("{CLIENT}&grant_type=client_credentials&resource=https%3A%2F%2Fgraph.windows.net");
    assert_eq!(Stage::plain().await.token(&form).await.status, 200);
    let stage = Stage::with(|world| world["readings"]["graph_audience_accepted"] = false.into()).await;
    assert_eq!(stage.token(&form).await.body["error"], "invalid_resource");
}

#[tokio::test(start_paused = true)]
async fn a_device_code_is_approved_at_once() {
    let stage = Stage::plain().await;
    let form = "client_id=5ea75a1f-7000-4000-8000-000000000001&grant_type=device_code&device_code=simulated-device-code";
    let answer = stage.token(form).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["refresh_token"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_application_alone_may_not_read_the_directory() {
    let stage = Stage::plain().await;
    let paths = [
        "/users".to_owned(),
        "/subscribedskus".to_owned(),
        format!("/users/{}/licenses", super::stage::ALICE),
        format!("/subscriptions/{}/provisioningstatus", super::stage::OLD),
    ];
    for path in paths {
        let path = format!("/customers/{CUSTOMER}{path}");
        let answer = stage.call_as(&stage.app, Method::GET, &path, &[], None).await;
        assert_eq!(answer.refusal(), (403, 900_329), "{path}");
        assert_eq!(stage.get(&path).await.status, 200, "{path}");
    }
    let path = format!("/customers/{CUSTOMER}/subscriptions");
    assert_eq!(stage.call_as(&stage.app, Method::GET, &path, &[], None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_token_is_told_so() {
    let stage = Stage::plain().await;
    let request = http::Request::get("/v1/customers").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(stage.send(request).await.refusal(), (401, 800_001));
}

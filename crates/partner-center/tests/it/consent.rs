//! How the first refresh token comes about.

use std::sync::Arc;
use std::time::Duration;

use seatshift_partner_center::{Consent, LoginProblem, Timer, Transport, Unobserved};
use secrecy::ExposeSecret;
use url::Url;

use crate::script::{PausedTimer, Script, answer, config, fixture};

fn consent() -> (Arc<Script>, Arc<PausedTimer>, Consent) {
    let script = Arc::new(Script::default());
    let timer = PausedTimer::new();
    let transport: Arc<dyn Transport> = Arc::clone(&script) as _;
    let clock: Arc<dyn Timer> = Arc::clone(&timer) as _;
    (script, timer, Consent::new(config(), transport, clock, Arc::new(Unobserved)))
}

fn redirect() -> Url {
    Url::parse("http://localhost:8400/").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_browsers_code_becomes_a_refresh_token() {
    let (script, _, consent) = consent();
    let url = consent.authorize_url(&redirect(), "state-1").unwrap();
    assert_eq!(url.path(), "/partner.example/oauth2/authorize");
    let asked: Vec<_> = url.query_pairs().collect();
    assert!(asked.contains(&("redirect_uri".into(), "http://localhost:8400/".into())));
    assert!(asked.contains(&("state".into(), "state-1".into())));
    script.login(answer(200, fixture!("token_app_user")));
    let token = consent.redeem(&"code-1".into(), &redirect()).await.unwrap();
    assert_eq!(token.expose_secret(), "invented-refresh-token-2");
    let sent = String::from_utf8(script.logins()[0].body.to_vec()).unwrap();
    assert!(sent.contains("grant_type=authorization_code") && sent.contains("&code=code-1&"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_code_is_redeemed_once() {
    let (script, _, consent) = consent();
    script.login(answer(503, ""));
    assert_eq!(consent.redeem(&"code-1".into(), &redirect()).await.unwrap_err(), LoginProblem::Unreachable);
    assert_eq!(script.logins().len(), 1);
}

const DEVICE: &str = r#"{"device_code":"device-secret","user_code":"ABCD-1234",
    "verification_uri":"https://login.example/device","interval":5,"expires_in":"60"}"#;

#[tokio::test(start_paused = true)]
async fn a_device_waits_for_its_person_at_the_pace_it_is_told() {
    let (script, timer, consent) = consent();
    script.login(answer(200, DEVICE));
    let device = consent.begin().await.unwrap();
    assert_eq!(
        (device.code.as_str(), device.address.as_str()),
        ("ABCD-1234", "https://login.example/device")
    );
    assert!(!format!("{device:?}").contains("device-secret"));
    script
        .login(answer(400, r#"{"error":"authorization_pending"}"#))
        .login(answer(400, r#"{"error":"slow_down"}"#))
        .login(answer(200, fixture!("token_app_user")));
    let token = consent.finish(&device).await.unwrap();
    assert_eq!(token.expose_secret(), "invented-refresh-token-2");
    assert_eq!(timer.elapsed(), Duration::from_secs(5 + 5 + 10));
}

#[tokio::test(start_paused = true)]
async fn a_device_stops_at_a_refusal_and_at_the_end_of_its_code() {
    let (script, timer, consent) = consent();
    script.login(answer(200, DEVICE)).login(answer(400, r#"{"error":"authorization_declined"}"#));
    let device = consent.begin().await.unwrap();
    let error = consent.finish(&device).await.unwrap_err();
    assert_eq!(error.to_string(), "the login authority answered `authorization_declined`");
    for _ in 0..20 {
        script.login(answer(400, r#"{"error":"authorization_pending"}"#));
    }
    let error = consent.finish(&device).await.unwrap_err();
    assert_eq!(error.to_string(), "the login authority answered `expired_token`");
    assert!(timer.elapsed() <= Duration::from_secs(65));
}

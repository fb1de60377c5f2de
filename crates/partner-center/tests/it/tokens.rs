//! Tokens: two kinds, had once, renewed early, stored before use.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, join_all};
use seatshift_partner_center::{
    Family, LicenseUpdate, LoginProblem, MemoryTokens, NetworkFault, Problem, RefreshTokens, RefreshTurn,
    Remedy, TokenStoreError, TokenUse, TransportError,
};
use secrecy::{ExposeSecret, SecretString};

use crate::script::{
    CUSTOMER, Line, Stage, USER, answer, config, fault, fixture, intent, response, stage, staged, throttled,
};

/// A store that takes its time, can fail, and writes down what happened.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    token: Option<SecretString>,
    stored: Vec<String>,
    failures: u32,
}

impl Slow {
    fn holding(token: &str) -> Self {
        let slow = Self::default();
        slow.0.lock().unwrap().token = Some(token.into());
        slow
    }

    fn stored(&self) -> Vec<String> {
        self.0.lock().unwrap().stored.clone()
    }
}

impl RefreshTokens for Slow {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>> {
        async { Ok(self.0.lock().unwrap().token.clone()) }.boxed()
    }

    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut kept = self.0.lock().unwrap();
            if kept.failures > 0 {
                kept.failures -= 1;
                return Err(TokenStoreError::new("the disk is full"));
            }
            kept.stored.push(new.expose_secret().to_owned());
            kept.token = Some(new);
            Ok(())
        }
        .boxed()
    }
}

fn users(stage: &Stage) {
    stage.script.then(answer(200, fixture!("users")));
}

#[tokio::test(start_paused = true)]
async fn both_flows_ask_as_documented() {
    let stage = stage();
    users(&stage);
    stage.script.then(answer(200, fixture!("customer")));
    stage.client.users(CUSTOMER, None).await.unwrap();
    stage.client.customer(CUSTOMER).await.unwrap();
    let asked = stage.script.logins();
    assert_eq!(asked[0].uri, "https://login.microsoftonline.com/partner.example/oauth2/token");
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        std::str::from_utf8(&asked[0].body).unwrap(),
        "resource=https%3A%2F%2Fapi.partnercenter.microsoft.com&client_id=app-id&client_secret=app-secret\
         &grant_type=refresh_token&refresh_token=invented-refresh-token-1&scope=openid"
    );
    assert_eq!(
        std::str::from_utf8(&asked[1].body).unwrap(),
        "resource=https%3A%2F%2Fgraph.windows.net&client_id=app-id&client_secret=app-secret\
         &grant_type=client_credentials"
    );
    let families: Vec<_> = stage.records.all().iter().map(|call| (call.family, call.operation)).collect();
    assert_eq!(families[0], (Family::Login, "token_app_user"));
}

#[tokio::test(start_paused = true)]
async fn a_config_may_want_a_persons_token_for_everything() {
    let mut config = config();
    config.token_use = TokenUse::AppUserForAll;
    let stage = staged(config, Arc::new(MemoryTokens::new("r".into())));
    stage.script.then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.only().header("authorization"), Some("Bearer invented-user-token"));
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_token() {
    let stage = stage();
    stage.script.login(Line::Slow(Duration::from_secs(3), response(200, fixture!("token_app_user"))));
    for _ in 0..20 {
        users(&stage);
    }
    let calls = (0..20).map(|_| stage.client.users(CUSTOMER, None));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(stage.script.logins().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_new_refresh_token_is_stored_before_the_access_token_is_used() {
    let store = Slow::holding("invented-refresh-token-1");
    let stage = staged(config(), Arc::new(store.clone()));
    users(&stage);
    let client = stage.client.clone();
    let call = tokio::spawn(async move { client.users(CUSTOMER, None).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stage.script.logins().len(), 1, "the token was given");
    assert!(stage.script.sent().is_empty(), "and is not used while its refresh token is not stored");
    call.await.unwrap().unwrap();
    assert_eq!(store.stored(), ["invented-refresh-token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_lose_the_new_refresh_token() {
    let store = Slow::holding("invented-refresh-token-1");
    let stage = staged(config(), Arc::new(store.clone()));
    let given_up = tokio::time::timeout(Duration::from_millis(500), stage.client.users(CUSTOMER, None)).await;
    assert!(given_up.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(store.stored(), ["invented-refresh-token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_could_not_be_stored_is_stored_first_at_the_next_try() {
    let store = Slow::holding("invented-refresh-token-1");
    store.0.lock().unwrap().failures = 1;
    let stage = staged(config(), Arc::new(store.clone()));
    let error = stage.client.users(CUSTOMER, None).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Person);
    assert!(matches!(error.problem, Problem::Login(LoginProblem::Store(_))), "{error}");
    assert!(stage.script.sent().is_empty());
    users(&stage);
    stage.client.users(CUSTOMER, None).await.unwrap();
    let used = String::from_utf8(stage.script.logins()[1].body.to_vec()).unwrap();
    assert!(used.contains("refresh_token=invented-refresh-token-2"), "{used}");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_at_four_fifths_of_its_life() {
    let stage = stage();
    for _ in 0..3 {
        stage.script.then(answer(200, fixture!("customer")));
    }
    stage.client.customer(CUSTOMER).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2879)).await;
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_renewed_five_minutes_before_its_end() {
    let stage = stage();
    stage.script.login(answer(200, r#"{"access_token":"a","expires_in":900}"#));
    stage.script.then(answer(200, fixture!("customer"))).then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_does_no_harm_while_the_old_token_is_good() {
    let stage = stage();
    stage.script.then(answer(200, fixture!("customer"))).then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3000)).await;
    for _ in 0..3 {
        stage.script.login(answer(503, ""));
    }
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 4);
    // And it is not tried at each call.
    stage.script.then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_401_renews_the_token_once_and_repeats_a_read() {
    let stage = stage();
    stage.script.login(answer(200, r#"{"access_token":"stale","expires_in":"3600"}"#));
    stage.script.then(fault(401, 400)).then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    let bearers: Vec<_> =
        stage.script.sent().iter().map(|s| s.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(bearers, ["Bearer stale", "Bearer invented-access-token"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_turned_down_too_goes_to_a_person() {
    let stage = stage();
    stage.script.then(fault(401, 400)).then(fault(401, 400));
    let error = stage.client.customer(CUSTOMER).await.unwrap_err();
    assert_eq!((error.remedy, error.problem), (Remedy::Person, LoginProblem::Rejected.into()));
}

#[tokio::test(start_paused = true)]
async fn rejections_with_good_answers_between_them_do_not_add_up() {
    let stage = stage();
    for _ in 0..4 {
        stage.script.then(fault(401, 400)).then(answer(200, fixture!("customer")));
        stage.client.customer(CUSTOMER).await.unwrap();
    }
    assert_eq!(stage.script.logins().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_changing_call_answered_with_401_was_not_carried_out_and_is_not_repeated() {
    let stage = stage();
    stage.script.then(fault(401, 400));
    let permit = stage.permit(Family::Licenses).await;
    let update = LicenseUpdate::default();
    let error = stage.client.update_licenses(permit, intent(1), CUSTOMER, USER, &update).await.unwrap_err();
    assert_eq!((error.remedy, error.is_definite()), (Remedy::Retry, true));
    assert_eq!(stage.script.sent().len(), 1);
    // The next attempt has another token.
    stage.script.then(answer(201, fixture!("update_licenses")));
    let permit = stage.permit(Family::Licenses).await;
    stage.client.update_licenses(permit, intent(2), CUSTOMER, USER, &update).await.unwrap();
    assert_eq!(stage.script.logins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_consent_a_person_must_log_in() {
    let stage = staged(config(), Arc::new(MemoryTokens::default()));
    let error = stage.client.users(CUSTOMER, None).await.unwrap_err();
    assert_eq!((error.remedy, error.problem), (Remedy::Person, LoginProblem::NoRefreshToken.into()));
    assert!(stage.script.logins().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_has_ended_says_so() {
    let stage = stage();
    stage.script.login(answer(400, fixture!("token_error")));
    let error = stage.client.users(CUSTOMER, None).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Person);
    assert!(error.to_string().contains("`invalid_grant` (AADSTS70008)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn trouble_at_the_authority_leaves_a_change_unsent() {
    let lines: [fn() -> Line; 4] = [
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)),
        || answer(503, ""),
        || answer(200, "<html>"),
        || throttled("90"),
    ];
    for line in lines {
        let stage = stage();
        for _ in 0..3 {
            stage.script.login(line());
        }
        let permit = stage.permit(Family::Licenses).await;
        let update = LicenseUpdate::default();
        let error =
            stage.client.update_licenses(permit, intent(1), CUSTOMER, USER, &update).await.unwrap_err();
        assert!(error.is_definite() && matches!(error.problem, Problem::Login(_)), "{error}");
        assert!(matches!(error.remedy, Remedy::Retry | Remedy::Throttled { .. }), "{error}");
        assert!(stage.script.sent().is_empty());
    }
}

/// A shared token, whose turn went to somebody else while we were frozen.
#[derive(Debug)]
struct Overtaken(MemoryTokens);

impl RefreshTokens for Overtaken {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>> {
        self.0.load()
    }

    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        self.0.store(new)
    }

    fn turn(&self) -> BoxFuture<'_, Result<RefreshTurn, TokenStoreError>> {
        async { Ok(RefreshTurn::holding((), |()| true)) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_not_redeemed_out_of_turn() {
    let stage = staged(config(), Arc::new(Overtaken(MemoryTokens::new("r".into()))));
    let error = stage.client.users(CUSTOMER, None).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Retry);
    assert!(stage.script.logins().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_token_longer_than_one_failing_renewal_takes() {
    let stage = stage();
    for _ in 0..3 {
        stage.script.login(Line::Slow(Duration::from_secs(50), response(503, "")));
    }
    let update = LicenseUpdate::default();
    let calls = (0..20).map(|number| {
        let (stage, update) = (&stage, &update);
        async move {
            let permit = stage.permit(Family::Licenses).await;
            stage.client.update_licenses(permit, intent(number), CUSTOMER, USER, update).await
        }
    });
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap_err().problem, LoginProblem::Unreachable.into());
    }
    assert_eq!(stage.script.logins().len(), 3, "the tries of one renewal");
    assert!(stage.timer.elapsed() < Duration::from_secs(170));

    // Whoever comes later asks anew.
    stage.script.then(answer(201, fixture!("update_licenses")));
    let permit = stage.permit(Family::Licenses).await;
    stage.client.update_licenses(permit, intent(30), CUSTOMER, USER, &update).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn secrets_are_never_printed() {
    let stage = stage();
    users(&stage);
    stage.client.users(CUSTOMER, None).await.unwrap();
    let printed = format!("{:?}", stage.client);
    for secret in ["app-secret", "invented-user-token", "invented-refresh-token"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

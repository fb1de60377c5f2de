//! Reading through somebody else's login: both ends, joined by what goes over the wire.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use seatshift_partner_center::{
    LoginProblem, MemoryTokens, NetworkFault, NotRelayed, Problem, Purpose, Reader, Relay, RelayedAnswer,
    RelayedRead, Remedy, TokenBuckets, TransportError,
};
use uuid::Uuid;

use crate::script::{
    CUSTOMER, Line, Stage, answer, config, fault, fixture, intent, stage, staged, throttled,
};

/// To the reader of a stage, by way of JSON.
#[derive(Debug)]
struct Wire(Reader);

impl Relay for Wire {
    fn read(&self, read: RelayedRead) -> BoxFuture<'_, Result<RelayedAnswer, TransportError>> {
        async move {
            let read = serde_json::from_slice(&serde_json::to_vec(&read).unwrap()).unwrap();
            let answer = self.0.relay(&read).await.unwrap();
            Ok(serde_json::from_slice(&serde_json::to_vec(&answer).unwrap()).unwrap())
        }
        .boxed()
    }
}

/// Nobody is there.
#[derive(Debug)]
struct Nobody;

impl Relay for Nobody {
    fn read(&self, _: RelayedRead) -> BoxFuture<'_, Result<RelayedAnswer, TransportError>> {
        async { Err(TransportError::NeverSent(NetworkFault::Connect)) }.boxed()
    }
}

fn over(stage: &Stage, relay: impl Relay + 'static) -> Reader {
    let gate = TokenBuckets::new(Arc::clone(&stage.timer) as _);
    Reader::relayed(config(), Arc::new(relay), Arc::new(gate), Arc::clone(&stage.timer) as _)
}

fn reader(stage: &Stage) -> Reader {
    over(stage, Wire(stage.client.reader().clone()))
}

#[tokio::test(start_paused = true)]
async fn a_relayed_read_says_what_an_own_one_says_and_is_logged_where_the_login_is() {
    let (own, relayed) = (stage(), stage());
    for stage in [&own, &relayed] {
        stage.script.then(answer(200, fixture!("customer")));
    }
    let expected = own.client.customer(CUSTOMER).await.unwrap();
    let told = reader(&relayed).correlated(intent(1)).for_purpose(Purpose::Plan).customer(CUSTOMER).await;
    assert_eq!(format!("{:?}", told.unwrap()), format!("{expected:?}"));
    assert!(relayed.script.only().header("authorization").unwrap().starts_with("Bearer "));
    let call = &relayed.records.calls()[0];
    assert_eq!(
        (call.correlation_id, call.purpose, call.customer),
        (intent(1), Purpose::Plan, Some(CUSTOMER))
    );
    assert_eq!(relayed.gate.granted(), 1, "the quota is that of the side that calls");
}

#[tokio::test(start_paused = true)]
async fn failures_are_judged_as_if_the_call_were_ones_own() {
    for line in [
        || fault(403, 900_329),
        || fault(404, 1000),
        || throttled("57"),
        || Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)),
        || answer(200, "<html>signed out</html>"),
    ] as [fn() -> Line; 5]
    {
        let (own, relayed) = (stage(), stage());
        for stage in [&own, &relayed] {
            for _ in 0..3 {
                stage.script.then(line());
            }
        }
        let expected = own.client.customer(CUSTOMER).await.unwrap_err();
        let told = reader(&relayed).customer(CUSTOMER).await.unwrap_err();
        assert_eq!((told.remedy, told.status, told.code), (expected.remedy, expected.status, expected.code));
        assert_eq!(told.problem, expected.problem);
        assert_eq!(relayed.script.sent().len(), own.script.sent().len(), "repeated as often");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_turned_down_is_renewed_by_the_side_that_has_the_login() {
    let stage = stage();
    stage.script.then(answer(401, "")).then(answer(200, fixture!("customer")));
    reader(&stage).customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.script.logins().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_lack_of_a_login_is_told() {
    let stage = staged(config(), Arc::new(MemoryTokens::default()));
    let reader = reader(&stage);
    let error = reader.sign_in().await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Person);
    assert_eq!(error.problem, Problem::Login(LoginProblem::NoRefreshToken));
    let error = reader.subscribed_skus(CUSTOMER).await.unwrap_err();
    assert_eq!(error.problem, Problem::Login(LoginProblem::NoRefreshToken));
    assert!(stage.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_is_trouble_of_the_network() {
    let stage = stage();
    let error = over(&stage, Nobody).customer(CUSTOMER).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Retry);
    assert_eq!(error.problem, Problem::Network(TransportError::NeverSent(NetworkFault::Connect)));
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_reads_of_this_client_is_made_for_others() {
    let stage = stage();
    let read = |target: &str, purpose| RelayedRead {
        target: target.to_owned(),
        continuation: None,
        purpose,
        request_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        attempt: 1,
    };
    let reader = stage.client.reader();
    let invoices = reader.relay(&read("/v1/invoices", Purpose::Read)).await.unwrap_err();
    assert_eq!(invoices, NotRelayed::Target("/v1/invoices".to_owned()));
    let forward = reader.relay(&read("/v1/customers", Purpose::Forward)).await.unwrap_err();
    assert_eq!(forward, NotRelayed::Purpose);
    assert!(stage.script.sent().is_empty() && stage.script.logins().is_empty());
}

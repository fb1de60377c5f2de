//! Repeating reads in place.

use std::sync::Arc;
use std::time::Duration;

use seatshift_partner_center::{NetworkFault, Purpose, Remedy, TransportError};

use crate::script::{CUSTOMER, Line, answer, config, fixture, stage, staged, throttled};

#[tokio::test(start_paused = true)]
async fn a_read_survives_two_faults_of_any_kind() {
    let stage = stage();
    stage
        .script
        .then(Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)))
        .then(answer(503, "<html>"))
        .then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    let calls = stage.records.calls();
    assert_eq!(calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [None, Some(503), Some(200)]);
    assert_eq!(
        stage.timer.elapsed(),
        Duration::from_millis(200 + 400),
        "half of 400 ms and of 800 ms were drawn"
    );
    assert_eq!(calls[0].correlation_id, calls[2].correlation_id);
    assert_ne!(calls[0].request_id, calls[2].request_id);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_gateway_with_status_200_is_asked_for_again() {
    let stage = stage();
    stage.script.then(answer(200, "<html>signed out</html>")).then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn three_tries_are_all() {
    let stage = stage();
    for _ in 0..4 {
        stage.script.then(answer(500, ""));
    }
    let error = stage.client.customer(CUSTOMER).await.unwrap_err();
    assert_eq!((error.remedy, error.status), (Remedy::Retry, Some(500)));
    assert_eq!(stage.script.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_short_retry_after_is_waited_out_to_the_second() {
    let stage = stage();
    stage.script.then(throttled("7")).then(answer(200, fixture!("customer")));
    stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.timer.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_comes_back_at_once() {
    let stage = stage();
    stage.script.then(throttled("57"));
    let error = stage.client.customer(CUSTOMER).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(57)) });
    assert_eq!(stage.timer.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_read_for_a_plan_waits_longer() {
    let stage = stage();
    stage.script.then(throttled("57")).then(answer(200, fixture!("customer")));
    stage.client.for_purpose(Purpose::Plan).customer(CUSTOMER).await.unwrap();
    assert_eq!(stage.timer.elapsed(), Duration::from_secs(57));
}

#[tokio::test(start_paused = true)]
async fn two_waits_that_are_too_long_together_are_not_both_made() {
    let stage = stage();
    stage.script.then(throttled("6")).then(throttled("6"));
    let error = stage.client.customer(CUSTOMER).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(6)) });
    assert_eq!(stage.timer.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn waits_are_spread_by_the_source_that_is_handed_in() {
    for (fraction, expected) in [(0.0, 0), (0.25, 300)] {
        let mut config = config();
        config.jitter = Arc::new(move || fraction);
        let stage = staged(config, Arc::new(seatshift_partner_center::MemoryTokens::default()));
        stage.script.then(answer(500, "")).then(answer(500, "")).then(answer(200, fixture!("customer")));
        stage.client.customer(CUSTOMER).await.unwrap();
        assert_eq!(stage.timer.elapsed(), Duration::from_millis(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_repeated() {
    let stage = stage();
    stage.script.then(crate::script::fault(404, 1000));
    let error = stage.client.customer(CUSTOMER).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.remedy, Remedy::Refused);
}

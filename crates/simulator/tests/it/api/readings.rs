//! What a repeated request id means, and the other readings of the wire itself.

use http::Method;
use serde_json::json;

use super::stage::{ALICE, Answer, CUSTOMER, NEW_OFFER, OLD, OLD_SKU, Stage, an_order, one_fault};

const REQUEST: &str = "e0000000-0000-4000-8000-000000000001";

async fn reading(reading: &str) -> Stage {
    Stage::with(|world| world["readings"]["repeated_request_id"] = reading.into()).await
}

async fn order(stage: &Stage) -> Answer {
    let path = format!("/customers/{CUSTOMER}/orders");
    stage.call(Method::POST, &path, &[("MS-RequestId", REQUEST)], Some(&an_order(NEW_OFFER, 1))).await
}

fn orders_placed(stage: &Stage) -> usize {
    let placed = |entry: &&seatshift_simulator::books::Entry| {
        matches!(entry.change, seatshift_simulator::books::Change::OrderPlaced { .. })
    };
    stage.changes().iter().filter(placed).count()
}

#[tokio::test(start_paused = true)]
async fn replay_answers_the_first_answer_and_buys_once() {
    let stage = reading("replay").await;
    let (first, second) = (order(&stage).await, order(&stage).await);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(orders_placed(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn ignore_buys_twice() {
    let stage = reading("ignore").await;
    assert_ne!(order(&stage).await.body["id"], order(&stage).await.body["id"]);
    assert_eq!(orders_placed(&stage), 2);
}

#[tokio::test(start_paused = true)]
async fn conflict_refuses_the_repeat() {
    let stage = reading("conflict").await;
    assert_eq!(order(&stage).await.status, 201);
    assert_eq!(order(&stage).await.refusal(), (409, 800_060));
    assert_eq!(orders_placed(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_an_order_still_under_way_is_told_so_and_buys_nothing() {
    for name in ["replay", "conflict"] {
        let stage = Stage::with(|world| {
            world["readings"]["repeated_request_id"] = name.into();
            world["faults"] = one_fault("place_order", json!({"kind": "lost_late", "seconds": 100}));
        })
        .await;
        assert!(order(&stage).await.lost);
        assert_eq!(order(&stage).await.refusal(), (409, 800_060), "{name}");
        stage.pass(100).await;
        assert_eq!(orders_placed(&stage), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_after_a_call_that_did_nothing_is_carried_out_in_every_reading() {
    for name in ["replay", "ignore", "conflict"] {
        let stage = Stage::with(|world| {
            world["readings"]["repeated_request_id"] = name.into();
            world["faults"] = one_fault("place_order", json!({"kind": "lost_before"}));
        })
        .await;
        assert!(order(&stage).await.lost);
        assert_eq!(order(&stage).await.status, 201, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn request_ids_of_patches_and_license_updates_are_read_alike() {
    for (name, swap, patch) in [("replay", 201, 200), ("ignore", 400, 400), ("conflict", 409, 409)] {
        let stage = reading(name).await;
        let path = format!("/customers/{CUSTOMER}/users/{ALICE}/licenseupdates");
        let body = json!({"licensesToRemove": [OLD_SKU]});
        stage.call(Method::POST, &path, &[("MS-RequestId", REQUEST)], Some(&body)).await;
        let again = stage.call(Method::POST, &path, &[("MS-RequestId", REQUEST)], Some(&body)).await;
        assert_eq!(again.status, swap, "{name}");

        let path = format!("/customers/{CUSTOMER}/subscriptions/{OLD}");
        let mut body = stage.get(&path).await.body;
        body["status"] = "suspended".into();
        let headers = [("MS-RequestId", "e0000000-0000-4000-8000-000000000002")];
        assert_eq!(stage.call(Method::PATCH, &path, &headers, Some(&body)).await.status, 200);
        assert_eq!(stage.call(Method::PATCH, &path, &headers, Some(&body)).await.status, patch, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn codes_travel_as_text_where_the_world_reads_it_so() {
    let stage = Stage::with(|world| world["readings"]["codes_as_strings"] = true.into()).await;
    assert_eq!(stage.order(super::stage::OLD_OFFER, 1).await.body["code"], "2091");
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_is_a_reading() {
    let stage = Stage::with(|world| world["readings"]["byte_order_mark"] = true.into()).await;
    let bytes = stage.get("/customers").await.bytes;
    assert!(bytes.starts_with(b"\xef\xbb\xbf{"));
    assert!(Stage::plain().await.get("/customers").await.bytes.starts_with(b"{"));
}

#[tokio::test(start_paused = true)]
async fn ids_and_locale_are_echoed() {
    let stage = Stage::plain().await;
    let headers = [("MS-RequestId", REQUEST), ("MS-CorrelationId", OLD)];
    let answer = stage.call(Method::GET, "/customers", &headers, None).await;
    assert_eq!(answer.headers["ms-requestid"], REQUEST);
    assert_eq!(answer.headers["ms-correlationid"], OLD);
    assert_eq!(answer.headers["x-locale"], "en-US");
}

//! Every kind of fault: what the caller sees, and what stands afterwards.

use serde_json::{Value, json};

use super::stage::{ALICE, NEW_OFFER, NEW_SKU, OLD, OLD_SKU, Stage, one_fault};

async fn with_fault(operation: &str, fault: Value) -> Stage {
    Stage::with(|world| world["faults"] = one_fault(operation, fault)).await
}

fn logged(stage: &Stage) -> Vec<(String, bool)> {
    stage.faults().into_iter().map(|(_, kind, after)| (kind, after)).collect()
}

fn said(kind: &str, after: bool) -> Vec<(String, bool)> {
    vec![(kind.to_owned(), after)]
}

#[tokio::test(start_paused = true)]
async fn a_server_error_comes_once_and_does_nothing() {
    let stage = with_fault("place_order", json!({"kind": "server_error", "status": 503})).await;
    assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (503, 800_003));
    assert_eq!(logged(&stage), said("server_error", false));
    assert_eq!(stage.changes().len(), 1, "the fault alone");
    assert_eq!(stage.order(NEW_OFFER, 1).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_speaks_html() {
    let stage = with_fault("list_subscriptions", json!({"kind": "gateway_page", "status": 502})).await;
    let answer = stage.read("/subscriptions").await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().ok()), (502, Some("text/html")));
    assert!(answer.bytes.starts_with(b"<html>"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_right_and_late() {
    let stage = with_fault("list_subscriptions", json!({"kind": "slow", "seconds": 17})).await;
    let before = tokio::time::Instant::now();
    assert_eq!(stage.read("/subscriptions").await.items().len(), 2);
    assert_eq!(before.elapsed().as_secs(), 17);
    assert_eq!(logged(&stage), said("slow", false));
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_caller_loses_patience_is_complete() {
    let stage = with_fault("change_subscription", json!({"kind": "slow", "seconds": 600})).await;
    let patch = stage.patch(OLD, json!({"status": "suspended"}));
    assert!(tokio::time::timeout(std::time::Duration::from_secs(5), patch).await.is_err());
    assert_eq!(stage.status(OLD).await, "suspended");
}

#[tokio::test(start_paused = true)]
async fn throttling_has_a_shape_of_its_own() {
    let stage = with_fault("list_users", json!({"kind": "throttled", "retry_after": 57})).await;
    let answer = stage.read("/users").await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().ok()), (429, Some("57")));
    let expected = json!({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds."});
    assert_eq!(answer.body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_etag_can_be_called_stale() {
    let stage = with_fault("change_subscription", json!({"kind": "stale_etag"})).await;
    assert_eq!(stage.patch(OLD, json!({"status": "suspended"})).await.refusal(), (400, 2055));
    assert_eq!(stage.status(OLD).await, "active");
    assert_eq!(stage.patch(OLD, json!({"status": "suspended"})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_change_is_done_later() {
    let stage = with_fault("change_subscription", json!({"kind": "accepted", "seconds": 60})).await;
    let answer = stage.patch(OLD, json!({"status": "suspended"})).await;
    assert_eq!((answer.status, answer.bytes.len()), (202, 0));
    let location = answer.headers["location"].to_str().expect("a location").to_owned();
    assert_eq!(stage.get(&location).await.body["status"], "active");
    stage.pass(60).await;
    assert_eq!(stage.get(&location).await.body["status"], "suspended");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_rules_forbid_is_not_accepted() {
    let stage = with_fault("change_subscription", json!({"kind": "accepted", "seconds": 60})).await;
    assert_eq!(stage.patch(OLD, json!({"quantity": 101})).await.refusal(), (400, 2002));
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_before_the_change_leaves_everything_as_it_was() {
    let stage = with_fault("update_licenses", json!({"kind": "lost_before"})).await;
    assert!(stage.swap(ALICE, &[], &[OLD_SKU]).await.lost);
    assert_eq!(stage.held(ALICE).await, [OLD_SKU]);
    assert_eq!(logged(&stage), said("lost_before", false));
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_change_leaves_it_done() {
    let stage = with_fault("place_order", json!({"kind": "lost_after"})).await;
    assert!(stage.order(NEW_OFFER, 1).await.lost);
    stage.pass(300).await;
    assert_eq!(stage.read("/orders").await.items().len(), 3);
    assert_eq!(logged(&stage), said("lost_after", true));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_refusal_is_no_change() {
    let stage = with_fault("place_order", json!({"kind": "lost_after"})).await;
    assert!(stage.order(super::stage::OLD_OFFER, 1).await.lost);
    assert_eq!(logged(&stage), said("lost_after", false));
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_can_land_later() {
    let stage = with_fault("update_licenses", json!({"kind": "lost_late", "seconds": 200})).await;
    assert!(stage.swap(ALICE, &[], &[OLD_SKU]).await.lost);
    stage.pass(199).await;
    assert_eq!(stage.held(ALICE).await, [OLD_SKU]);
    stage.pass(1).await;
    assert!(stage.held(ALICE).await.is_empty());
    assert_eq!(logged(&stage), said("lost_late", true));
}

#[tokio::test(start_paused = true)]
async fn a_late_change_of_a_subscription_is_fenced_by_a_newer_etag() {
    let stage = with_fault("change_subscription", json!({"kind": "lost_late", "seconds": 200})).await;
    assert!(stage.patch(OLD, json!({"status": "suspended"})).await.lost);
    assert_eq!(
        stage.patch(OLD, json!({"status": "active"})).await.status,
        200,
        "a write with the etag as it is"
    );
    stage.pass(200).await;
    assert_eq!(stage.status(OLD).await, "active");
}

#[tokio::test(start_paused = true)]
async fn a_late_change_that_nobody_fenced_lands() {
    let stage = with_fault("change_subscription", json!({"kind": "lost_late", "seconds": 200})).await;
    assert!(stage.patch(OLD, json!({"status": "suspended"})).await.lost);
    stage.pass(200).await;
    assert_eq!(stage.status(OLD).await, "suspended");
}

#[tokio::test(start_paused = true)]
async fn a_late_order_is_bought_beside_a_second_one_when_request_ids_mean_nothing() {
    let stage = Stage::with(|world| {
        world["faults"] = one_fault("place_order", json!({"kind": "lost_late", "seconds": 200}));
        world["readings"]["repeated_request_id"] = "ignore".into();
    })
    .await;
    assert!(stage.order(NEW_OFFER, 1).await.lost);
    assert_eq!(stage.order(NEW_OFFER, 1).await.status, 201);
    stage.pass(200 + 30 + 120).await;
    assert_eq!(stage.pool(NEW_SKU).await.map(|pool| pool.0), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_put_in_is_for_good_and_marked_as_final() {
    let refused = json!({"kind": "refused", "status": 400, "code": 27006, "description": "limit"});
    let stage = with_fault("place_order", refused).await;
    for _ in 0..4 {
        assert_eq!(stage.order(NEW_OFFER, 1).await.refusal(), (400, 27_006));
    }
    let marked = stage.changes().iter().all(|entry| {
        matches!(entry.change, seatshift_simulator::books::Change::FaultInjected { refusal: true, .. })
    });
    assert!(marked);
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_provisioning_fails_completes_without_seats() {
    let stage = with_fault("place_order", json!({"kind": "provisioning_fails"})).await;
    let order = stage.order(NEW_OFFER, 1).await.body["id"].as_str().expect("an id").to_owned();
    stage.pass(3000).await;
    let order = stage.read(&format!("/orders/{order}")).await.body;
    let subscription = order["lineItems"][0]["subscriptionId"].as_str().expect("a subscription").to_owned();
    let status = stage.read(&format!("/subscriptions/{subscription}/provisioningstatus")).await.body;
    assert_eq!((order["status"].as_str(), status["status"].as_str()), (Some("completed"), Some("failed")));
    assert_eq!(stage.pool(NEW_SKU).await, None);
}

#[tokio::test(start_paused = true)]
async fn injections_come_and_go_at_run_time() {
    let stage = Stage::plain().await;
    let injection =
        json!({"operation": "list_users", "times": 0, "fault": {"kind": "server_error", "status": 500}});
    assert_eq!(stage.post("/_simulator/injections", &injection).await.status, 204);
    for _ in 0..5 {
        assert_eq!(stage.read("/users").await.status, 500);
    }
    stage.call(http::Method::DELETE, "/_simulator/injections", &[], None).await;
    assert_eq!(stage.read("/users").await.status, 200);
    let counts = stage.get("/_simulator/faults").await.body;
    assert_eq!(
        counts,
        json!({"injected": 5, "by_kind": {"server_error": 5}, "after_the_change": 0, "refusals": 0})
    );
}

const MANY: u32 = 600;

/// An id of the small world as its n-th copy has it.
fn copy_of(text: &str, n: u32) -> String {
    text.replace("0000-4000-8000-", &format!("{n:04}-4000-8000-"))
        .replace("fabrikam", &format!("fabrikam{n}"))
}

/// Makes calls of several kinds at many customers; gives (calls, faults, changing calls, changes whose answer was lost,
/// refusals for good).
async fn share_of_faults(level: &str) -> (usize, usize, usize, usize, usize) {
    let mut world = super::stage::world();
    let one = world["customers"][0].to_string();
    let copies = (1..=MANY).map(|n| {
        let mut copy: Value = serde_json::from_str(&copy_of(&one, n)).expect("JSON");
        copy["subscriptions"][0]["offer"] = super::stage::OLD_OFFER.into();
        copy["subscriptions"][1]["offer"] = super::stage::ADD_ON_OFFER.into();
        copy
    });
    world["customers"] = copies.collect();
    world["faults"] = json!({"level": level});
    let stage = Stage::of(world).await;
    let (mut calls, mut changing) = (0, 0);
    for n in 1..=MANY {
        let id = |text: &str| copy_of(text, n);
        let customer = format!("/customers/{}", id(super::stage::CUSTOMER));
        for path in ["/subscriptions", "/users", "/subscribedskus"] {
            stage.get(&format!("{customer}{path}")).await;
            calls += 1;
        }
        stage.post(&format!("{customer}/orders"), &super::stage::an_order(NEW_OFFER, 1)).await;
        let swap = json!({"licensesToAssign": [{"skuId": OLD_SKU}]});
        stage.post(&format!("{customer}/users/{}/licenseupdates", id(ALICE)), &swap).await;
        calls += 2;
        changing += 2;
    }
    let faults = stage.changes().into_iter().filter_map(|entry| match entry.change {
        seatshift_simulator::books::Change::FaultInjected { refusal, after_the_change, .. } => {
            Some((refusal, after_the_change))
        }
        _ => None,
    });
    let faults: Vec<(bool, bool)> = faults.collect();
    let lost = faults.iter().filter(|(_, after)| *after).count();
    let refused = faults.iter().filter(|(refusal, _)| *refusal).count();
    (calls, faults.len(), changing, lost, refused)
}

#[tokio::test(start_paused = true)]
async fn hostile_disturbs_one_call_in_ten_and_loses_one_changing_answer_in_fifty_and_refuses_few() {
    let (calls, faults, changing, lost, refused) = share_of_faults("hostile").await;
    assert!(faults * 10 >= calls, "{faults} of {calls}");
    assert!(lost * 50 >= changing, "{lost} of {changing}");
    assert!((1..=20).contains(&refused), "{refused} of {MANY} customers");
}

#[tokio::test(start_paused = true)]
async fn light_has_about_a_third_of_it() {
    let (calls, faults, ..) = share_of_faults("light").await;
    assert!((calls / 40..=calls / 12).contains(&faults), "{faults} of {calls}");
}

#[tokio::test(start_paused = true)]
async fn the_same_calls_in_another_order_meet_the_same_faults() {
    let mut runs = Vec::new();
    for backwards in [false, true] {
        let stage = Stage::with(|world| world["faults"] = json!({"level": "hostile"})).await;
        let mut paths: Vec<String> = (0..60).map(|n| format!("/users?size={}", n % 3)).collect();
        paths.extend(
            ["/subscriptions", "/orders", "/subscribedskus"].iter().cycle().take(60).map(ToString::to_string),
        );
        if backwards {
            paths.reverse();
        }
        for path in &paths {
            stage.read(path).await;
        }
        let mut faults = stage.faults();
        faults.sort();
        runs.push(faults);
    }
    assert!(runs[0].len() > 5, "{runs:?}");
    assert_eq!(runs[0], runs[1]);
}

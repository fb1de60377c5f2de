//! Subscriptions: reading, changing, and what follows from a change.

use http::Method;
use seatshift_simulator::books::Change;
use serde_json::json;

use super::stage::{ADD_ON, ADD_ON_OFFER, ALICE, CUSTOMER, OLD, OLD_OFFER, OLD_SKU, Stage};

#[tokio::test(start_paused = true)]
async fn suspending_takes_the_seats_away_and_the_add_on_with_it() {
    let stage = Stage::plain().await;
    assert_eq!(stage.pool(OLD_SKU).await, Some((5, 3, 2, 0)));
    let answer = stage.patch(OLD, json!({"status": "suspended"})).await;
    assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("suspended")));
    assert_eq!(stage.pool(OLD_SKU).await, Some((0, 3, -3, 5)));
    assert_eq!(stage.status(ADD_ON).await, "suspended");
    let by_base: Vec<bool> = stage
        .changes()
        .into_iter()
        .filter_map(|entry| match entry.change {
            Change::SubscriptionChanged { by_base, .. } => Some(by_base),
            _ => None,
        })
        .collect();
    assert_eq!(by_base, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn reactivating_brings_the_seats_back_after_a_while_and_the_add_on_only_if_asked() {
    let stage = Stage::plain().await;
    stage.patch(OLD, json!({"status": "suspended"})).await;
    assert_eq!(stage.patch(ADD_ON, json!({"status": "active"})).await.refusal(), (409, 27_009));
    assert_eq!(stage.patch(OLD, json!({"status": "active"})).await.status, 200);
    assert_eq!(stage.pool(OLD_SKU).await.map(|pool| pool.0), Some(0));
    stage.pass(120).await;
    assert_eq!(stage.pool(OLD_SKU).await, Some((5, 3, 2, 0)));
    assert_eq!(stage.status(ADD_ON).await, "suspended");
    assert_eq!(stage.patch(ADD_ON, json!({"status": "active"})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn reactivation_restores_add_ons_where_the_world_reads_it_so() {
    let stage = Stage::with(|world| world["readings"]["reactivation_restores_add_ons"] = true.into()).await;
    stage.patch(OLD, json!({"status": "suspended"})).await;
    stage.patch(OLD, json!({"status": "active"})).await;
    assert_eq!(stage.status(ADD_ON).await, "active");
}

#[tokio::test(start_paused = true)]
async fn of_two_writers_with_one_etag_the_second_is_refused() {
    let stage = Stage::plain().await;
    let read = stage.read(&format!("/subscriptions/{OLD}")).await.body;
    assert_eq!(stage.patch_from(read.clone(), json!({"friendlyName": "First"})).await.status, 200);
    let second = stage.patch_from(read, json!({"friendlyName": "Second"})).await;
    assert_eq!(second.refusal(), (400, 2055));
    assert_eq!(stage.read(&format!("/subscriptions/{OLD}")).await.body["friendlyName"], "First");
}

#[tokio::test(start_paused = true)]
async fn a_stale_etag_is_412_where_the_world_reads_it_so() {
    let stage = Stage::with(|world| world["readings"]["stale_etag_is_412"] = true.into()).await;
    let read = stage.read(&format!("/subscriptions/{OLD}")).await.body;
    stage.patch_from(read.clone(), json!({"friendlyName": "First"})).await;
    assert_eq!(stage.patch_from(read, json!({"friendlyName": "Second"})).await.refusal(), (412, 2055));
}

#[tokio::test(start_paused = true)]
async fn the_header_alone_fences_too() {
    let stage = Stage::plain().await;
    let mut resource = stage.read(&format!("/subscriptions/{OLD}")).await.body;
    let etag = format!("\"{}\"", resource["attributes"]["etag"].as_str().expect("an etag"));
    resource["attributes"] = json!({});
    resource["friendlyName"] = "Renamed".into();
    let path = format!("/customers/{CUSTOMER}/subscriptions/{OLD}");
    let headers = [("If-Match", etag.as_str())];
    assert_eq!(stage.call(Method::PATCH, &path, &headers, Some(&resource)).await.status, 200);
    assert_eq!(stage.call(Method::PATCH, &path, &headers, Some(&resource)).await.refusal(), (400, 2055));
}

#[tokio::test(start_paused = true)]
async fn a_patch_without_any_etag_is_a_reading() {
    let stage = Stage::plain().await;
    assert_eq!(stage.patch(OLD, json!({"friendlyName": "x", "attributes": {}})).await.status, 200);
    let stage = Stage::with(|world| world["readings"]["patch_without_etag"] = false.into()).await;
    let answer = stage.patch(OLD, json!({"friendlyName": "x", "attributes": {}})).await;
    assert_eq!(answer.refusal(), (400, 2055));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_is_refused_with_its_code() {
    let stage = Stage::plain().await;
    let cases = [
        (json!({"quantity": 101}), (400, 2002)),
        (json!({"status": "deleted"}), (400, 800_040)),
        (json!({"billingCycle": "annual"}), (400, 2054)),
        (json!({"offerId": ADD_ON_OFFER}), (400, 3000)),
        (json!({"quantity": null}), (400, 3000)),
        (json!({"status": "gone"}), (400, 800_002)),
    ];
    for (change, refusal) in cases {
        assert_eq!(stage.patch(OLD, change.clone()).await.refusal(), refusal, "{change}");
    }
    stage.patch(OLD, json!({"status": "suspended"})).await;
    assert_eq!(stage.patch(OLD, json!({"quantity": 6})).await.refusal(), (400, 2001));
    assert_eq!(stage.patch(OLD, json!({"status": "suspended"})).await.refusal(), (400, 800_040));
    assert_eq!(stage.patch(OLD, json!({"friendlyName": "x"})).await.refusal(), (400, 800_091));
    let answer = stage.read(&format!("/subscriptions/{ALICE}")).await;
    assert_eq!(answer.refusal(), (404, 20_003));
}

#[tokio::test(start_paused = true)]
async fn seats_and_renewal_change_at_once_and_are_in_the_books() {
    let stage = Stage::plain().await;
    let answer = stage.patch(OLD, json!({"quantity": 9, "autoRenewEnabled": true})).await;
    assert_eq!(
        (answer.body["quantity"].as_u64(), answer.body["autoRenewEnabled"].as_bool()),
        (Some(9), Some(true))
    );
    assert_eq!(stage.pool(OLD_SKU).await.map(|pool| pool.0), Some(9));
    let change = stage.changes().into_iter().next().expect("a change");
    let Change::SubscriptionChanged { quantity, auto_renew, .. } = change.change else {
        panic!("{change:?}")
    };
    assert_eq!((quantity, auto_renew), ((5, 9), (false, true)));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_reads_as_the_contract_has_it() {
    let stage = Stage::plain().await;
    let body = stage.read(&format!("/subscriptions/{}", OLD.to_uppercase())).await.body;
    assert_eq!(body["id"], OLD.to_uppercase());
    assert_eq!(body["offerId"], OLD_OFFER.to_uppercase());
    assert_eq!(body["billingType"], "license");
    assert_eq!(body["commitmentEndDate"], "2019-12-31T00:00:00Z");
    assert_eq!(body["attributes"]["objectType"], "Subscription");
    assert!(body.get("parentSubscriptionId").is_none(), "what is null is left out");
    let add_ons = stage.read(&format!("/subscriptions/{OLD}/addons")).await;
    assert_eq!(add_ons.items()[0]["parentSubscriptionId"], OLD.to_uppercase());
}

#[tokio::test(start_paused = true)]
async fn provisioning_status_names_the_sku_and_lags_behind_a_change() {
    let stage = Stage::plain().await;
    stage.pass(10).await;
    let path = format!("/subscriptions/{OLD}/provisioningstatus");
    let body = stage.read(&path).await.body;
    assert_eq!(
        (body["skuId"].as_str(), body["status"].as_str()),
        (Some(OLD_SKU.to_uppercase().as_str()), Some("success"))
    );
    stage.patch(OLD, json!({"quantity": 6})).await;
    assert_eq!(stage.read(&path).await.body["status"], "pending");
    stage.pass(900).await;
    assert_eq!(stage.read(&path).await.body["status"], "success");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_subscription_is_deleted_on_its_drawn_day() {
    let stage = Stage::with(|world| {
        world["lags"]["deletion_days"] = json!([95, 95]);
    })
    .await;
    stage.patch(OLD, json!({"status": "suspended"})).await;
    stage.pass(95 * 86_400 - 1).await;
    assert_eq!(stage.deep_status(OLD).await, "suspended");
    stage.pass(1).await;
    assert_eq!(stage.deep_status(OLD).await, "deleted");
    let deletion = stage.changes().pop().expect("a change");
    assert_eq!(deletion.at, "2019-09-04T00:00:00Z".parse().expect("a time"), "{deletion:?}");
    assert_eq!(stage.deep_patch(OLD, json!({"status": "active"})).await.refusal(), (400, 2011));
}

#[tokio::test(start_paused = true)]
async fn a_term_that_does_not_renew_expires_after_its_last_day_and_one_that_renews_goes_on() {
    for (renews, status, end) in
        [(false, "expired", "2019-12-31T00:00:00Z"), (true, "active", "2020-12-30T00:00:00Z")]
    {
        let stage = Stage::with(|world| {
            world["customers"][0]["subscriptions"][0]["auto_renew"] = renews.into();
        })
        .await;
        stage.pass(214 * 86_400 - 1).await;
        assert_eq!(stage.deep_status(OLD).await, "active");
        stage.pass(1).await;
        let body = stage.deep_read(&format!("/subscriptions/{OLD}")).await.body;
        assert_eq!((body["status"].as_str(), body["commitmentEndDate"].as_str()), (Some(status), Some(end)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_clock_did_is_written_with_the_time_at_which_it_happened_in_order() {
    let stage = Stage::plain().await;
    stage.order(super::stage::NEW_OFFER, 1).await;
    stage.patch(OLD, json!({"status": "suspended"})).await;
    stage.pass(100_000).await;
    let changes = stage.changes();
    let times: Vec<i64> =
        changes.iter().map(|entry| entry.at.duration_since(changes[0].at).as_secs()).collect();
    assert_eq!(times.last(), Some(&150), "30 s to the subscription, 120 s more to its seats");
    assert!(times.is_sorted());
    let numbers: Vec<u64> = stage.simulator.books().iter().map(|entry| entry.number).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
}

#[tokio::test(start_paused = true)]
async fn the_suspension_of_a_purchase_is_never_refused_for_good_though_that_of_an_old_one_can_be() {
    use super::stage::NEW_OFFER;
    // A seed under which this customer's old subscription is refused; every other fault is retried.
    for seed in 0..2000_u64 {
        let stage = Stage::with(|world| {
            world["seed"] = seed.into();
            world["faults"] = json!({"level": "hostile"});
        })
        .await;
        if tried(&stage, OLD, "suspended").await != (400, 800_096) {
            continue;
        }
        assert_eq!(tried(&stage, OLD, "suspended").await, (400, 800_096), "for good");
        for _ in 0..3 {
            stage.order(NEW_OFFER, 1).await;
        }
        stage.pass(600).await;
        let bought = stage.simulator.books().into_iter().rev().find_map(|entry| match entry.change {
            Change::SubscriptionAdded { subscription, .. } => Some(subscription.to_string()),
            _ => None,
        });
        let bought = bought.expect("one of three orders went through");
        assert!(matches!(tried(&stage, &bought, "suspended").await, (200 | 202, 0)));
        return;
    }
    panic!("no seed refuses this customer");
}

/// Tries a change of status until it is answered with something else than a passing fault.
async fn tried(stage: &Stage, subscription: &str, status: &str) -> (u16, u64) {
    for _ in 0..6 {
        let resource = stage.read(&format!("/subscriptions/{subscription}")).await;
        if resource.status != 200 || resource.lost {
            continue;
        }
        if resource.body["status"] == status {
            return (200, 0);
        }
        let answer = stage.patch_from(resource.body, json!({"status": status})).await;
        let passing =
            answer.lost || answer.status == 429 || answer.status >= 500 || answer.body["code"] == 2055;
        if !passing {
            return answer.refusal();
        }
    }
    (0, 0)
}

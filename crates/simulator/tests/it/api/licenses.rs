//! Licenses and the pools they come from.

use serde_json::json;

use super::stage::{ALICE, BOB, CUSTOMER, GUS, NEW_OFFER, NEW_SKU, NOWHERE, OLD, OLD_SKU, PLAN, Stage};

/// The stage with `seats` of the new SKU, assignable.
async fn with_seats(seats: u32, change: impl FnOnce(&mut serde_json::Value)) -> Stage {
    let stage = Stage::with(change).await;
    assert_eq!(stage.order(NEW_OFFER, seats).await.status, 201);
    stage.pass(150).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_swap_moves_one_unit_from_pool_to_pool() {
    let stage = with_seats(2, |_| {}).await;
    let answer = stage.swap(ALICE, &[NEW_SKU], &[OLD_SKU]).await;
    assert_eq!((answer.status, answer.body["licensesToAssign"][0]["skuId"].as_str()), (201, Some(NEW_SKU)));
    assert_eq!(stage.held(ALICE).await, [NEW_SKU]);
    assert_eq!(stage.pool(NEW_SKU).await, Some((2, 1, 1, 0)));
    assert_eq!(stage.pool(OLD_SKU).await, Some((5, 2, 3, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_empty_pool_refuses_and_changes_nothing() {
    let stage = with_seats(1, |_| {}).await;
    assert_eq!(stage.swap(ALICE, &[NEW_SKU], &[OLD_SKU]).await.status, 201);
    let answer = stage.swap(BOB, &[NEW_SKU], &[OLD_SKU]).await;
    assert_eq!(answer.refusal(), (400, 60_012));
    assert!(answer.body["data"][0].as_str().expect("data").starts_with("LicenseQuotaExceededException : "));
    assert_eq!(stage.held(BOB).await, [OLD_SKU]);
}

#[tokio::test(start_paused = true)]
async fn the_seats_of_a_trial_count_in_its_pool() {
    let stage = Stage::with(|world| {
        world["offers"].as_array_mut().expect("offers").push(json!(
            {"id": "10000000-0000-4000-8000-000000000009", "name": "Trial", "sku": NEW_SKU, "trial": true,
             "billing_cycles": ["none"]}));
        world["customers"][0]["subscriptions"].as_array_mut().expect("a list").push(json!(
            {"id": "a0000000-0000-4000-8000-000000000009", "offer": "10000000-0000-4000-8000-000000000009",
             "quantity": 25, "commitment_end": "2019-06-20T00:00:00Z", "billing_cycle": "none"}));
    })
    .await;
    assert_eq!(stage.pool(NEW_SKU).await, Some((25, 0, 25, 0)));
    stage.pass(21 * 86_400).await;
    let pool = stage.deep_read("/subscribedskus").await;
    let pool =
        pool.items().iter().find(|item| item["productSku"]["id"] == NEW_SKU).expect("in grace").clone();
    assert_eq!((pool["activeUnits"].as_u64(), pool["warningUnits"].as_u64()), (Some(0), Some(25)));
    assert_eq!(pool["capabilityStatus"], "Warning");
}

#[tokio::test(start_paused = true)]
async fn assigning_again_replaces_the_plans_that_are_off_and_takes_no_second_unit() {
    let stage = Stage::plain().await;
    let off = |body: &serde_json::Value| body["items"][0]["servicePlans"].as_array().expect("plans").len();
    let path = format!("/users/{ALICE}/licenses");
    let before = off(&stage.read(&path).await.body);
    assert_eq!(stage.swap(ALICE, &[OLD_SKU], &[]).await.status, 201);
    assert_eq!(off(&stage.read(&path).await.body), before + 1);
    assert_eq!(stage.pool(OLD_SKU).await.map(|pool| pool.1), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_off_is_missing_or_listed_with_another_status() {
    let path = format!("/users/{ALICE}/licenses");
    let find = |body: serde_json::Value| {
        let plans = body["items"][0]["servicePlans"].as_array().expect("plans").clone();
        plans.into_iter().find(|plan| plan["id"] == PLAN).map(|plan| plan["capabilityStatus"].clone())
    };
    assert_eq!(find(Stage::plain().await.read(&path).await.body), None);
    let stage = Stage::with(|world| world["readings"]["disabled_plans"] = "listed_as_deleted".into()).await;
    assert_eq!(find(stage.read(&path).await.body), Some(json!("Deleted")));
}

#[tokio::test(start_paused = true)]
async fn a_missing_usage_location_blocks_an_assignment() {
    let stage = with_seats(1, |_| {}).await;
    let answer = stage.swap(NOWHERE, &[NEW_SKU], &[]).await;
    assert_eq!(answer.status, 400);
    let text = "License assignment cannot be done for user with invalid usage location.";
    assert_eq!(answer.body["description"], text);
}

#[tokio::test(start_paused = true)]
async fn a_license_of_a_group_cannot_be_removed_directly_unless_the_world_reads_it_so() {
    let stage = with_seats(1, |_| {}).await;
    let answer = stage.swap(GUS, &[NEW_SKU], &[OLD_SKU]).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body["description"].as_str().expect("a text").contains("inherited from a group membership")
    );
    assert_eq!(stage.held(GUS).await, [OLD_SKU]);
    let stage = with_seats(1, |world| world["readings"]["group_removal_refused"] = false.into()).await;
    assert_eq!(stage.swap(GUS, &[NEW_SKU], &[OLD_SKU]).await.status, 201);
    assert_eq!(stage.held(GUS).await, [NEW_SKU]);
}

#[tokio::test(start_paused = true)]
async fn a_license_held_both_ways_stays_when_the_direct_one_goes_and_costs_one_unit() {
    let stage = Stage::plain().await;
    assert_eq!(stage.swap(GUS, &[OLD_SKU], &[]).await.status, 201);
    assert_eq!(stage.pool(OLD_SKU).await.map(|pool| pool.1), Some(3));
    assert_eq!(stage.swap(GUS, &[], &[OLD_SKU]).await.status, 201);
    assert_eq!(stage.held(GUS).await, [OLD_SKU]);
}

#[tokio::test(start_paused = true)]
async fn removing_what_is_not_held_is_a_reading() {
    let stage = Stage::plain().await;
    let answer = stage.swap(ALICE, &[], &[NEW_SKU]).await;
    assert_eq!(answer.body["description"], "User does not have a corresponding license.");
    let stage = Stage::with(|world| world["readings"]["removing_missing_sku_refused"] = false.into()).await;
    assert_eq!(stage.swap(ALICE, &[], &[NEW_SKU]).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn excluding_a_plan_of_another_sku_is_a_reading() {
    let body = json!({"LicensesToAssign": [{"SkuId": OLD_SKU, "ExcludedPlans": [NEW_SKU]}], "LicensesToRemove": null});
    let path = format!("/customers/{CUSTOMER}/users/{BOB}/licenseupdates");
    assert_eq!(Stage::plain().await.post(&path, &body).await.status, 400);
    let stage = Stage::with(|world| world["readings"]["unknown_excluded_plan_refused"] = false.into()).await;
    assert_eq!(stage.post(&path, &body).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn unknown_users_unknown_skus_and_empty_updates_are_refused() {
    let stage = Stage::plain().await;
    assert_eq!(stage.swap(OLD, &[OLD_SKU], &[]).await.refusal(), (404, 60_002));
    assert_eq!(stage.swap(ALICE, &[], &[]).await.refusal(), (400, 800_002));
    let text =
        stage.swap(ALICE, &[NEW_SKU], &[]).await.body["description"].as_str().expect("a text").to_owned();
    assert!(text.contains("does not correspond to a valid company License"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn rights_decide_what_may_be_done_in_the_directory() {
    for (rights, reading, changing) in [("none", 403, 403), ("read", 200, 403), ("full", 200, 201)] {
        let stage = Stage::with(|world| world["customers"][0]["rights"] = rights.into()).await;
        for path in ["/users", "/subscribedskus"] {
            assert_eq!(stage.read(path).await.status, reading, "{rights} {path}");
        }
        let answer = stage.swap(BOB, &[OLD_SKU], &[]).await;
        assert_eq!(answer.status, changing, "{rights}");
        if changing == 403 {
            assert_eq!(answer.body["code"], 900_308);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_swap_says_201_and_leaves_neither_or_both_as_the_world_reads_it() {
    for (reading, torn) in
        [("sometimes_remove_only", vec![]), ("sometimes_assign_only", vec![OLD_SKU, NEW_SKU])]
    {
        let stage = with_seats(50, |world| {
            world["readings"]["swap"] = reading.into();
            let users = world["customers"][0]["users"].as_array_mut().expect("users");
            for n in 100..140 {
                users.push(
                    json!({"id": format!("b0000000-0000-4000-8000-{n:012}"), "display_name": "Extra User",
                    "principal_name": format!("extra{n}@fabrikam.example"), "usage_location": "US",
                    "licenses": [{"sku": OLD_SKU}]}),
                );
            }
        })
        .await;
        let mut outcomes = std::collections::BTreeMap::new();
        for n in 100..140 {
            let user = format!("b0000000-0000-4000-8000-{n:012}");
            assert_eq!(stage.swap(&user, &[NEW_SKU], &[OLD_SKU]).await.status, 201);
            *outcomes.entry(stage.held(&user).await).or_insert(0) += 1;
        }
        let torn: Vec<String> = torn.into_iter().map(str::to_owned).collect();
        assert!(outcomes[&torn] >= 1, "{reading}: {outcomes:?}");
        assert!(outcomes[&vec![NEW_SKU.to_owned()]] > 20, "{reading}: {outcomes:?}");
        assert_eq!(outcomes.len(), 2, "{reading}: {outcomes:?}");
    }
}

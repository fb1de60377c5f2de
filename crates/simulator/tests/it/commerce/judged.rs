//! What the books say of purchases through carts: the figures count them as they count legacy orders.

use std::collections::BTreeSet;

use seatshift_simulator::books::{Audit, IntendedRow, IntendedUser, Intent};
use seatshift_simulator::world::{Catalogue, Partner, offer_id};
use serde_json::json;
use uuid::Uuid;

use super::shop::*;
use crate::api::stage::{ALICE, BOB, CUSTOMER, NEW_SKU, OLD, OLD_SKU, Stage};

fn id(text: &str) -> Uuid {
    Uuid::parse_str(text).expect("an id")
}

/// The stage without its add-on and its user of a group: Alice and Bob are to be moved.
async fn job() -> Stage {
    shop_with(|world| {
        let customer = &mut world["customers"][0];
        customer["subscriptions"].as_array_mut().expect("a list").truncate(1);
        customer["subscriptions"][0]["truth"] = json!({"do": "move", "reason": "the test says so"});
        customer["users"].as_array_mut().expect("a list").truncate(2);
        customer["users"][0]["licenses"][0]["disabled"] = json!([]);
    })
    .await
}

fn judge(stage: &Stage) -> Audit {
    let plans = |sku: &str| Catalogue::shipped().user_plans(id(sku));
    let (old, new): (BTreeSet<Uuid>, BTreeSet<Uuid>) = (plans(OLD_SKU), plans(NEW_SKU));
    let named_changes: Vec<Uuid> = old.symmetric_difference(&new).copied().collect();
    let users = [ALICE, BOB].map(|user| IntendedUser {
        user: id(user),
        disabled: Vec::new(),
        named_changes: named_changes.clone(),
    });
    let row = IntendedRow {
        row_id: "row-1".into(),
        customer: id(CUSTOMER),
        old_subscription: id(OLD),
        approved: true,
        target_offer: offer_id(ITEM),
        retries: 0,
        decision_given: false,
        stopped_by_person: false,
        users: users.to_vec(),
        add_ons: Vec::new(),
    };
    stage.simulator.audit(&Intent { engine: Partner::default().client_id, rows: vec![row] })
}

async fn move_everybody(stage: &Stage) {
    for user in [ALICE, BOB] {
        assert_eq!(stage.swap(user, &[NEW_SKU], &[OLD_SKU]).await.status, 201);
    }
    assert_eq!(stage.patch(OLD, json!({"status": "suspended"})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_migration_through_a_cart_is_clean_and_its_seats_are_conserved() {
    let stage = job().await;
    stage.bought(3).await;
    move_everybody(&stage).await;
    let audit = judge(&stage);
    assert!(audit.clean(), "{audit:#?}");
    assert_eq!(audit.examined.migrations, 1);
    assert_eq!((audit.seats.ordered, audit.seats.standing, audit.seats.astray), (3, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn two_checkouts_of_two_carts_are_a_double_purchase() {
    let stage = job().await;
    stage.bought(2).await;
    stage.bought(2).await;
    move_everybody(&stage).await;
    assert_eq!(judge(&stage).figures.double_purchases, 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_is_undone_when_it_is_deleted_and_not_when_it_is_suspended() {
    for (status, twice) in [("deleted", 0), ("suspended", 1)] {
        let stage = job().await;
        let first = stage.bought(2).await;
        stage.patch(&first, json!({"status": status})).await;
        stage.bought(2).await;
        move_everybody(&stage).await;
        let audit = judge(&stage);
        assert_eq!(audit.figures.double_purchases, twice, "{status}: suspended it is billed on");
        assert_eq!(audit.seats.billed_while_suspended, twice, "{status}");
        assert_eq!(audit.seats.cancelled_subscriptions, 1 - twice, "{status}");
        assert_eq!(audit.seats.standing, 2 + 2 * twice, "{status}");
        assert_eq!(audit.seats.undone, 2 - 2 * twice, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_used_is_early_and_leaves_users_in_the_gap() {
    let stage = job().await;
    let new = stage.bought(2).await;
    move_everybody(&stage).await;
    stage.patch(&new, json!({"status": "deleted"})).await;
    let figures = judge(&stage).figures;
    assert_eq!((figures.early_suspensions, figures.users_in_gap, figures.left_wrongly), (1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn giving_back_seats_that_are_used_is_early_too() {
    let stage = job().await;
    let new = stage.bought(4).await;
    move_everybody(&stage).await;
    assert_eq!(stage.patch(&new, json!({"quantity": 2})).await.status, 200);
    let audit = judge(&stage);
    assert!(audit.clean(), "two are left for two: {audit:#?}");
    assert_eq!((audit.seats.changed, audit.seats.standing), (-2, 2));
    assert_eq!(stage.patch(&new, json!({"quantity": 1})).await.status, 200);
    let figures = judge(&stage).figures;
    assert_eq!((figures.early_suspensions, figures.users_in_gap), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_is_refused_for_good_accounts_for_its_row() {
    let stage = job().await;
    let cart = stage.cart_of(2).await;
    assert_eq!(judge(&stage).figures.left_wrongly, 1, "nothing explains yet why it was not moved");
    let refused = json!({"kind": "refused", "status": 400, "code": 27006, "description": "The limit."});
    stage.post("/_simulator/injections", &json!({"operation": "check_out_cart", "fault": refused})).await;
    assert_eq!(stage.check_out(&cart).await.refusal(), (400, 27_006));
    assert_eq!(judge(&stage).figures.left_wrongly, 0);
}

#[tokio::test(start_paused = true)]
async fn a_world_in_which_something_was_bought_begins_again_as_it_stood() {
    let stage = job().await;
    let new = stage.bought(3).await;
    let stands = stage.simulator.as_it_stands();
    let text = serde_json::to_string(&stands).expect("JSON");
    let read =
        seatshift_simulator::world::parse(&text, "test.json").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read, stands);
    let again = Stage::of(serde_json::from_str(&text).expect("JSON")).await;
    assert_eq!(again.pool(NEW_SKU).await, Some((3, 0, 3, 0)));
    let shown = again.read(&format!("/subscriptions/{new}")).await.body;
    assert_eq!(shown["productType"]["id"], "OnlineServicesNCE");
    assert_eq!(shown["cancellationAllowedUntilDate"], "2019-06-08T00:00:00Z");
    assert_eq!(again.patch(&new, json!({"status": "deleted"})).await.status, 200);
}

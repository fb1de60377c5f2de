//! Parked rows end when their proposed step is taken: one row of each cause.

use jiff::SignedDuration;
use seatshift_cli::embedded::Embedded;
use seatshift_control::tracker::VerdictKind::{Accepted, Completed, Parked, RolledBack};
use seatshift_messages::Direction::{Forward, Undo};
use seatshift_messages::Service::{Purchase, Reassignment, Suspension};
use seatshift_tests::{Bench, Partner, on_virtual_time};
use serde_json::json;

use crate::small::{
    ALDER, ALDERS_OLD, BIRCH, BIRCHS_OLD, CY, DI, NEW_SKU, OLD_SKU, as_json, assert_clean,
    assert_clean_so_far, assert_parked, assert_stands, cause, fault, license, no_license, of, refused, stood,
    with, world,
};

/// Parked there for this, then mended and tried again: completed.
fn mended_and_retried(
    operation: &str,
    resource: Option<&str>,
    what: serde_json::Value,
    at: seatshift_messages::Service,
    cause: &str,
) {
    on_virtual_time(async {
        let bench = Bench::in_world(with(&[fault(operation, ALDER, resource, (1, 0), &what)])).await;
        bench.apply().await;
        assert_parked(&stood(&bench).await, ALDER, (at, Forward), cause, cause);
        assert_clean_so_far(&bench, cause).await;
        bench.retry_all().await;
        assert_parked(&stood(&bench).await, ALDER, (at, Forward), cause, "while nothing has changed");
        bench.mend_the_world().await;
        bench.retry_all().await;
        assert_stands(&stood(&bench).await, ALDER, Completed, None, cause);
        assert_clean(&bench, cause).await;
    });
}

#[test]
fn an_agreement_that_ran_out_after_planning_is_signed_and_the_order_tried_again() {
    mended_and_retried("place_order", None, refused(403, 13605), Purchase, "microsoft_13605");
}

#[test]
fn an_order_that_nobody_answers_is_tried_again_when_somebody_does() {
    mended_and_retried("place_order", None, json!({"kind": "lost_before"}), Purchase, "order_unanswered");
}

#[test]
fn rights_that_were_lost_in_the_middle_are_given_back_and_the_users_moved() {
    mended_and_retried("update_licenses", None, refused(403, 900_308), Reassignment, "microsoft_900308");
}

#[test]
fn a_suspension_that_microsoft_refuses_is_tried_again_when_it_no_longer_does() {
    mended_and_retried(
        "change_subscription",
        Some(ALDERS_OLD),
        refused(400, 800_096),
        Suspension,
        "microsoft_800096",
    );
}

#[test]
fn a_refused_suspension_can_be_accepted_or_rolled_back_instead() {
    let refusal = || fault("change_subscription", ALDER, Some(ALDERS_OLD), (1, 0), &refused(400, 800_096));
    on_virtual_time(async {
        let bench = Bench::in_world(with(&[refusal()])).await;
        bench.apply().await;
        bench.accept_all().await;
        assert_stands(&stood(&bench).await, ALDER, Accepted, Some("microsoft_800096"), "accepted");
        assert_clean(&bench, "accepted").await;
        // What was accepted can still be rolled back: nothing of the old subscription has to be changed for it.
        bench.roll_back_all().await;
        assert_stands(
            &stood(&bench).await,
            ALDER,
            RolledBack,
            Some("operator"),
            "accepted, then rolled back",
        );
        assert_clean(&bench, "accepted, then rolled back").await;
    });
    on_virtual_time(async {
        let bench = Bench::in_world(with(&[refusal()])).await;
        bench.apply().await;
        bench.roll_back_all().await;
        assert_stands(&stood(&bench).await, ALDER, RolledBack, Some("operator"), "rolled back");
        assert_clean(&bench, "rolled back").await;
    });
}

#[test]
fn a_user_refused_above_the_limit_waits_for_a_person() {
    on_virtual_time(async {
        let refusal = fault("update_licenses", ALDER, Some(CY), (1, 0), &refused(400, 800_002));
        let mut partner = Partner::of(with(&[refusal]), 7);
        partner.settings.policy.roll_back_up_to = 0;
        let bench = Bench::of(partner).await;
        bench.apply().await;
        assert_parked(
            &stood(&bench).await,
            ALDER,
            (Reassignment, Forward),
            &cause(800_002),
            "above the limit",
        );
        assert_clean(&bench, "above the limit").await;
        bench.mend_the_world().await;
        bench.retry_all().await;
        assert_stands(&stood(&bench).await, ALDER, Completed, None, "above the limit");
        assert_clean(&bench, "above the limit").await;
    });
}

#[test]
fn seats_that_come_late_are_waited_for_once_more() {
    on_virtual_time(async {
        let mut value = as_json();
        value["lags"] = json!({"seats": 30 * 3600});
        let bench = Bench::in_world(of(&value)).await;
        bench.apply().await;
        let before = stood(&bench).await;
        assert_parked(&before, ALDER, (Purchase, Forward), "provisioning_slow", "late seats");
        assert_parked(&before, BIRCH, (Purchase, Forward), "provisioning_slow", "late seats");
        bench.retry_all().await;
        let after = stood(&bench).await;
        assert_stands(&after, ALDER, Completed, None, "late seats");
        assert_stands(&after, BIRCH, Completed, None, "late seats");
        assert_clean(&bench, "late seats").await;
    });
}

/// Runs until licenses are reassigned and the suspension waits out a `Retry-After` of two hours; then `between` happens.
async fn held_before_the_suspension(customer: &str, old: &str, between: impl AsyncFn(&Bench)) -> Bench {
    let wait = json!({"kind": "throttled", "retry_after": 7200});
    let bench =
        Bench::in_world(with(&[fault("change_subscription", customer, Some(old), (1, 1), &wait)])).await;
    bench
        .life(async |engine: &Embedded| {
            bench.apply_in(engine).await;
            bench.partner.clock.sleep(SignedDuration::from_mins(60)).await;
            between(&bench).await;
            engine.control.settled().await;
        })
        .await
        .expect("no crash was set");
    bench
}

#[test]
fn somebody_who_came_to_the_old_plan_keeps_it_until_they_leave() {
    on_virtual_time(async {
        let bench = held_before_the_suspension(ALDER, ALDERS_OLD, async |bench: &Bench| {
            bench.administrator(ALDER, license(DI, OLD_SKU)).await;
        })
        .await;
        assert_parked(&stood(&bench).await, ALDER, (Suspension, Forward), "seats_in_use", "somebody came");
        assert_clean_so_far(&bench, "somebody came").await;
        bench.administrator(ALDER, no_license(DI, OLD_SKU)).await;
        bench.retry_all().await;
        assert_stands(&stood(&bench).await, ALDER, Completed, None, "somebody left");
        assert_clean(&bench, "somebody left").await;
    });
}

#[test]
fn somebody_who_came_to_the_new_plan_keeps_it_until_they_leave() {
    on_virtual_time(async {
        let bench = Bench::in_world(world()).await;
        bench.apply().await;
        bench.administrator(ALDER, license(DI, NEW_SKU)).await;
        bench.roll_back_all().await;
        assert_parked(&stood(&bench).await, ALDER, (Purchase, Undo), "seats_in_use", "somebody came");
        assert_clean(&bench, "somebody came").await;
        bench.administrator(ALDER, no_license(DI, NEW_SKU)).await;
        bench.retry_all().await;
        assert_stands(&stood(&bench).await, ALDER, RolledBack, Some("operator"), "somebody left");
        assert_clean(&bench, "somebody left").await;
    });
}

#[test]
fn seats_that_somebody_added_to_the_new_subscription_are_not_taken_from_whoever_got_them() {
    on_virtual_time(async {
        let bench = Bench::in_world(world()).await;
        bench.apply().await;
        let rows = bench.rows().await;
        let alders = rows.iter().find(|row| row.row.customer.to_string() == ALDER).expect("Alder's row");
        let ours = alders.ledger.known.stands.new_subscription.expect("it was bought");
        let quantity = alders.ledger.known.bought + 1;
        bench
            .administrator(
                ALDER,
                json!({"do": "set_subscription", "subscription": ours, "quantity": quantity}),
            )
            .await;
        bench.administrator(ALDER, license(DI, NEW_SKU)).await;
        bench.roll_back_all().await;
        assert_parked(&stood(&bench).await, ALDER, (Purchase, Undo), "seats_in_use", "a seat was added");
        assert_clean(&bench, "a seat was added").await;
    });
}

#[test]
fn fewer_seats_than_users_on_the_old_plan_are_raised_before_everyone_can_go_back() {
    on_virtual_time(async {
        let mut value = as_json();
        value["customers"][0]["subscriptions"][0]["quantity"] = json!(2);
        let bench = Bench::in_world(of(&value)).await;
        bench.apply().await;
        assert_stands(&stood(&bench).await, ALDER, Completed, None, "too few seats");
        bench.roll_back_all().await;
        assert_parked(&stood(&bench).await, ALDER, (Suspension, Undo), "seats_not_back", "too few seats");
        assert_clean(&bench, "too few seats").await;
        let more = json!({"do": "set_subscription", "subscription": ALDERS_OLD, "quantity": 3});
        bench.administrator(ALDER, more).await;
        bench.retry_all().await;
        assert_stands(&stood(&bench).await, ALDER, RolledBack, Some("operator"), "enough seats");
        assert_clean(&bench, "enough seats").await;
    });
}

#[test]
fn a_way_back_that_closes_in_the_middle_is_accepted_as_it_stands() {
    on_virtual_time(async {
        let mut value = as_json();
        value["customers"][1]["subscriptions"][0]["commitment_end"] = json!("2019-03-20T00:00:00Z");
        let bench = Bench::in_world(of(&value)).await;
        bench.apply().await;
        let busy = json!({"kind": "throttled", "retry_after": 6 * 3600});
        bench.inject(fault("change_subscription", BIRCH, Some(BIRCHS_OLD), (2, 0), &busy)).await;
        bench.roll_back_all().await;
        assert_parked(
            &stood(&bench).await,
            BIRCH,
            (Suspension, Undo),
            "undo_deadline_passed",
            "the deadline passed",
        );
        bench.accept_all().await;
        assert_stands(
            &stood(&bench).await,
            BIRCH,
            Accepted,
            Some("undo_deadline_passed"),
            "the deadline passed",
        );
        assert_clean(&bench, "the deadline passed").await;
    });
}

#[test]
fn a_row_behind_a_parked_one_waits_and_goes_on_by_itself() {
    on_virtual_time(async {
        // Birch's subscription and users become Alder's second row.
        let mut value = as_json();
        let birch = value["customers"][1].take();
        value["customers"].as_array_mut().expect("customers").truncate(1);
        for what in ["subscriptions", "users"] {
            let more = birch[what].as_array().expect("a list").clone();
            value["customers"][0][what].as_array_mut().expect("a list").extend(more);
        }
        // Of the two, Birch's ends first and is begun first.
        value["faults"]["injections"] =
            json!([fault("change_subscription", ALDER, Some(BIRCHS_OLD), (1, 0), &refused(400, 800_096))]);
        let bench = Bench::in_world(of(&value)).await;
        bench.apply().await;
        let causes = async || -> Vec<(_, String)> {
            let rows = bench.rows().await;
            let verdicts = rows.iter().filter_map(|row| row.ledger.standing());
            let mut all: Vec<_> =
                verdicts.map(|verdict| (verdict.kind, verdict.cause.code.clone())).collect();
            all.sort();
            all
        };
        assert_eq!(
            causes().await,
            [(Parked, "microsoft_800096".to_owned()), (Parked, "waits_for".to_owned())]
        );
        assert_clean(&bench, "behind a parked one").await;
        bench.mend_the_world().await;
        bench.retry_all().await;
        assert!(causes().await.iter().all(|(kind, _)| *kind == Completed), "{:?}", causes().await);
        assert_clean(&bench, "behind a parked one").await;
    });
}

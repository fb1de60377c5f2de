//! The three harms, at every step of the saga: repeat it, fail it, fail while repeating its undo.

use seatshift_control::tracker::VerdictKind::{self, Completed, Parked, Refused, RolledBack, Skipped};
use seatshift_messages::Direction::{Forward, Undo};
use seatshift_messages::{OnRefusal, Service};
use seatshift_tests::{Bench, Partner, on_virtual_time};
use serde_json::{Value, json};

use crate::small::{
    ADA, ALDER, ALDERS_OLD, BIRCH, BIRCHS_OLD, BO, CY, assert_clean, assert_happened, assert_parked,
    assert_stands, bought, cause, fault, id, refused, stood, with, world,
};

/// What can go wrong with any changing call and pass again.
fn passing() -> Vec<Value> {
    vec![
        json!({"kind": "server_error", "status": 500}),
        json!({"kind": "server_error", "status": 503}),
        json!({"kind": "gateway_page", "status": 502}),
        json!({"kind": "slow", "seconds": 45}),
        json!({"kind": "throttled", "retry_after": 90}),
        json!({"kind": "lost_before"}),
        json!({"kind": "lost_after"}),
        json!({"kind": "lost_late", "seconds": 5}),
        json!({"kind": "lost_late", "seconds": 240}),
    ]
}

/// And with the change of a subscription beside.
fn of_subscriptions() -> Vec<Value> {
    let mut kinds = passing();
    kinds.extend([json!({"kind": "stale_etag"}), json!({"kind": "accepted", "seconds": 100})]);
    kinds
}

/// Lost answers come in a row too.
fn how_often(kind: &Value) -> &'static [u32] {
    if kind["kind"].as_str().is_some_and(|kind| kind.starts_with("lost")) { &[1, 3] } else { &[1] }
}

/// Every changing step of the way forward: operation, customer, resource, what can go wrong.
fn steps() -> Vec<(&'static str, &'static str, Option<&'static str>, Vec<Value>)> {
    vec![
        ("place_order", ALDER, None, passing()),
        ("place_order", BIRCH, None, passing()),
        ("update_licenses", ALDER, Some(ADA), passing()),
        ("update_licenses", ALDER, None, passing()),
        ("change_subscription", ALDER, Some(ALDERS_OLD), of_subscriptions()),
        ("change_subscription", BIRCH, Some(BIRCHS_OLD), of_subscriptions()),
    ]
}

#[test]
fn a_step_that_fails_for_a_while_is_done_once_it_can_be() {
    for (operation, customer, resource, kinds) in steps() {
        for kind in kinds {
            for &times in how_often(&kind) {
                let case = format!("{operation} {customer} {resource:?} {times} times {kind}");
                let put_in = fault(operation, customer, resource, (1, times), &kind);
                on_virtual_time(async {
                    let bench = Bench::in_world(with(&[put_in])).await;
                    bench.apply().await;
                    assert_happened(&bench, &kind, &case);
                    let stood = stood(&bench).await;
                    assert_stands(&stood, ALDER, Completed, None, &case);
                    assert_stands(&stood, BIRCH, Completed, None, &case);
                    assert_clean(&bench, &case).await;
                });
            }
        }
    }
}

#[test]
fn an_undo_that_fails_for_a_while_is_done_once_it_can_be() {
    // The first change of the old subscription and of a user was the way forward.
    let steps = [
        ("change_subscription", ALDER, Some(ALDERS_OLD), 2, of_subscriptions()),
        ("change_subscription", BIRCH, Some(BIRCHS_OLD), 2, of_subscriptions()),
        ("update_licenses", ALDER, Some(BO), 2, passing()),
        ("change_subscription", ALDER, None, 1, of_subscriptions()),
        ("change_subscription", BIRCH, None, 1, of_subscriptions()),
    ];
    for (operation, customer, resource, from, kinds) in steps {
        for kind in kinds {
            for &times in how_often(&kind) {
                let case = format!("undo: {operation} {customer} {resource:?} {times} times {kind}");
                on_virtual_time(async {
                    let bench = Bench::in_world(world()).await;
                    bench.apply().await;
                    let new = bought(&bench, customer);
                    bench
                        .inject(fault(operation, customer, resource.or(Some(&new)), (from, times), &kind))
                        .await;
                    bench.roll_back_all().await;
                    assert_happened(&bench, &kind, &case);
                    let stood = stood(&bench).await;
                    assert_stands(&stood, ALDER, RolledBack, Some("operator"), &case);
                    assert_stands(&stood, BIRCH, RolledBack, Some("operator"), &case);
                    assert_clean(&bench, &case).await;
                });
            }
        }
    }
}

#[test]
fn a_final_refusal_stops_where_it_was_said_and_leaves_nothing_behind() {
    let rollback =
        |partner: &mut Partner| partner.settings.policy.on_suspension_refused = OnRefusal::Rollback;
    let park = |_: &mut Partner| ();
    type Case = (&'static str, &'static str, Option<&'static str>, u16, u32, fn(&mut Partner), VerdictKind);
    let cases: [Case; 7] = [
        ("place_order", ALDER, None, 403, 2091, park, Refused),
        ("place_order", BIRCH, None, 400, 27006, park, Refused),
        ("update_licenses", ALDER, Some(CY), 400, 800_002, park, RolledBack),
        ("change_subscription", ALDER, Some(ALDERS_OLD), 400, 800_096, park, Parked),
        ("change_subscription", BIRCH, Some(BIRCHS_OLD), 400, 800_096, park, Parked),
        ("change_subscription", ALDER, Some(ALDERS_OLD), 400, 800_096, rollback, RolledBack),
        ("change_subscription", BIRCH, Some(BIRCHS_OLD), 400, 800_096, rollback, RolledBack),
    ];
    for (operation, customer, resource, status, code, change, kind) in cases {
        let case = format!("{operation} {customer} {status}/{code}, to be {kind}");
        on_virtual_time(async {
            let put_in = fault(operation, customer, resource, (1, 0), &refused(status, code));
            let mut partner = Partner::of(with(&[put_in]), 7);
            change(&mut partner);
            let bench = Bench::of(partner).await;
            bench.apply().await;
            let stood = stood(&bench).await;
            let cause = cause(code);
            assert_stands(&stood, customer, kind, Some(&cause), &case);
            if kind == Parked {
                assert_parked(&stood, customer, (Service::Suspension, Forward), &cause, &case);
            }
            let other = if customer == ALDER { BIRCH } else { ALDER };
            assert_stands(&stood, other, Completed, None, &case);
            assert_clean(&bench, &case).await;
        });
    }
}

#[test]
fn an_undo_that_is_refused_parks_where_it_was_refused_and_ends_when_the_refusal_does() {
    let cases = [
        ("change_subscription", ALDER, Some(ALDERS_OLD), 2, 400, 800_096, Service::Suspension),
        ("change_subscription", BIRCH, Some(BIRCHS_OLD), 2, 400, 800_096, Service::Suspension),
        ("update_licenses", ALDER, Some(BO), 2, 400, 800_002, Service::Reassignment),
        ("update_licenses", ALDER, Some(ADA), 2, 403, 900_308, Service::Reassignment),
        ("change_subscription", ALDER, None, 1, 400, 800_096, Service::Purchase),
        ("change_subscription", BIRCH, None, 1, 400, 800_096, Service::Purchase),
    ];
    for (operation, customer, resource, from, status, code, service) in cases {
        let case = format!("undo: {operation} {customer} {resource:?} {status}/{code}");
        on_virtual_time(async {
            let bench = Bench::in_world(world()).await;
            bench.apply().await;
            let new = bought(&bench, customer);
            bench
                .inject(fault(
                    operation,
                    customer,
                    resource.or(Some(&new)),
                    (from, 0),
                    &refused(status, code),
                ))
                .await;
            bench.roll_back_all().await;
            let cause = cause(code);
            assert_parked(&stood(&bench).await, customer, (service, Undo), &cause, &case);
            assert_clean(&bench, &case).await;
            // A second wish is a retry of what is parked; while the refusal stands it parks again.
            bench.roll_back_all().await;
            assert_parked(&stood(&bench).await, customer, (service, Undo), &cause, &case);
            bench.mend_the_world().await;
            bench.retry_all().await;
            let stood = stood(&bench).await;
            assert_stands(&stood, ALDER, RolledBack, Some("operator"), &case);
            assert_stands(&stood, BIRCH, RolledBack, Some("operator"), &case);
            assert_clean(&bench, &case).await;
        });
    }
}

#[test]
fn provisioning_that_fails_takes_the_purchase_back() {
    on_virtual_time(async {
        let put_in = fault("place_order", ALDER, None, (1, 1), &json!({"kind": "provisioning_fails"}));
        let bench = Bench::in_world(with(&[put_in])).await;
        bench.apply().await;
        let stood = stood(&bench).await;
        assert_stands(&stood, ALDER, RolledBack, Some("provisioning_failed"), "provisioning fails");
        assert_stands(&stood, BIRCH, Completed, None, "provisioning fails");
        assert_clean(&bench, "provisioning fails").await;
    });
}

/// Runs a case with a crash at the first call, the second, ..., until it comes to its end without one.
fn at_every_call(name: &str, most: u64, run: impl AsyncFn(u64, bool, &str) -> bool) {
    for after_answer in [false, true] {
        let mut call = 1;
        loop {
            let case = format!("{name}: crash at call {call}, after its answer: {after_answer}");
            if !on_virtual_time(run(call, after_answer, &case)) {
                break;
            }
            call += 1;
            assert!(call <= most, "{name}: more calls than {most}");
        }
        assert!(call > 15, "{name}: only {call} calls were crashed at");
    }
}

#[test]
fn a_crash_at_any_call_repeats_the_step_and_nothing_is_done_twice() {
    at_every_call("forward", 90, async |call, after, case| {
        let mut partner = Partner::of(world(), 7);
        partner.shaky_bus = Some(call);
        let bench = Bench::of(partner).await;
        bench.partner.fuse.set(call, after);
        let crashed = bench.apply_once().await.is_none();
        bench.partner.fuse.mend();
        bench.apply().await;
        let stood = stood(&bench).await;
        assert_stands(&stood, ALDER, Completed, None, case);
        assert_stands(&stood, BIRCH, Completed, None, case);
        assert_clean(&bench, case).await;
        crashed
    });
}

#[test]
fn a_rollback_at_any_call_brings_everyone_back() {
    at_every_call("rollback", 90, async |call, after, case| {
        let bench = Bench::in_world(world()).await;
        bench.partner.fuse.set(call, after);
        let crashed = bench.apply_once().await.is_none();
        bench.partner.fuse.mend();
        bench.roll_back_all().await;
        for (customer, (kind, cause, _)) in stood(&bench).await {
            assert!(matches!(kind, RolledBack | Refused | Skipped), "{case}: {customer} is {kind} ({cause})");
            assert_eq!(cause, "operator", "{case}");
        }
        assert_clean(&bench, case).await;
        crashed
    });
}

#[test]
fn a_crash_at_any_call_of_a_failing_undo_changes_nothing_about_its_end() {
    at_every_call("failing undo", 120, async |call, after, case| {
        // Cy is refused, so Ada and Bo go back: with lost answers on the way, and a new subscription that is suspended late.
        let bench = Bench::in_world(with(&[
            fault("update_licenses", ALDER, Some(CY), (1, 0), &refused(400, 800_002)),
            fault("update_licenses", ALDER, Some(ADA), (2, 2), &json!({"kind": "lost_late", "seconds": 200})),
            fault("update_licenses", ALDER, Some(BO), (2, 1), &json!({"kind": "lost_after"})),
            fault("change_subscription", ALDER, None, (1, 1), &json!({"kind": "lost_late", "seconds": 120})),
            fault("change_subscription", BIRCH, None, (1, 1), &json!({"kind": "lost_before"})),
        ]))
        .await;
        bench.partner.fuse.set(call, after);
        let crashed = bench.apply_once().await.is_none();
        bench.partner.fuse.mend();
        bench.apply().await;
        let stood = stood(&bench).await;
        assert_stands(&stood, ALDER, RolledBack, Some(&cause(800_002)), case);
        assert_stands(&stood, BIRCH, Completed, None, case);
        let tenants = bench.tenants();
        assert_eq!(
            tenants.now[&id(ALDER)].users,
            tenants.before[&id(ALDER)].users,
            "{case}: everyone is as before"
        );
        assert_clean(&bench, case).await;
        crashed
    });
}

#[test]
fn a_crash_at_any_call_of_a_rollback_changes_nothing_about_its_end() {
    at_every_call("rollback of what is done", 90, async |call, after, case| {
        let bench = Bench::in_world(world()).await;
        bench.apply().await;
        let mut crash = Some(call);
        bench
            .ask(crate::small::rollback(), || match crash.take() {
                Some(call) => bench.partner.fuse.set(call, after),
                None => bench.partner.fuse.mend(),
            })
            .await;
        let crashed = *bench.crashes.borrow() > 0;
        let stood = stood(&bench).await;
        assert_stands(&stood, ALDER, RolledBack, Some("operator"), case);
        assert_stands(&stood, BIRCH, RolledBack, Some("operator"), case);
        let tenants = bench.tenants();
        assert_eq!(
            tenants.now[&id(ALDER)].users,
            tenants.before[&id(ALDER)].users,
            "{case}: everyone is as before"
        );
        assert_clean(&bench, case).await;
        crashed
    });
}

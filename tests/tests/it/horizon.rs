//! The settle horizon, with and without: what the books say when one read that shows nothing is believed.

use jiff::SignedDuration;
use seatshift_control::tracker::VerdictKind::{Completed, RolledBack};
use seatshift_host::Horizons;
use seatshift_messages::Direction::Undo;
use seatshift_messages::Service;
use seatshift_tests::{Bench, Partner, on_virtual_time};
use serde_json::{Value, json};

use crate::small::{
    ADA, ALDER, CY, as_json, assert_clean, assert_parked, assert_stands, fault, of, refused, stood,
};

const NONE: Horizons = Horizons {
    orders: SignedDuration::ZERO,
    subscriptions: SignedDuration::ZERO,
    licenses: SignedDuration::ZERO,
};

async fn applied(injections: &[Value], horizons: Horizons) -> Bench {
    let mut value = as_json();
    value["faults"]["injections"] = json!(injections);
    value["readings"] = json!({"repeated_request_id": "ignore"});
    let mut partner = Partner::of(of(&value), 7);
    partner.settings.horizons = horizons;
    let bench = Bench::of(partner).await;
    bench.apply().await;
    // Whatever is still on its way lands.
    bench.partner.clock.sleep(SignedDuration::from_hours(1)).await;
    bench
}

#[test]
fn without_the_horizon_a_swap_that_lands_late_undoes_an_undo_that_was_reported() {
    let faults = [
        fault("update_licenses", ALDER, Some(ADA), (1, 1), &json!({"kind": "lost_late", "seconds": 240})),
        fault("update_licenses", ALDER, Some(CY), (1, 0), &refused(400, 800_002)),
        // The suspension of what was bought comes after the late swap: its own look at the seats is the last defence.
        fault("change_subscription", ALDER, None, (1, 1), &json!({"kind": "throttled", "retry_after": 600})),
    ];
    on_virtual_time(async {
        let bench = applied(&faults, Horizons::default()).await;
        assert_stands(&stood(&bench).await, ALDER, RolledBack, None, "with the horizon");
        assert_clean(&bench, "with the horizon").await;
    });
    on_virtual_time(async {
        let bench = applied(&faults, NONE).await;
        assert_parked(
            &stood(&bench).await,
            ALDER,
            (Service::Purchase, Undo),
            "seats_in_use",
            "without the horizon",
        );
    });
}

#[test]
fn without_the_horizon_an_order_that_lands_late_is_bought_twice() {
    let late = [fault("place_order", ALDER, None, (1, 1), &json!({"kind": "lost_late", "seconds": 240}))];
    on_virtual_time(async {
        let bench = applied(&late, Horizons::default()).await;
        assert_stands(&stood(&bench).await, ALDER, Completed, None, "with the horizon");
        assert_clean(&bench, "with the horizon").await;
    });
    let figures = on_virtual_time(async { applied(&late, NONE).await.audit().figures });
    assert!(figures.double_purchases > 0, "{figures:?}");
}

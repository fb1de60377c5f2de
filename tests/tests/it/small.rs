//! Two customers by hand: Alder, whose three users move to another SKU, and Birch, whose target has the same SKU.

use std::collections::BTreeMap;

use seatshift_control::commands::{Target, Verb};
use seatshift_control::tracker::VerdictKind;
use seatshift_messages::{Direction, Service};
use seatshift_simulator::books::Change;
use seatshift_simulator::world::{World, parse};
use seatshift_tests::Bench;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const ALDER: &str = "a1de0000-0000-4000-8000-000000000001";
pub(crate) const ALDERS_OLD: &str = "a1de0000-0000-4000-8000-000000000011";
pub(crate) const ADA: &str = "a1de0000-0000-4000-8000-000000000021";
pub(crate) const BO: &str = "a1de0000-0000-4000-8000-000000000022";
pub(crate) const CY: &str = "a1de0000-0000-4000-8000-000000000023";
/// Of Alder, without a license.
pub(crate) const DI: &str = "a1de0000-0000-4000-8000-000000000024";
pub(crate) const BIRCH: &str = "b12c0000-0000-4000-8000-000000000001";
pub(crate) const BIRCHS_OLD: &str = "b12c0000-0000-4000-8000-000000000011";
pub(crate) const OLD_SKU: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";
pub(crate) const NEW_SKU: &str = "be9f9771-1c64-4618-9907-244325141096";

pub(crate) fn as_json() -> Value {
    serde_json::from_str(include_str!("../../worlds/alder-and-birch.json")).expect("the committed world")
}

pub(crate) fn of(value: &Value) -> World {
    parse(&value.to_string(), "the test's world").unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn world() -> World {
    of(&as_json())
}

/// The world with these faults put in by hand.
pub(crate) fn with(injections: &[Value]) -> World {
    let mut world = as_json();
    world["faults"]["injections"] = json!(injections);
    of(&world)
}

/// One fault at one place.
pub(crate) fn fault(
    operation: &str,
    customer: &str,
    resource: Option<&str>,
    tries: (u32, u32),
    fault: &Value,
) -> Value {
    let (from_try, times) = tries;
    json!({"operation": operation, "customer": customer, "resource": resource, "from_try": from_try, "times": times,
           "fault": fault})
}

pub(crate) fn refused(status: u16, code: u32) -> Value {
    let description =
        if code == 800_002 { "the proxy address is already being used" } else { "refused by the test" };
    json!({"kind": "refused", "status": status, "code": code, "description": description})
}

/// The cause that a refusal with this code leads to.
pub(crate) fn cause(code: u32) -> String {
    if code == 800_002 { "license_value_in_use".to_owned() } else { format!("microsoft_{code}") }
}

/// How a row stands: verdict, cause, and who is parked in which direction.
pub(crate) type Stood = (VerdictKind, String, Option<(Service, Direction)>);

pub(crate) async fn stood(bench: &Bench) -> BTreeMap<Uuid, Stood> {
    let rows = bench.rows().await;
    let each = rows.into_iter().filter_map(|row| {
        let verdict = row.ledger.standing()?;
        let parking = verdict.parking.as_ref().and_then(|at| Some((at.participant?, at.direction)));
        let parking = parking.filter(|_| verdict.kind == VerdictKind::Parked);
        Some((row.row.customer.0, (verdict.kind, verdict.cause.code.clone(), parking)))
    });
    each.collect()
}

/// The row of a customer stands like this.
#[track_caller]
pub(crate) fn assert_stands(
    stood: &BTreeMap<Uuid, Stood>,
    customer: &str,
    kind: VerdictKind,
    cause: Option<&str>,
    case: &str,
) {
    let (is, why, _) = &stood[&id(customer)];
    assert_eq!(*is, kind, "{case}: {customer} stands {is} ({why})");
    if let Some(cause) = cause {
        assert_eq!(why, cause, "{case}: {customer} stands {is}");
    }
}

/// The row of a customer is parked there, with this cause.
#[track_caller]
pub(crate) fn assert_parked(
    stood: &BTreeMap<Uuid, Stood>,
    customer: &str,
    at: (Service, Direction),
    cause: &str,
    case: &str,
) {
    let expected = (VerdictKind::Parked, cause.to_owned(), Some(at));
    assert_eq!(stood[&id(customer)], expected, "{case}: {customer}");
}

/// Nothing is wrong, by the books and by the engine's own events.
pub(crate) async fn assert_clean(bench: &Bench, case: &str) {
    assert_eq!(bench.complaints().await, Vec::<String>::new(), "{case}");
}

/// The same while a row waits for a person.
pub(crate) async fn assert_clean_so_far(bench: &Bench, case: &str) {
    assert_eq!(bench.complaints_while_open().await, Vec::<String>::new(), "{case}");
}

/// The fault that the case is about did happen.
#[track_caller]
pub(crate) fn assert_happened(bench: &Bench, kind: &Value, case: &str) {
    let wanted = kind["kind"].as_str().expect("a kind");
    let happened = bench
        .partner
        .simulator
        .books()
        .into_iter()
        .any(|entry| matches!(&entry.change, Change::FaultInjected { kind, .. } if kind == wanted));
    assert!(happened, "{case}: the fault never came about");
}

/// The subscription that was bought for a customer.
#[track_caller]
pub(crate) fn bought(bench: &Bench, customer: &str) -> String {
    let tenants = bench.tenants();
    let ours = tenants.now[&id(customer)]
        .subscriptions
        .iter()
        .find(|(_, held)| tenants.ordered.contains(&held.order));
    ours.expect("something was bought").0.to_string()
}

pub(crate) fn id(text: &str) -> Uuid {
    text.parse().expect("a GUID")
}

pub(crate) fn license(user: &str, sku: &str) -> Value {
    json!({"do": "set_license", "user": user, "sku": sku})
}

pub(crate) fn no_license(user: &str, sku: &str) -> Value {
    json!({"do": "remove_license", "user": user, "sku": sku})
}

pub(crate) fn rollback() -> Verb {
    Verb::Rollback { target: Target::LatestRun }
}

//! World files: the example in WORLDS.md runs, and whatever is wrong with one is said with its place and remedy.

use std::path::PathBuf;

use seatshift_simulator::world::{
    Act, Readings, World, WorldError, generate, parse, read, read_good_rest, write,
};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../WORLDS.md");

fn example() -> Value {
    let after = PAGE.split("```json").nth(1).expect("an example");
    serde_json::from_str(after.split("```").next().unwrap_or_default()).expect("JSON")
}

fn parsed(document: &Value) -> Result<World, WorldError> {
    parse(&document.to_string(), "test.json")
}

/// A file in the folder that cargo keeps for tests; each test has a name of its own.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.json", std::process::id()))
}

#[test]
fn the_example_of_the_page_is_a_world_with_the_truths_the_page_says() {
    let world = parsed(&example()).unwrap_or_else(|error| panic!("{error}"));
    let truths: Vec<Option<Act>> =
        world.customers[0].subscriptions.iter().map(|s| s.truth.as_ref().map(|truth| truth.act)).collect();
    assert_eq!(truths, [Some(Act::Move), None, Some(Act::Ask), None]);
}

#[test]
fn the_page_names_every_reading_with_its_default() {
    let mut defaults = serde_json::to_value(Readings::default()).unwrap();
    let commerce = defaults.as_object_mut().unwrap().remove("new_commerce").unwrap();
    let commerce =
        commerce.as_object().unwrap().iter().map(|(key, value)| (format!("new_commerce.{key}"), value));
    let defaults =
        defaults.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value)).chain(commerce);
    for (key, value) in defaults {
        let value = value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"));
        assert!(PAGE.contains(&format!("| `{key}` | {value}")), "{key} {value}");
    }
}

#[test]
fn a_world_that_was_written_is_read_back_unchanged() {
    let world = generate(11, 25);
    let path = file("round-trip");
    write(&world, &path).unwrap();
    assert_eq!(read(&path).unwrap(), world);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_truth_that_the_file_states_is_kept() {
    let mut document = example();
    document["customers"][0]["subscriptions"][0]["truth"] =
        json!({"do": "leave", "reason": "the owner said so"});
    let world = parsed(&document).unwrap();
    let truth = world.customers[0].subscriptions[0].truth.clone().unwrap();
    assert_eq!((truth.act, truth.reason.as_str()), (Act::Leave, "the owner said so"));
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    assert!(parse(&format!("\u{feff}{}", example()), "test.json").is_ok());
}

#[test]
fn a_file_that_is_missing_or_is_not_json_says_where_and_what_to_do() {
    let missing = read(&file("missing")).unwrap_err();
    assert!(missing.to_string().contains("cannot be read") && missing.to_string().contains("--write-world"));
    let broken = parse("{\n  \"version\": 1\n  \"start\"", "broken.json").unwrap_err();
    assert_eq!(broken.problems.len(), 1);
    assert_eq!(broken.problems[0].place, "line 3, column 3");
    assert!(broken.to_string().starts_with("broken.json"));
}

/// Changes one thing of the example and says where the fault must be found, and a word of its cause.
type Slip = (fn(&mut Value), &'static str, &'static str);

const SLIPS: &[Slip] = &[
    // What the schema itself refuses.
    (|w| w["customers"] = json!({}), "customers", "not a list"),
    (|w| w["start"] = json!("yesterday"), "start", "parse"),
    (|w| w["faults"] = json!({"level": "wild"}), "faults.level", "unknown variant"),
    (|w| w["readings"] = json!({"swap": "maybe"}), "readings.swap", "unknown variant"),
    (|w| sub(w)["quantity"] = json!(-3), "customers[0].subscriptions[0].quantity", "-3"),
    (|w| sub(w)["colour"] = json!("red"), "customers[0].subscriptions[0].colour", "unknown field"),
    (
        |w| drop(sub(w).as_object_mut().expect("an object").remove("offer")),
        "customers[0].subscriptions[0]",
        "missing field `offer`",
    ),
    (|w| sub(w)["commitment_end"] = json!("soon"), "customers[0].subscriptions[0].commitment_end", "parse"),
    (|w| user(w)["licenses"][0]["sku"] = json!("E3"), "customers[0].users[0].licenses[0].sku", "UUID"),
    (|w| w["customers"][0]["agreement"] = json!("yes"), "customers[0].agreement", "boolean"),
    // What it must mean.
    (|w| w["version"] = json!(2), "version", "version 2"),
    (|w| w["budgets_per_minute"] = json!({"orders": 0}), "budgets_per_minute.orders", "no call"),
    (|w| w["budgets_per_minute"] = json!({"cakes": 5}), "budgets_per_minute.cakes", "not known"),
    (|w| w["lags"] = json!({"order_visible": 1000}), "lags.order_visible", "900"),
    (|w| w["lags"] = json!({"deletion_days": [120, 90]}), "lags.deletion_days", "no range"),
    (|w| inject(w, json!({"from_try": 0})), "faults.injections[0].from_try", "counted from 1"),
    (|w| inject(w, json!({"customer": OTHER})), "faults.injections[0].customer", "no such customer"),
    (
        |w| inject(w, json!({"fault": {"kind": "lost_late", "seconds": 300}})),
        "faults.injections[0].fault.seconds",
        "240",
    ),
    (
        |w| w["offers"] = json!([{"id": OTHER, "name": "New", "sku": OTHER}]),
        "offers[0].sku",
        "neither shipped",
    ),
    (
        |w| w["skus"] = json!([{"id": OTHER, "part_number": "X", "name": "X", "service_plans": []}]),
        "skus[0].service_plans",
        "at least one",
    ),
    (|w| sub(w)["id"] = json!(SECOND), "customers[0].subscriptions[1]", "already that of"),
    (
        |w| user(w)["id"] = json!("33333333-3333-4333-8333-333333333302"),
        "customers[0].users[1]",
        "already that of",
    ),
    (|w| repeat_customer(w), "customers[1].domain", "has the domain"),
    (|w| w["customers"][0]["country"] = json!("Sweden"), "customers[0].country", "no country code"),
    (|w| w["customers"][0]["segment"] = json!("faculty"), "customers[0].segment", "not known"),
    (|w| w["customers"][0]["relationship"] = json!("friend"), "customers[0].relationship", "not known"),
    (|w| w["customers"][0]["rights"] = json!("some"), "customers[0].rights", "not known"),
    (|w| w["customers"][0]["name"] = json!(" "), "customers[0].name", "empty"),
    (|w| sub(w)["status"] = json!("asleep"), "customers[0].subscriptions[0].status", "not known"),
    (|w| sub(w)["quantity"] = json!(0), "customers[0].subscriptions[0].quantity", "at least one seat"),
    (|w| sub(w)["traps"] = json!(["pitfall"]), "customers[0].subscriptions[0].traps", "not known"),
    (|w| sub(w)["offer"] = json!(OTHER), "customers[0].subscriptions[0].offer", "neither shipped"),
    (
        |w| sub(w)["commitment_end"] = json!("2019-02-01T00:00:00Z"),
        "customers[0].subscriptions[0].commitment_end",
        "before the world begins",
    ),
    (
        |w| sub(w)["created"] = json!("2020-01-01T00:00:00Z"),
        "customers[0].subscriptions[0].created",
        "after its commitment ended",
    ),
    (|w| sub(w)["parent"] = json!(SECOND), "customers[0].subscriptions[0].parent", "not an add-on"),
    (|w| add_on(w)["parent"] = json!(OTHER), "customers[0].subscriptions[3].parent", "no subscription"),
    (|w| add_on(w)["parent"] = json!(SECOND), "customers[0].subscriptions[3].parent", "cannot hang on"),
    (|w| add_on(w)["parent"] = Value::Null, "customers[0].subscriptions[3].parent", "hangs on nothing"),
    (
        |w| user(w)["principal_name"] = json!("BO@alderbakery.example"),
        "customers[0].users[1].principal_name",
        "another",
    ),
    (|w| user(w)["deleted"] = json!(true), "customers[0].users[0].licenses", "deleted user"),
    (|w| license_twice(w), "customers[0].users[0].licenses[1].sku", "twice"),
    (
        |w| user(w)["licenses"][0]["sku"] = json!(TEAM),
        "customers[0].users[0].licenses[0].sku",
        "no subscription",
    ),
    (
        |w| user(w)["licenses"][0]["disabled"] = json!([OTHER]),
        "customers[0].users[0].licenses[0].disabled",
        "no service plan",
    ),
];

const OTHER: &str = "99999999-9999-4999-8999-999999999999";
const SECOND: &str = "22222222-2222-4222-8222-222222222202";
/// The Team Members SKU: shipped, and given by nothing in the example.
const TEAM: &str = "7ac9fe77-66b7-4e5e-9e46-10eed1cff547";

fn sub(world: &mut Value) -> &mut Value {
    &mut world["customers"][0]["subscriptions"][0]
}

fn add_on(world: &mut Value) -> &mut Value {
    &mut world["customers"][0]["subscriptions"][3]
}

fn user(world: &mut Value) -> &mut Value {
    &mut world["customers"][0]["users"][0]
}

fn inject(world: &mut Value, with: Value) {
    let mut injection = json!({"operation": "place_order", "fault": {"kind": "lost_after"}});
    for (key, value) in with.as_object().expect("an object") {
        injection[key] = value.clone();
    }
    world["faults"] = json!({"injections": [injection]});
}

fn license_twice(world: &mut Value) {
    let license = user(world)["licenses"][0].clone();
    user(world)["licenses"].as_array_mut().expect("a list").push(license);
}

/// A second customer, all new but for the domain's spelling.
fn repeat_customer(world: &mut Value) {
    let customer = json!({"id": OTHER, "name": "Another", "domain": "AlderBakery.example"});
    world["customers"].as_array_mut().expect("a list").push(customer);
}

#[test]
fn every_slip_is_reported_with_its_place_its_cause_and_a_remedy() {
    for (slip, place, cause) in SLIPS {
        let mut document = example();
        slip(&mut document);
        let Err(error) = parsed(&document) else { panic!("nothing was said of {place}") };
        let problem = error.problems.iter().find(|problem| problem.place == *place);
        let problem = problem.unwrap_or_else(|| panic!("{place} is not among: {error}"));
        assert!(problem.cause.contains(cause), "{place}: {cause} is not in: {}", problem.cause);
        assert!(!problem.remedy.is_empty());
        assert_eq!(error.problems.len(), 1, "one slip, one fault: {error}");
    }
}

#[test]
fn all_faults_are_reported_at_once_and_the_good_customers_go_on() {
    let mut document = serde_json::to_value(generate(5, 6)).unwrap();
    document["customers"][1]["country"] = json!("Sweden");
    document["customers"][2]["users"][0]["principal_name"] = json!(7);
    document["customers"][4]["rights"] = json!("some");
    let path = file("good-rest");
    std::fs::write(&path, document.to_string()).unwrap();
    let error = read(&path).unwrap_err();
    let mut places: Vec<&str> = error.problems.iter().map(|problem| problem.place.as_str()).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        ["customers[1].country", "customers[2].users[0].principal_name", "customers[4].rights"]
    );
    let (world, problems) = read_good_rest(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(problems.len(), 3);
    let all = generate(5, 6).customers;
    let good: Vec<_> = [0, 3, 5].into_iter().map(|position: usize| all[position].clone()).collect();
    assert_eq!(world.customers, good);
}

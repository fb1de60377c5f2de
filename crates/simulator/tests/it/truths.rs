//! The rules of the hidden truth, one by one, each from a world that differs in that one thing.

use seatshift_simulator::world::{Act, parse};
use serde_json::{Value, json};

const OLD: &str = "22222222-2222-4222-8222-222222222201";
const SALES: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";
const PLAN: &str = "ea126fc5-a19e-42e2-a731-da9d437bffcf";
/// The retired offers by their number in the published list.
const RETIRED_SALES: &str = "5ea75a1f-2400-4000-8000-000000000001";
const RETIRED_PLAN: &str = "5ea75a1f-2400-4000-8000-000000000013";
const RETIRED_FACULTY: &str = "5ea75a1f-2400-4000-8000-000000000002";
const RETIRED_GOVERNMENT: &str = "5ea75a1f-2400-4000-8000-000000000004";
/// Sales Enterprise CRMOL Professional: stays, and shares the SKU.
const SALES_STAYING: &str = "bb9c9324-55d1-42e4-9014-45801c1fbe46";
const PLAN_STAYING: &str = "696a7e6b-4017-49b9-89d6-028e9d1aeb26";
const PLAN_TRIAL: &str = "f7d11014-c85b-485c-96f8-ae7280bafbd9";
const STORAGE: &str = "fbf0328a-8b0f-47a6-9483-dc2b36183fce";
const SALES_PROFESSIONAL: &str = "f28514f0-6516-4ef9-8222-1c605a05d245";

/// One customer, one retired subscription, one user who holds its SKU.
fn world(offer: &str, sku: &str) -> Value {
    json!({"version": 1, "start": "2019-03-01T08:00:00Z", "customers": [{
        "id": "11111111-1111-4111-8111-111111111111", "name": "Alder", "domain": "alder.example", "country": "SE",
        "subscriptions": [{"id": OLD, "offer": offer, "quantity": 5, "commitment_end": "2019-11-30T00:00:00Z"}],
        "users": [{"id": "33333333-3333-4333-8333-333333333301", "principal_name": "ada@alder.example",
                   "display_name": "Ada", "usage_location": "SE", "licenses": [{"sku": sku}]}]}]})
}

fn sales() -> Value {
    world(RETIRED_SALES, SALES)
}

fn plan() -> Value {
    world(RETIRED_PLAN, PLAN)
}

fn truth(document: &Value) -> (Act, String) {
    let world = parse(&document.to_string(), "test").unwrap_or_else(|error| panic!("{error}"));
    let old =
        world.customers[0].subscriptions.iter().find(|s| s.id.to_string() == OLD).expect("the retired one");
    let truth = old.truth.clone().expect("a truth");
    (truth.act, truth.reason)
}

/// The world after a change.
fn with(mut world: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut world["customers"][0]);
    world
}

fn beside(world: Value, offer: &str, status: &str) -> Value {
    with(world, |customer| {
        let other = json!({"id": "22222222-2222-4222-8222-222222222209", "offer": offer, "quantity": 25,
            "status": status, "billing_cycle": "none", "commitment_end": "2019-11-30T00:00:00Z"});
        customer["subscriptions"].as_array_mut().expect("a list").push(other);
    })
}

fn add_on(world: Value, status: &str) -> Value {
    with(beside(world, STORAGE, status), |customer| customer["subscriptions"][1]["parent"] = json!(OLD))
}

fn old(world: Value, key: &str, value: Value) -> Value {
    with(world, |customer| customer["subscriptions"][0][key] = value)
}

fn excluded(names: &[&str]) -> Value {
    let catalogue = seatshift_simulator::world::Catalogue::shipped();
    let sku = SALES.parse().expect("an id");
    let off: Vec<String> =
        names.iter().map(|name| catalogue.plan(sku, name).expect("a plan").to_string()).collect();
    with(sales(), |customer| customer["users"][0]["licenses"][0]["disabled"] = json!(off))
}

fn is(act: Act, word: &str, world: &Value) {
    let (found, reason) = truth(world);
    assert_eq!(found, act, "{reason}: {world}");
    assert!(reason.contains(word), "`{word}` is not in `{reason}`: {world}");
}

#[test]
fn plain_subscriptions_of_both_families_move() {
    is(Act::Move, "", &sales());
    is(Act::Move, "", &plan());
    for quantity in [1, 99, 100, 250, 999, 1000, 5000] {
        is(Act::Move, "", &old(plan(), "quantity", json!(quantity)));
    }
    is(Act::Move, "", &with(sales(), |customer| customer["users"] = json!([])));
}

#[test]
fn renewal_switched_on_and_seats_far_from_use_change_nothing() {
    is(Act::Move, "", &old(sales(), "auto_renew", json!(true)));
    is(Act::Move, "", &old(sales(), "quantity", json!(4000)));
}

#[test]
fn nonprofit_customers_move_to_the_nonprofit_offers() {
    for world in [sales(), plan()] {
        is(Act::Move, "", &with(world, |customer| customer["segment"] = json!("nonprofit")));
    }
}

#[test]
fn what_is_over_or_nearly_over_is_left() {
    for status in ["suspended", "expired", "deleted", "disabled"] {
        is(Act::Leave, "no longer active", &old(sales(), "status", json!(status)));
    }
    for (end, act) in
        [("03-01", Act::Leave), ("03-02", Act::Leave), ("03-03", Act::Leave), ("03-04", Act::Move)]
    {
        is(act, "", &old(sales(), "commitment_end", json!(format!("2019-{end}T00:00:00Z"))));
    }
}

#[test]
fn a_name_that_is_only_nearly_right_asks() {
    let misspelt = "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualified Offers)";
    is(Act::Ask, "only nearly", &old(sales(), "offer_name", json!(misspelt)));
    is(Act::Ask, "only nearly", &old(sales(), "offer_name", json!("Something else altogether")));
    let without_edition = "dynamics 365 for Sales, Enterprise CRMOL Basic (Qualified Offer)";
    is(Act::Move, "", &old(sales(), "offer_name", json!(without_edition)));
}

#[test]
fn segments_without_a_known_replacement_ask() {
    let faculty = with(world(RETIRED_FACULTY, SALES), |customer| customer["segment"] = json!("education"));
    is(Act::Ask, "no replacement", &faculty);
    let government = "28b275ce-aec7-4c26-82e2-1ffbc2746ad4";
    let government =
        with(world(RETIRED_GOVERNMENT, government), |customer| customer["segment"] = json!("government"));
    is(Act::Ask, "no replacement", &government);
    is(Act::Ask, "no replacement", &with(sales(), |customer| customer["segment"] = json!("education")));
}

#[test]
fn a_replacement_that_is_not_sold_in_the_country_asks() {
    let mut world = sales();
    world["offers"] = json!([{"id": SALES_PROFESSIONAL, "name": "Dynamics 365 for Sales Professional",
        "sku": "be9f9771-1c64-4618-9907-244325141096", "countries": ["US"]}]);
    is(Act::Ask, "not sold", &world);
    is(Act::Move, "", &with(world, |customer| customer["country"] = json!("US")));
}

#[test]
fn missing_agreements_relations_and_rights_ask() {
    is(Act::Ask, "agreement", &with(sales(), |customer| customer["agreement"] = json!(false)));
    is(Act::Ask, "reseller relation", &with(sales(), |customer| customer["relationship"] = json!("none")));
    for world in [sales(), plan()] {
        is(Act::Ask, "rights", &with(world, |customer| customer["rights"] = json!("none")));
    }
    is(Act::Ask, "rights", &with(sales(), |customer| customer["rights"] = json!("read")));
    // Nobody's license is changed: reading is enough.
    is(Act::Move, "", &with(plan(), |customer| customer["rights"] = json!("read")));
    let mut world = sales();
    world["partner"] = json!({"agreement_accepted": false});
    is(Act::Ask, "agreement", &world);
}

#[test]
fn active_add_ons_and_trials_ask() {
    for world in [sales(), plan()] {
        is(Act::Ask, "add-ons", &add_on(world.clone(), "active"));
        is(Act::Move, "", &add_on(world, "suspended"));
    }
    is(Act::Ask, "trial", &beside(plan(), PLAN_TRIAL, "active"));
    is(Act::Move, "", &beside(plan(), PLAN_TRIAL, "expired"));
}

#[test]
fn a_shared_pool_asks_where_users_must_be_told_apart_and_only_there() {
    is(Act::Ask, "stays", &beside(sales(), SALES_STAYING, "active"));
    is(Act::Move, "", &beside(sales(), SALES_STAYING, "suspended"));
    is(Act::Ask, "another retired", &beside(sales(), RETIRED_SALES, "active"));
    is(Act::Move, "", &beside(plan(), PLAN_STAYING, "active"));
    is(Act::Move, "", &beside(plan(), RETIRED_PLAN, "active"));
    is(Act::Move, "", &beside(sales(), RETIRED_PLAN, "active"));
}

#[test]
fn licenses_from_groups_and_users_nowhere_ask_where_users_are_reassigned() {
    let group = |customer: &mut Value| customer["users"][0]["licenses"][0]["group"] = json!(OLD);
    let nowhere = |customer: &mut Value| customer["users"][0]["usage_location"] = Value::Null;
    is(Act::Ask, "group", &with(sales(), group));
    is(Act::Ask, "usage location", &with(sales(), nowhere));
    is(Act::Move, "", &with(plan(), group));
    is(Act::Move, "", &with(plan(), nowhere));
}

#[test]
fn excluded_plans_move_where_each_has_a_counterpart_or_nothing_to_gain() {
    is(
        Act::Move,
        "",
        &excluded(&["FLOW_DYN_APPS", "POWERAPPS_DYN_APPS", "PROJECT_ESSENTIALS", "NBENTERPRISE"]),
    );
    is(Act::Ask, "excluded service plan", &excluded(&["PROJECT_ESSENTIALS", "DYN365_ENTERPRISE_SALES"]));
}

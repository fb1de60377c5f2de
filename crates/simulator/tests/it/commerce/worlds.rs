//! Worlds that sell new commerce: generated, written by hand, and wrong.

use seatshift_simulator::world::{
    Act, Options, Sold, World, generate, generate_with, parse, truth, validate,
};
use serde_json::{Value, json};

use super::shop::{ITEM, commerce, withdraw};
use crate::api::stage::{CUSTOMER, OLD, Stage};

fn sold(sold: Sold) -> World {
    generate_with(42, 200, Options { sold })
}

#[test]
fn what_is_sold_changes_nobody() {
    let legacy = generate(42, 200);
    assert_eq!(sold(Sold::Legacy), legacy);
    for other in [Sold::Both, Sold::NewCommerce] {
        let world = sold(other);
        assert_eq!(world.new_commerce.products.len(), 5);
        assert_eq!(world.customers, legacy.customers, "truths too: each has its replacement in new commerce");
        validate(&world).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(sold(Sold::Both).offers.is_empty());
    assert_eq!("both".parse(), Ok(Sold::Both));
    assert!("all".parse::<Sold>().is_err());
}

#[tokio::test(start_paused = true)]
async fn in_a_world_of_new_commerce_commercial_customers_buy_it_and_nonprofits_still_buy_legacy() {
    const SALES: &str = "f28514f0-6516-4ef9-8222-1c605a05d245";
    const SALES_NONPROFIT: &str = "a6b49b8a-38be-4341-b05f-fb54c89d7e21";
    let world = sold(Sold::NewCommerce);
    let buyer = |segment: &str| {
        let fits = |c: &&seatshift_simulator::world::Customer| {
            c.segment == segment && c.agreement && c.relationship == "reseller"
        };
        world.customers.iter().find(fits).expect("one").id
    };
    let (commercial, nonprofit) = (buyer("commercial"), buyer("nonprofit"));
    let stage = Stage::of(serde_json::to_value(&world).expect("JSON")).await;
    let order = |offer: &str| {
        json!({"billingCycle": "annual",
               "lineItems": [{"lineItemNumber": 0, "offerId": offer, "quantity": 1, "termDuration": "P1Y"}]})
    };
    let refused = stage.post(&format!("/customers/{commercial}/orders"), &order(SALES)).await;
    assert_eq!(refused.refusal(), (403, 2091));
    let named = refused.body["description"].as_str().expect("text");
    let item = named.rsplit(' ').next().expect("a word").trim_end_matches('.');
    assert_eq!(
        stage.post(&format!("/customers/{commercial}/orders"), &order(item)).await.status,
        201,
        "{item}"
    );
    let bought = stage.post(&format!("/customers/{nonprofit}/orders"), &order(SALES_NONPROFIT)).await;
    assert_eq!(bought.status, 201);
}

/// The truth about the stage's old subscription, which is alone with Alice and Bob here.
fn judged(change: impl FnOnce(&mut Value)) -> (Act, String) {
    let mut world = commerce();
    world["customers"][0]["subscriptions"].as_array_mut().expect("a list").truncate(1);
    world["customers"][0]["users"].as_array_mut().expect("a list").truncate(2);
    change(&mut world);
    let world = parse(&world.to_string(), "test.json").unwrap_or_else(|error| panic!("{error}"));
    let id = |text: &str| text.parse().expect("an id");
    let truth = truth::of(&world, id(CUSTOMER), id(OLD)).expect("it is about the job");
    (truth.act, truth.reason)
}

#[test]
fn a_withdrawn_replacement_moves_to_its_equivalent_and_asks_where_there_is_none() {
    let withdrawn = |equivalent: Value| judged(|world| withdraw(world, json!({"equivalent": equivalent})));
    assert_eq!(withdrawn(json!(ITEM)).0, Act::Move);
    assert_eq!(withdrawn(json!(null)), (Act::Ask, "the replacement is not sold to this customer".to_owned()));
    assert_eq!(withdrawn(json!("CFQ7TTC0SLS1:0002")).0, Act::Ask, "that is for nonprofits");
    let later = judged(|world| withdraw(world, json!({"since": "2030-01-01T00:00:00Z"})));
    assert_eq!(later.0, Act::Move);
    let cycle = judged(|world| {
        withdraw(world, json!({"equivalent": ITEM}));
        world["new_commerce"]["products"][0]["skus"][0]["terms"] =
            json!([{"duration": "P1Y", "billing_cycle": "annual"}]);
    });
    assert_eq!(cycle.0, Act::Ask, "who pays monthly goes on paying monthly");
}

#[test]
fn holds_caps_and_sandboxes_ask() {
    let asks = |change: fn(&mut Value)| assert_eq!(judged(change).0, Act::Ask);
    asks(|world| world["customers"][0]["purchasing"] = json!({"hold": "credit"}));
    asks(|world| world["customers"][0]["purchasing"] = json!({"max_seats": 1}));
    asks(|world| world["customers"][0]["purchasing"] = json!({"max_subscriptions": 1}));
    asks(|world| world["partner"] = json!({"countries": ["SE"]}));
    asks(|world| {
        world["partner"] = json!({"resellers_without_agreement": ["4100001"]});
        world["customers"][0]["subscriptions"][0]["reseller_mpn"] = "4100001".into();
    });
    let roomy = judged(|world| {
        world["partner"] = json!({"sandbox": true, "countries": ["US"]});
        world["customers"][0]["purchasing"] = json!({"max_seats": 2, "max_subscriptions": 2});
    });
    assert_eq!(roomy.0, Act::Move);
}

#[test]
fn a_subscription_of_new_commerce_in_the_pool_makes_its_users_hard_to_tell_apart() {
    let shared = judged(|world| {
        world["new_commerce"]["products"][0]["skus"][0]["license_sku"] = crate::api::stage::OLD_SKU.into();
        let held = json!({"id": "a0000000-0000-4000-8000-000000000009", "offer": ITEM, "quantity": 4,
                          "commitment_end": "2020-05-31T00:00:00Z"});
        world["customers"][0]["subscriptions"].as_array_mut().expect("a list").push(held);
    });
    assert_eq!(shared.0, Act::Ask);
}

#[test]
fn whatever_is_wrong_with_what_is_sold_is_said_with_its_place() {
    type Spoil = fn(&mut Value);
    let cases: [(Spoil, &str); 14] = [
        (|w| w["new_commerce"]["products"][0]["id"] = "short".into(), "new_commerce.products[0].id"),
        (|w| w["new_commerce"]["products"][0]["skus"] = json!([]), "new_commerce.products[0].skus"),
        (
            |w| w["new_commerce"]["products"][0]["skus"][1]["id"] = "0001".into(),
            "new_commerce.products[0].skus[1].id",
        ),
        (
            |w| w["new_commerce"]["products"][0]["skus"][0]["license_sku"] = CUSTOMER.into(),
            "skus[0].license_sku",
        ),
        (
            |w| w["new_commerce"]["products"][0]["skus"][0]["minimum_quantity"] = 301.into(),
            "skus[0].minimum_quantity",
        ),
        (
            |w| {
                w["new_commerce"]["products"][0]["skus"][0]["terms"] =
                    json!([{"duration": "P2Y", "billing_cycle": "annual"}])
            },
            "skus[0].terms[0].duration",
        ),
        (
            |w| w["new_commerce"]["products"][0]["skus"][1]["sales"][1]["segment"] = "nonprofit".into(),
            "skus[1].sales[1]",
        ),
        (|w| w["new_commerce"]["cart_lifetime"] = 0.into(), "new_commerce.cart_lifetime"),
        (|w| withdraw(w, json!({"equivalent": "CFQ7TTC0SLS1:0009"})), "offers[2].withdrawn[0].equivalent"),
        (|w| withdraw(w, json!({"code": 400})), "offers[2].withdrawn[0].code"),
        (|w| withdraw(w, json!({"countries": ["Sweden"]})), "offers[2].withdrawn[0].countries"),
        (|w| w["offers"][0]["limit"] = json!({"unit": "daily", "count": 1}), "offers[0].limit.unit"),
        (|w| w["customers"][0]["purchasing"] = json!({"hold": "forever"}), "customers[0].purchasing.hold"),
        (
            |w| w["customers"][0]["subscriptions"][0]["new_commerce"] = json!({"catalog_item": ITEM}),
            "customers[0].subscriptions[0].new_commerce",
        ),
    ];
    for (spoil, place) in cases {
        let mut world = commerce();
        spoil(&mut world);
        let error = parse(&world.to_string(), "test.json").expect_err(place);
        assert!(error.problems.iter().any(|problem| problem.place.ends_with(place)), "{place}: {error}");
    }
    let mut world = commerce();
    world["customers"][0]["subscriptions"][0]["offer"] = "no offer".into();
    let error = parse(&world.to_string(), "test.json").expect_err("no offer");
    assert!(error.to_string().contains("customers[0].subscriptions[0].offer"), "{error}");
}

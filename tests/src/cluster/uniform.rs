//! Worlds for measuring: every customer alike, nothing in the way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use seatshift_simulator::world::{
    Customer, Faults, Lags, License, NewCommerce, Partner, Purchasing, Readings, Subscription, User, World,
};
use uuid::Uuid;

/// A retired offer that has a default target, and the SKU it hangs on.
const OFFER: &str = "5ea75a1f-2400-4000-8000-000000000001";
const SKU: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";

/// So many customers with one retired subscription and so many users each; no faults, no limits, and no lags but
/// this one before each answer, in simulated seconds.
pub fn uniform(customers: usize, users: usize, answer: u32) -> World {
    let constant = |text: &str| text.parse::<Uuid>().expect("a constant");
    let start: Timestamp = "2019-03-01T08:00:00Z".parse().expect("a constant");
    let end: Timestamp = "2019-11-30T00:00:00Z".parse().expect("a constant");
    let id = |kind: u128, customer: usize, one: usize| {
        Uuid::from_u128(kind << 96 | (customer as u128) << 32 | one as u128)
    };
    let user = |customer: usize, one: usize| User {
        id: id(0x0b5e_0003, customer, one),
        principal_name: format!("user{one}@customer{customer}.example"),
        display_name: format!("User {one}"),
        usage_location: Some("US".to_owned()),
        deleted: false,
        licenses: vec![License { sku: constant(SKU), disabled: Vec::new(), group: None }],
    };
    let subscription = |customer: usize| Subscription {
        id: id(0x0b5e_0002, customer, 0),
        offer: constant(OFFER),
        quantity: u32::try_from(users).expect("a small number"),
        status: "active".to_owned(),
        auto_renew: false,
        commitment_end: end,
        created: None,
        billing_cycle: "monthly".to_owned(),
        nickname: None,
        reseller_mpn: None,
        parent: None,
        order: None,
        offer_name: None,
        new_commerce: None,
        traps: Vec::new(),
        truth: None,
    };
    let customer = |customer: usize| Customer {
        id: id(0x0b5e_0001, customer, 0),
        name: format!("Customer {customer}"),
        domain: format!("customer{customer}.example"),
        country: "US".to_owned(),
        segment: "commercial".to_owned(),
        relationship: "reseller".to_owned(),
        agreement: true,
        rights: "full".to_owned(),
        purchasing: Purchasing::default(),
        subscriptions: vec![subscription(customer)],
        users: (0..users).map(|one| user(customer, one)).collect(),
    };
    const NO_LIMIT: u32 = 100_000_000;
    let families = ["customers", "subscriptions", "orders", "offers", "users", "licenses", "skus"];
    World {
        version: 1,
        seed: 1,
        start,
        partner: Partner::default(),
        readings: Readings::default(),
        faults: Faults::default(),
        budgets_per_minute: families
            .map(|family| (family.to_owned(), NO_LIMIT))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        lags: Lags {
            provisioning: 0,
            seats: 0,
            order_visible: 0,
            provisioning_status: 0,
            answer,
            ..Lags::default()
        },
        skus: Vec::new(),
        offers: Vec::new(),
        new_commerce: NewCommerce::default(),
        customers: (0..customers).map(customer).collect(),
    }
}

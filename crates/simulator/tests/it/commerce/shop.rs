//! The stage with a catalogue of new commerce, and how one buys there.

use http::Method;
use serde_json::{Value, json};

use crate::api::stage::{Answer, CUSTOMER, NEW_OFFER, NEW_SKU, Stage, world};

pub(super) const PRODUCT: &str = "CFQ7TTC0SLS1";
/// The item, as faults and withdrawals name it.
pub(super) const ITEM: &str = "CFQ7TTC0SLS1:0001";
pub(super) const REQUEST: &str = "e0000000-0000-4000-8000-000000000001";

/// The stage's world, in which Sales Professional is sold as new commerce too. One SKU more is for nonprofits alone.
pub(super) fn commerce() -> Value {
    let mut world = world();
    world["new_commerce"] = json!({"products": [{"id": PRODUCT, "title": "Dynamics 365 Sales", "skus": [
        {"id": "0001", "title": "Dynamics 365 Sales Professional", "license_sku": NEW_SKU, "maximum_quantity": 300},
        {"id": "0002", "title": "Dynamics 365 Sales Professional (Nonprofit)", "license_sku": NEW_SKU,
         "sales": [{"segment": "nonprofit"}, {"segment": "government", "countries": ["US"]}]}]}]});
    world
}

pub(super) async fn shop() -> Stage {
    Stage::of(commerce()).await
}

pub(super) async fn shop_with(change: impl FnOnce(&mut Value)) -> Stage {
    let mut world = commerce();
    change(&mut world);
    Stage::of(world).await
}

/// The legacy offer is no longer sold to commercial customers.
pub(super) fn withdraw(world: &mut Value, withdrawal: Value) {
    let offer = json!({"id": NEW_OFFER, "name": "Dynamics 365 for Sales Professional", "sku": NEW_SKU,
                       "withdrawn": [withdrawal]});
    world["offers"].as_array_mut().expect("a list").push(offer);
}

impl Stage {
    /// The triple as it is called now.
    pub(super) async fn item(&self) -> String {
        let found = self.read(&format!("/products/{PRODUCT}/skus/0001/availabilities")).await;
        found.items()[0]["catalogItemId"].as_str().expect("a triple").to_owned()
    }

    pub(super) async fn cart(&self, lines: Value) -> Answer {
        self.post(&format!("/customers/{CUSTOMER}/carts"), &json!({"lineItems": lines})).await
    }

    /// A cart of so many seats of the item as it is called now.
    pub(super) async fn cart_of(&self, quantity: u32) -> String {
        let item = self.item().await;
        let cart = self.cart(json!([line(&item, quantity)])).await;
        assert_eq!(cart.status, 201, "{}", cart.body);
        cart.body["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn check_out(&self, cart: &str) -> Answer {
        self.check_out_as(cart, &[]).await
    }

    pub(super) async fn check_out_as(&self, cart: &str, headers: &[(&str, &str)]) -> Answer {
        let path = format!("/customers/{CUSTOMER}/carts/{cart}/checkout");
        self.call(Method::POST, &path, headers, None).await
    }

    /// Buys so many seats and waits until they are assignable. The subscription's id.
    pub(super) async fn bought(&self, quantity: u32) -> String {
        let cart = self.cart_of(quantity).await;
        let answer = self.check_out(&cart).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let order = answer.body["orders"][0]["id"].as_str().expect("an order").to_owned();
        self.pass(160).await;
        let found = self.read(&format!("/subscriptions?order_id={order}")).await;
        found.items()[0]["id"].as_str().expect("a subscription").to_owned()
    }

    /// Orders in the books, whoever placed them.
    pub(super) fn placed(&self) -> usize {
        let placed = |entry: &&seatshift_simulator::books::Entry| {
            matches!(entry.change, seatshift_simulator::books::Change::OrderPlaced { .. })
        };
        self.changes().iter().filter(placed).count()
    }
}

pub(super) fn line(item: &str, quantity: u32) -> Value {
    json!({"id": 0, "catalogItemId": item, "friendlyName": "Sales Pro", "quantity": quantity,
           "billingCycle": "monthly", "termDuration": "P1Y"})
}

/// The name of the error of a cart's first line.
pub(super) fn error_of(cart: &Answer) -> &str {
    cart.body["lineItems"][0]["error"]["errorCode"].as_str().unwrap_or_default()
}

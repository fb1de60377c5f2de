//! A small hand-written world and a caller of its router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use seatshift_simulator::books::{Change, Entry};
use seatshift_simulator::world::World;
use seatshift_simulator::{LOST_HEADER, Simulator, TokioClock};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const CUSTOMER: &str = "c0000000-0000-4000-8000-000000000001";
pub(crate) const OLD: &str = "a0000000-0000-4000-8000-000000000001";
pub(crate) const ADD_ON: &str = "a0000000-0000-4000-8000-000000000002";
pub(crate) const ALICE: &str = "b0000000-0000-4000-8000-000000000001";
pub(crate) const BOB: &str = "b0000000-0000-4000-8000-000000000002";
pub(crate) const GUS: &str = "b0000000-0000-4000-8000-000000000003";
pub(crate) const NOWHERE: &str = "b0000000-0000-4000-8000-000000000004";
pub(crate) const OLD_OFFER: &str = "10000000-0000-4000-8000-000000000001";
pub(crate) const NEW_OFFER: &str = "f28514f0-6516-4ef9-8222-1c605a05d245";
pub(crate) const ADD_ON_OFFER: &str = "10000000-0000-4000-8000-000000000002";
pub(crate) const OLD_SKU: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";
pub(crate) const NEW_SKU: &str = "be9f9771-1c64-4618-9907-244325141096";
/// A service plan of the old SKU.
pub(crate) const PLAN: &str = "1259157c-8581-4875-bca7-2ffb18c51bda";
const GROUP: &str = "d0000000-0000-4000-8000-000000000001";

/// One customer: a retired base of five seats with an add-on, two users on it directly, one through a group, one
/// without a license and a usage location.
pub(crate) fn world() -> Value {
    json!({
        "version": 1, "seed": 7, "start": "2019-06-01T00:00:00Z",
        "offers": [
            {"id": OLD_OFFER, "name": "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualified Offer)",
             "sku": OLD_SKU, "retired": true, "on_sale": false, "maximum_quantity": 100},
            {"id": ADD_ON_OFFER, "name": "Extra storage", "sku": "8e7a3d30-d97d-43ab-837c-d7701cef83dc",
             "add_on": true, "prerequisite_offers": [OLD_OFFER]}],
        "skus": [{"id": "8e7a3d30-d97d-43ab-837c-d7701cef83dc", "part_number": "STORAGE", "name": "Storage",
                  "service_plans": [{"id": "8e7a3d30-0000-4000-8000-000000000001", "name": "STORAGE"}]}],
        "customers": [{
            "id": CUSTOMER, "name": "Fabrikam", "domain": "fabrikam.example", "country": "US",
            "subscriptions": [
                {"id": OLD, "offer": OLD_OFFER, "quantity": 5, "commitment_end": "2019-12-31T00:00:00Z"},
                {"id": ADD_ON, "offer": ADD_ON_OFFER, "quantity": 1, "parent": OLD,
                 "commitment_end": "2019-12-31T00:00:00Z"}],
            "users": [
                {"id": ALICE, "principal_name": "alice@fabrikam.example", "display_name": "Alice Example",
                 "usage_location": "US", "licenses": [{"sku": OLD_SKU, "disabled": [PLAN]}]},
                {"id": BOB, "principal_name": "bob@fabrikam.example", "display_name": "Bob Example",
                 "usage_location": "US", "licenses": [{"sku": OLD_SKU}]},
                {"id": GUS, "principal_name": "gus@fabrikam.example", "display_name": "Gus Example",
                 "usage_location": "US", "licenses": [{"sku": OLD_SKU, "group": GROUP}]},
                {"id": NOWHERE, "principal_name": "nowhere@fabrikam.example", "display_name": "Nowhere"}]
        }]
    })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
    pub(crate) lost: bool,
}

impl Answer {
    /// Status and error code.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        (self.status, self.body["code"].as_u64().unwrap_or_default())
    }

    pub(crate) fn items(&self) -> &Vec<Value> {
        self.body["items"].as_array().expect("a collection")
    }
}

/// A simulator, its router, and the tokens of both flows.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) router: Router,
    pub(crate) app: String,
    pub(crate) user: String,
}

impl Stage {
    pub(crate) async fn plain() -> Self {
        Self::of(world()).await
    }

    /// The world with something changed in it.
    pub(crate) async fn with(change: impl FnOnce(&mut Value)) -> Self {
        let mut world = world();
        change(&mut world);
        Self::of(world).await
    }

    pub(crate) async fn of(world: Value) -> Self {
        let world: World = serde_json::from_value(world).expect("a world");
        let clock = TokioClock::new(world.start);
        let partner = world.partner.clone();
        let simulator = Simulator::new(world, Arc::new(clock)).unwrap_or_else(|error| panic!("{error}"));
        let router = simulator.router();
        let mut stage = Self { simulator, router, app: String::new(), user: String::new() };
        let form = format!("client_id={}&client_secret={}", partner.client_id, partner.client_secret);
        let app = stage.token(&format!("{form}&grant_type=client_credentials")).await;
        stage.app = app.body["access_token"].as_str().expect("a token").into();
        let refresh = partner.refresh_token;
        let user = stage.token(&format!("{form}&grant_type=refresh_token&refresh_token={refresh}")).await;
        stage.user = user.body["access_token"].as_str().expect("a token").into();
        stage
    }

    pub(crate) async fn token(&self, form: &str) -> Answer {
        let request =
            Request::post("/common/oauth2/token").body(Body::from(form.to_owned())).expect("a request");
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body in memory").to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let lost = parts.headers.contains_key(LOST_HEADER);
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, body, lost }
    }

    /// A call with the App+User token; `headers` beside the usual ones.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        self.call_as(&self.user, method, path, headers, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let path = if path.starts_with("/_") { path.to_owned() } else { format!("/v1{path}") };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {token}"))
            .header("X-Locale", "en-US")
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// GET below the customer.
    pub(crate) async fn read(&self, path: &str) -> Answer {
        self.get(&format!("/customers/{CUSTOMER}{path}")).await
    }

    pub(crate) async fn order(&self, offer: &str, quantity: u32) -> Answer {
        self.post(&format!("/customers/{CUSTOMER}/orders"), &an_order(offer, quantity)).await
    }

    /// Assigns and removes at a user.
    pub(crate) async fn swap(&self, user: &str, assign: &[&str], remove: &[&str]) -> Answer {
        let assign: Vec<Value> =
            assign.iter().map(|sku| json!({"skuId": sku, "excludedPlans": []})).collect();
        let body = json!({"licensesToAssign": assign, "licensesToRemove": remove});
        self.post(&format!("/customers/{CUSTOMER}/users/{user}/licenseupdates"), &body).await
    }

    /// A PATCH of the full resource as it is read now, with some keys changed.
    pub(crate) async fn patch(&self, subscription: &str, changes: Value) -> Answer {
        let path = format!("/customers/{CUSTOMER}/subscriptions/{subscription}");
        let resource = self.get(&path).await.body;
        self.patch_from(resource, changes).await
    }

    /// A PATCH of a resource that was read earlier.
    pub(crate) async fn patch_from(&self, mut resource: Value, changes: Value) -> Answer {
        for (key, value) in changes.as_object().expect("an object") {
            resource[key] = value.clone();
        }
        let id = resource["id"].as_str().expect("an id").to_owned();
        let path = format!("/customers/{CUSTOMER}/subscriptions/{id}");
        self.call(Method::PATCH, &path, &[], Some(&resource)).await
    }

    pub(crate) async fn status(&self, subscription: &str) -> String {
        let answer = self.read(&format!("/subscriptions/{subscription}")).await;
        answer.body["status"].as_str().expect("a status").to_owned()
    }

    /// (active, consumed, available, suspended) of a SKU's pool; none where the tenant does not know the SKU.
    pub(crate) async fn pool(&self, sku: &str) -> Option<(i64, i64, i64, i64)> {
        let answer = self.read("/subscribedskus").await;
        let found = answer.items().iter().find(|item| item["productSku"]["id"] == sku)?.clone();
        let number = |key: &str| found[key].as_i64().expect("a number");
        Some((
            number("activeUnits"),
            number("consumedUnits"),
            number("availableUnits"),
            number("suspendedUnits"),
        ))
    }

    /// The SKUs that a user holds.
    pub(crate) async fn held(&self, user: &str) -> Vec<String> {
        let answer = self.read(&format!("/users/{user}/licenses")).await;
        answer
            .items()
            .iter()
            .map(|item| item["productSku"]["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    }

    /// A read after so long a time that the tokens have run out: with a fresh one.
    pub(crate) async fn deep_read(&self, path: &str) -> Answer {
        let token = self.fresh().await;
        let path = format!("/customers/{CUSTOMER}{path}");
        self.call_as(&token, Method::GET, &path, &[], None).await
    }

    pub(crate) async fn deep_status(&self, subscription: &str) -> String {
        let answer = self.deep_read(&format!("/subscriptions/{subscription}")).await;
        answer.body["status"].as_str().expect("a status").to_owned()
    }

    pub(crate) async fn deep_patch(&self, subscription: &str, changes: Value) -> Answer {
        let mut resource = self.deep_read(&format!("/subscriptions/{subscription}")).await.body;
        for (key, value) in changes.as_object().expect("an object") {
            resource[key] = value.clone();
        }
        let path = format!("/customers/{CUSTOMER}/subscriptions/{subscription}");
        self.call_as(&self.fresh().await, Method::PATCH, &path, &[], Some(&resource)).await
    }

    pub(crate) async fn fresh(&self) -> String {
        let form = "client_id=5ea75a1f-7000-4000-8000-000000000001&client_secret=simulated-secret\
                    &grant_type=authorization_code&code=simulated-code";
        self.token(form).await.body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Changes in the books that are none of the world's beginning.
    pub(crate) fn changes(&self) -> Vec<Entry> {
        let mut books = self.simulator.books();
        books.retain(|entry| entry.actor != seatshift_simulator::books::Actor::World);
        books
    }

    /// Faults in the books: operation, kind, after the change.
    pub(crate) fn faults(&self) -> Vec<(String, String, bool)> {
        let faults = self.changes().into_iter().filter_map(|entry| match entry.change {
            Change::FaultInjected { operation, kind, after_the_change, .. } => {
                Some((operation, kind, after_the_change))
            }
            _ => None,
        });
        faults.collect()
    }
}

pub(crate) fn an_order(offer: &str, quantity: u32) -> Value {
    json!({"referenceCustomerId": CUSTOMER, "billingCycle": "monthly", "lineItems": [
        {"lineItemNumber": 0, "offerId": offer, "quantity": quantity, "friendlyName": "Sales Pro"}]})
}

/// A world's `faults` with one fault at the first try of an operation.
pub(crate) fn one_fault(operation: &str, fault: Value) -> Value {
    json!({"injections": [{"operation": operation, "fault": fault}]})
}

//! A partner in memory: customers with subscriptions, pools and users, answered in the words of the wire contract.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use seatshift_catalog::{plan, plan_name, retired_offers};
use seatshift_partner_center as pc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::planning::{Desk, MemoryCache, Plan, PlanOptions, PlanRow, Quiet, discover};

pub(crate) const SALES: &str = "1e1a282c-9c54-43a2-9310-98ef728faace";
pub(crate) const SALES_PRO: &str = "be9f9771-1c64-4618-9907-244325141096";
pub(crate) const PLAN: &str = "ea126fc5-a19e-42e2-a731-da9d437bffcf";
pub(crate) const SALES_PRO_OFFER: &str = "f28514f0-6516-4ef9-8222-1c605a05d245";
pub(crate) const SALES_ENTERPRISE_OFFER: &str = "e5aeedc5-e2f0-4099-aa45-95802034d7f8";
pub(crate) const TIER_1_OFFER: &str = "bb30b486-53be-4ecf-bb85-6f50979f0579";
pub(crate) const NEW_COMMERCE_OFFER: &str = "cfq7ttc0lh18:0001:cfq7ttc0k971";

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + number)
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub id: Uuid,
    pub location: Option<&'static str>,
    /// SKU, and the names of the service plans that are off.
    pub licenses: Vec<(&'static str, Vec<&'static str>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub id: Uuid,
    pub offer: String,
    pub name: String,
    pub nickname: &'static str,
    pub quantity: i64,
    pub status: &'static str,
    pub auto_renew: bool,
    pub trial: bool,
    pub end: &'static str,
    pub cycle: &'static str,
    pub sku: &'static str,
    pub parent: Option<Uuid>,
    pub reseller: &'static str,
    /// The provisioning status answers.
    pub provisioned: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub id: Uuid,
    pub country: &'static str,
    pub relationship: &'static str,
    pub signed: bool,
    pub qualifications: Vec<(&'static str, &'static str)>,
    pub subscriptions: Vec<Subscription>,
    pub users: Vec<User>,
    /// Active units that no subscription of this partner accounts for.
    pub other_units: i64,
    /// Consumed units that no listed user accounts for.
    pub hidden: i64,
}

/// A retired subscription of the 24, by position in Microsoft's list.
pub(crate) fn retired(number: u128, at: usize, sku: &'static str) -> Subscription {
    Subscription {
        id: id(1000 + number),
        offer: id(9000 + at as u128).to_string().to_uppercase(),
        name: retired_offers()[at].name.clone(),
        nickname: "Sales QO",
        quantity: 25,
        status: "active",
        auto_renew: false,
        trial: false,
        end: "2019-06-30T00:00:00Z",
        cycle: "monthly",
        sku,
        parent: None,
        reseller: "4847383",
        provisioned: true,
    }
}

pub(crate) fn other(number: u128, offer: &str, name: &str, sku: &'static str) -> Subscription {
    Subscription {
        offer: offer.to_owned(),
        name: name.to_owned(),
        nickname: "",
        quantity: 5,
        ..retired(number, 0, sku)
    }
}

pub(crate) fn user(number: u128, sku: &'static str) -> User {
    User { id: id(5000 + number), location: Some("SE"), licenses: vec![(sku, vec![])] }
}

/// One retired Sales subscription of 25 seats with three users.
pub(crate) fn customer(number: u128) -> Customer {
    Customer {
        id: id(number),
        country: "SE",
        relationship: "reseller",
        signed: true,
        qualifications: Vec::new(),
        subscriptions: vec![retired(number, 0, SALES)],
        users: (0..3).map(|one| user(100 * number + one, SALES)).collect(),
        other_units: 0,
        hidden: 0,
    }
}

#[derive(Debug)]
pub(crate) struct Partner {
    pub customers: Vec<Customer>,
    /// Requests whose path holds the text are answered with status and code.
    pub faults: Vec<(&'static str, u16, u64)>,
    pub log: Mutex<Vec<String>>,
    /// So many requests in a row fail before one is answered.
    pub outage: AtomicU64,
}

impl Partner {
    pub(crate) fn new(customers: Vec<Customer>) -> Partner {
        Partner { customers, faults: Vec::new(), log: Mutex::default(), outage: AtomicU64::new(0) }
    }

    /// Paths asked for, since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn answer(&self, path: &str) -> (u16, Value) {
        let less = |left: u64| left.checked_sub(1);
        if self.outage.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return (503, json!({"code": 0, "description": "busy", "source": "PartnerFD"}));
        }
        if let Some((_, status, code)) = self.faults.iter().find(|(part, ..)| path.contains(part)) {
            return (*status, json!({"code": code, "description": "refused", "source": "PartnerFD"}));
        }
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split(['/', '?']).collect();
        let missing = (404, json!({"code": 1000, "description": "not found", "source": "PartnerFD"}));
        let body = match parts.as_slice() {
            ["customers", page] if page.starts_with("size=") => {
                Some(list(self.customers.iter().map(summary)))
            }
            ["offers", page] if page.starts_with("country=") => Some(list(offers().into_iter())),
            ["customers", id, rest @ ..] => {
                let found = self.customers.iter().find(|one| one.id.to_string() == *id);
                found.and_then(|one| one.answer(rest))
            }
            _ => None,
        };
        body.map_or(missing, |body| (200, body))
    }
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    json!({"totalCount": items.len(), "items": items, "attributes": {"objectType": "Collection"}})
}

fn summary(one: &Customer) -> Value {
    json!({"id": one.id, "companyProfile": {"tenantId": one.id, "domain": "fabrikam.example", "companyName": "Fabrikam"},
        "relationshipToPartner": one.relationship})
}

fn offer(id: &str, name: &str, sku: &str, changes: Value) -> Value {
    let mut offer = json!({"id": id.to_uppercase(), "name": name, "minimumQuantity": 1, "maximumQuantity": 10_000_000,
        "country": "SE", "category": {"id": "Enterprise_Key"}, "limitUnitOfMeasure": "None", "limit": 0,
        "isAddOn": false, "isAvailableForPurchase": true, "billing": "license",
        "supportedBillingCycles": ["annual", "monthly"], "isTrial": false, "reselleeQualifications": [],
        "product": {"id": sku.to_uppercase(), "name": name, "unit": "Licenses"}});
    offer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    offer
}

/// Offers for the tests of one limit each stand beside the real ones; their ids are invented.
fn offers() -> Vec<Value> {
    let sales = "Dynamics 365 for Sales Professional";
    vec![
        offer(SALES_PRO_OFFER, sales, SALES_PRO, json!({})),
        offer(
            "a6b49b8a-38be-4341-b05f-fb54c89d7e21",
            "Dynamics 365 for Sales Professional (Nonprofit Staff Pricing)",
            SALES_PRO,
            json!({"reselleeQualifications": ["Nonprofit"]}),
        ),
        offer(TIER_1_OFFER, "Dynamics 365 Customer Engagement Plan Tier 1 (1-99 users)", PLAN, json!({})),
        offer(SALES_ENTERPRISE_OFFER, "Dynamics 365 for Sales Enterprise", SALES, json!({})),
        offer(&id(1).to_string(), "Annual only", SALES_PRO, json!({"supportedBillingCycles": ["annual"]})),
        offer(&id(2).to_string(), "At most two", SALES_PRO, json!({"maximumQuantity": 2})),
        offer(&id(3).to_string(), "At least ten", SALES_PRO, json!({"minimumQuantity": 10})),
        offer(&id(4).to_string(), "Once", SALES_PRO, json!({"limitUnitOfMeasure": "Concurrent", "limit": 1})),
        offer(&id(5).to_string(), "Gone", SALES_PRO, json!({"isAvailableForPurchase": false})),
        offer(&id(6).to_string(), "Trial", SALES_PRO, json!({"isTrial": true})),
        offer(&id(7).to_string(), "Unknown plans", &id(77).to_string(), json!({})),
    ]
}

impl Customer {
    fn answer(&self, rest: &[&str]) -> Option<Value> {
        Some(match rest {
            [] => {
                json!({"id": self.id, "companyProfile": {"companyName": "Fabrikam", "domain": "fabrikam.example"},
                "relationshipToPartner": self.relationship, "billingProfile": {"defaultAddress": {"country": self.country}}})
            }
            ["qualifications"] => {
                let one =
                    |(kind, vetting): &(&str, &str)| json!({"qualification": kind, "vettingStatus": vetting});
                Value::Array(self.qualifications.iter().map(one).collect())
            }
            ["directSignedMicrosoftCustomerAgreementStatus"] => json!({"isSigned": self.signed}),
            ["subscriptions"] => list(self.subscriptions.iter().map(Subscription::json)),
            ["subscriptions", base, "addons"] => {
                let of_base =
                    |one: &&Subscription| one.parent.is_some_and(|parent| parent.to_string() == *base);
                list(self.subscriptions.iter().filter(of_base).map(Subscription::json))
            }
            ["subscriptions", one, "provisioningstatus"] => {
                let found =
                    self.subscriptions.iter().find(|sub| sub.id.to_string() == *one && sub.provisioned)?;
                json!({"skuId": found.sku.to_uppercase(), "status": "success", "quantity": found.quantity})
            }
            ["subscribedskus"] => list(self.pools().into_iter()),
            ["users", page] if page.starts_with("size=") => list(self.users.iter().map(User::json)),
            ["users", user, "licenses"] => {
                let user = self.users.iter().find(|one| one.id.to_string() == *user)?;
                list(user.licenses.iter().map(license))
            }
            _ => return None,
        })
    }

    fn pools(&self) -> Vec<Value> {
        let skus: BTreeSet<&str> = self.subscriptions.iter().map(|one| one.sku).collect();
        let pool = |sku: &&str| {
            let active: i64 = self
                .subscriptions
                .iter()
                .filter(|one| one.sku == *sku && one.status == "active")
                .map(|one| one.quantity)
                .sum();
            let active = active + self.other_units;
            let holds = |user: &&User| user.licenses.iter().any(|(held, _)| held == sku);
            let consumed = self.users.iter().filter(holds).count() as i64 + self.hidden;
            let service = |id: Uuid| {
                let target = if plan(id).is_some_and(|plan| plan.tenant) { "Tenant" } else { "User" };
                json!({"id": id, "serviceName": plan_name(id), "capabilityStatus": "Enabled", "targetType": target})
            };
            json!({"availableUnits": active - consumed, "activeUnits": active, "consumedUnits": consumed,
                "suspendedUnits": 0, "totalUnits": active, "warningUnits": 0, "capabilityStatus": "Enabled",
                "productSku": {"id": sku, "name": sku, "skuPartNumber": sku, "targetType": "User"},
                "servicePlans": plans(sku).into_iter().map(service).collect::<Vec<_>>()})
        };
        skus.iter().map(pool).collect()
    }
}

fn plans(sku: &str) -> Vec<Uuid> {
    let known = seatshift_catalog::sku(sku.parse().unwrap()).and_then(|sku| sku.plans.clone());
    known.into_iter().flatten().collect()
}

fn license((sku, off): &(&'static str, Vec<&'static str>)) -> Value {
    let status = |id: Uuid| if off.contains(&plan_name(id).as_str()) { "Deleted" } else { "Assigned" };
    let service = |id: Uuid| json!({"id": id, "capabilityStatus": status(id), "targetType": "User"});
    json!({"servicePlans": plans(sku).into_iter().map(service).collect::<Vec<_>>(),
        "productSku": {"id": sku, "skuPartNumber": sku, "licenseGroupId": "group1"}})
}

impl User {
    fn json(&self) -> Value {
        let mut user = json!({"id": self.id, "userPrincipalName": "dan@fabrikam.example", "displayName": "Dan", "state": "active"});
        if let Some(location) = self.location {
            user["usageLocation"] = json!(location);
        }
        user
    }
}

impl Subscription {
    fn json(&self) -> Value {
        json!({"id": self.id.to_string().to_uppercase(), "offerId": self.offer, "offerName": self.name,
            "friendlyName": self.nickname, "quantity": self.quantity, "unitType": "Licenses", "status": self.status,
            "autoRenewEnabled": self.auto_renew, "isTrial": self.trial, "billingType": "license",
            "billingCycle": self.cycle, "commitmentEndDate": self.end, "parentSubscriptionId": self.parent,
            "partnerId": self.reseller, "orderId": id(1), "attributes": {"etag": "e", "objectType": "Subscription"}})
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Wire(pub Arc<Partner>);

impl pc::Transport for Wire {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, pc::TransportError>> {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let (status, body) = if path.ends_with("/oauth2/token") {
            (
                200,
                json!({"token_type": "Bearer", "expires_in": "3600", "access_token": "a", "refresh_token": "r"}),
            )
        } else {
            assert_eq!(request.method(), "GET", "planning never changes anything");
            self.0.log.lock().unwrap().push(path.clone());
            self.0.answer(&path)
        };
        let body = Bytes::from(body.to_string());
        let answer =
            http::Response::builder().status(status).header("Content-Type", "application/json").body(body);
        std::future::ready(Ok(answer.unwrap())).boxed()
    }
}

#[derive(Debug)]
pub(crate) struct Fixed(pub Timestamp);

impl pc::Timer for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

#[derive(Debug)]
struct Open;

impl pc::Gate for Open {
    fn permit(&self, _: pc::Ask) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
    fn answered(&self, _: &pc::Ask, _: pc::Answer) {}
}

/// Everything a discovery needs around a partner.
pub(crate) struct Office {
    pub partner: Arc<Partner>,
    pub reader: pc::Reader,
    pub cache: MemoryCache,
    pub timer: Fixed,
    pub options: PlanOptions,
}

impl Office {
    pub(crate) fn of(partner: Partner) -> Office {
        let partner = Arc::new(partner);
        let counter = AtomicU64::new(1);
        let ids = Arc::new(move || Uuid::from_u128(u128::from(counter.fetch_add(1, Ordering::Relaxed))));
        let app = pc::Application { id: "app".to_owned(), secret: "secret".to_owned().into() };
        let timer = "2019-01-10T12:00:00Z".parse().unwrap();
        let reader = pc::Reader::new(
            pc::Config::new("partner", app, ids, Arc::new(|| 0.5)),
            Arc::new(Wire(Arc::clone(&partner))),
            Arc::new(pc::MemoryTokens::new("refresh".to_owned().into())),
            Arc::new(Open),
            Arc::new(Fixed(timer)),
            Arc::new(pc::Unobserved),
        );
        let options = PlanOptions::default();
        Office { partner, reader, cache: MemoryCache::default(), timer: Fixed(timer), options }
    }

    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk {
            reader: &self.reader,
            cache: &self.cache,
            timer: &self.timer,
            progress: &Quiet,
            options: &self.options,
        }
    }

    pub(crate) async fn plan(&self) -> Plan {
        discover(&self.desk()).await.unwrap()
    }
}

/// The plan of one customer.
pub(crate) async fn plan_of(customer: Customer) -> Plan {
    Office::of(Partner::new(vec![customer])).plan().await
}

/// The row of the customer's first subscription.
pub(crate) async fn row_of(customer: Customer) -> PlanRow {
    let first = customer.subscriptions[0].id;
    let plan = plan_of(customer).await;
    let found = plan.rows.into_iter().find(|row| row.old_subscription_id.is_some_and(|one| one.0 == first));
    found.expect("each retired subscription has a row")
}

/// Rows by subscription, with their reason.
pub(crate) fn reasons(plan: &Plan) -> BTreeMap<Uuid, String> {
    let row =
        |row: &PlanRow| (row.old_subscription_id.map_or(Uuid::nil(), |one| one.0), row.reason_code.clone());
    plan.rows.iter().map(row).collect()
}

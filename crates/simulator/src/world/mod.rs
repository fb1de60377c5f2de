//! A world: the partner, its customers and everything Microsoft would know of them, as one JSON file.
//!
//! A world is *data only*: `generate` makes one from a seed, `--world FILE` reads one, `--write-world FILE` writes the
//! one in use, and the same types serve all three, so that whatever can be generated can also be written by hand.
//! Everything that a small hand-written world does not care about has a default.
//!
//! The world also holds the *hidden truth*: what a careful person would do with each retired subscription when nothing
//! goes wrong. It is read by the books alone; no endpoint of the API may ever show it.

pub mod catalogue;
mod commerce_readings;
mod fault;
mod file;
mod generate;
mod locate;
pub mod name;
pub mod new_commerce;
mod problem;
mod purchasing;
mod readings;
mod replacement;
pub mod trap;
pub mod truth;
mod validate;
mod validate_commerce;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::catalogue::Catalogue;
pub use self::commerce_readings::{
    AfterWindow, CommerceReadings, Etags, FailedCheckout, PartiesChecked, SecondCheckout, StaleItem,
};
pub use self::fault::{Fault, FaultLevel, Faults, Injection};
pub use self::file::{parse, read, read_good_rest, write};
pub use self::generate::{Options, Sold, generate, generate_with};
pub(crate) use self::new_commerce::Triple;
pub use self::new_commerce::{
    Commitment, Item, NewCommerce, OfferLimit, Product, ProductSku, Sale, Term, Withdrawal, item_id, offer_id,
};
pub use self::problem::{Problem, WorldError};
pub use self::purchasing::Purchasing;
pub(crate) use self::purchasing::{SANDBOX_SEATS, SANDBOX_SUBSCRIPTIONS};
pub use self::readings::{DisabledPlans, Readings, RepeatedRequestId, Swap};
pub use self::validate::validate;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Version of this schema; 1.
    pub version: u32,
    /// Seed of everything drawn later: faults, lags, deletion days.
    #[serde(default)]
    pub seed: u64,
    /// Virtual time at which the simulated world begins.
    pub start: Timestamp,
    #[serde(default)]
    pub partner: Partner,
    /// Which reading of each fact that the wire contract could not verify this world follows.
    #[serde(default)]
    pub readings: Readings,
    #[serde(default)]
    pub faults: Faults,
    /// Calls allowed a minute, by family: `customers`, `subscriptions`, `orders`, `offers` (each per customer where the
    /// call names one), `users`, `licenses`, `skus` (nothing is documented for these three).
    #[serde(default)]
    pub budgets_per_minute: BTreeMap<String, u32>,
    /// Lags in virtual seconds.
    #[serde(default)]
    pub lags: Lags,
    /// SKUs beside the shipped ones.
    #[serde(default)]
    pub skus: Vec<Sku>,
    /// Offers beside the shipped ones; the same id replaces a shipped one.
    #[serde(default)]
    pub offers: Vec<Offer>,
    /// What is sold as new commerce; by default nothing is.
    #[serde(default, skip_serializing_if = "NewCommerce::is_default")]
    pub new_commerce: NewCommerce,
    pub customers: Vec<Customer>,
}

/// The partner whose customers these are, with the applications that may ask for tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Partner {
    pub tenant_id: Uuid,
    pub name: String,
    pub mpn_id: String,
    /// An indirect provider names a reseller of record on its orders; a direct partner does not.
    pub indirect_provider: bool,
    /// False: every purchase answers 403 / 900124.
    pub agreement_accepted: bool,
    pub client_id: Uuid,
    pub client_secret: String,
    /// The first refresh token of the App+User flow; each redemption answers a new one.
    pub refresh_token: String,
    /// A sandbox: five subscriptions a customer and 25 seats a subscription; beyond, 400 / 800018.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
    /// Countries in which it may sell; empty = all. Elsewhere a purchase answers 403 / 2030.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// MPN ids of resellers who have not accepted the Partner Agreement: naming one answers 403 / 900123.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resellers_without_agreement: Vec<String>,
}

impl Default for Partner {
    fn default() -> Self {
        Self {
            tenant_id: Uuid::from_u128(0x0f1e_2d3c_4b5a_4978_8695_a4b3_c2d1_e0ff),
            name: "Contoso Cloud Partner (simulated)".into(),
            mpn_id: "4847383".into(),
            indirect_provider: false,
            agreement_accepted: true,
            client_id: Uuid::from_u128(0x5ea7_5a1f_7000_4000_8000_0000_0000_0001),
            client_secret: "simulated-secret".into(),
            refresh_token: "simulated-refresh-token-0".into(),
            sandbox: false,
            countries: Vec::new(),
            resellers_without_agreement: Vec::new(),
        }
    }
}

/// Lags in virtual seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lags {
    /// From a pending order to its subscription.
    pub provisioning: u32,
    /// From the subscription to assignable seats in the tenant.
    pub seats: u32,
    /// From an order to its place in the customer's order list; at most 900.
    pub order_visible: u32,
    /// How often `provisioningstatus` is refreshed.
    pub provisioning_status: u32,
    /// From each call of Partner Center to its answer: the network, and the service at work.
    pub answer: u32,
    /// Days from suspension to deletion: drawn from this range, both ends included.
    pub deletion_days: (u32, u32),
}

impl Default for Lags {
    fn default() -> Self {
        Self {
            provisioning: 30,
            seats: 120,
            order_visible: 300,
            provisioning_status: 900,
            answer: 0,
            deletion_days: (90, 120),
        }
    }
}

/// A product in the tenant: what licenses hang on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sku {
    pub id: Uuid,
    pub part_number: String,
    pub name: String,
    pub service_plans: Vec<ServicePlan>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    pub id: Uuid,
    pub name: String,
    /// Applies to the tenant, not to a user: never assignable, never excludable.
    #[serde(default)]
    pub tenant: bool,
}

/// Something on sale, or no longer on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    pub id: Uuid,
    pub name: String,
    pub sku: Uuid,
    /// One of the 24 retired offers (the ids of these are invented; nobody outside Microsoft knows them).
    #[serde(default)]
    pub retired: bool,
    /// False: not listed, and a purchase answers 403 / 2091.
    #[serde(default = "yes")]
    pub on_sale: bool,
    /// Countries where it is sold; empty = everywhere.
    #[serde(default)]
    pub countries: Vec<String>,
    /// `commercial`, `faculty`, `students`, `government`, `nonprofit`.
    #[serde(default = "commercial")]
    pub segment: String,
    #[serde(default)]
    pub trial: bool,
    #[serde(default)]
    pub add_on: bool,
    /// For an add-on: the offers it may hang under.
    #[serde(default)]
    pub prerequisite_offers: Vec<Uuid>,
    #[serde(default = "one")]
    pub minimum_quantity: u32,
    #[serde(default = "many")]
    pub maximum_quantity: u32,
    #[serde(default = "cycles")]
    pub billing_cycles: Vec<String>,
    /// For whom and since when it is no longer sold to new orders. What is held already lives on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawal>,
    /// How often one customer may hold it; a trial without a limit of its own: once in a lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<OfferLimit>,
}

fn one() -> u32 {
    1
}
fn yes() -> bool {
    true
}
fn many() -> u32 {
    10_000_000
}
fn commercial() -> String {
    "commercial".into()
}
fn cycles() -> Vec<String> {
    vec!["annual".into(), "monthly".into()]
}

/// A customer: one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    pub id: Uuid,
    pub name: String,
    pub domain: String,
    #[serde(default = "country")]
    pub country: String,
    /// `commercial`, `education`, `government`, `nonprofit`: what the qualifications endpoint shows.
    #[serde(default = "commercial")]
    pub segment: String,
    /// `reseller`, `none`, ... With `none` commerce calls answer 403 / 20002.
    #[serde(default = "reseller")]
    pub relationship: String,
    /// The Microsoft Customer Agreement is in place; else a purchase answers 403 / 13605.
    #[serde(default = "yes")]
    pub agreement: bool,
    /// What the partner's user may do in this tenant: `none` (403 / 900308 on every user, license and SKU call),
    /// `read` (license changes answer 403 / 900308), `full`.
    #[serde(default = "full")]
    pub rights: String,
    /// What stops this customer's purchases.
    #[serde(default, skip_serializing_if = "Purchasing::is_default")]
    pub purchasing: Purchasing,
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    #[serde(default)]
    pub users: Vec<User>,
}

fn country() -> String {
    "US".into()
}
fn reseller() -> String {
    "reseller".into()
}
fn full() -> String {
    "full".into()
}

/// A subscription as it stands when the world begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub id: Uuid,
    /// A legacy offer's id; for new commerce `product:sku`, with or without an availability, or its [`item_id`].
    #[serde(deserialize_with = "new_commerce::read_offer")]
    pub offer: Uuid,
    pub quantity: u32,
    #[serde(default = "active")]
    pub status: String,
    #[serde(default)]
    pub auto_renew: bool,
    pub commitment_end: Timestamp,
    #[serde(default)]
    pub created: Option<Timestamp>,
    #[serde(default = "monthly")]
    pub billing_cycle: String,
    #[serde(default)]
    pub nickname: Option<String>,
    /// MPN id of the reseller of record.
    #[serde(default)]
    pub reseller_mpn: Option<String>,
    /// Id of the base, for an add-on.
    #[serde(default)]
    pub parent: Option<Uuid>,
    /// Id of the order it came with; none = one is made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Uuid>,
    /// What the subscriptions API shows as `offerName` when it differs from the offer's name (a near miss).
    #[serde(default)]
    pub offer_name: Option<String>,
    /// Its commitment, where it is of new commerce; may be left out there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_commerce: Option<Commitment>,
    /// Names of the traps this subscription carries, for the figures only.
    #[serde(default)]
    pub traps: Vec<String>,
    /// The hidden truth. Only on subscriptions that the job is about.
    #[serde(default)]
    pub truth: Option<Truth>,
}

fn active() -> String {
    "active".into()
}
fn monthly() -> String {
    "monthly".into()
}

/// What a careful person would do with a retired subscription at faults `none`, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    #[serde(rename = "do")]
    pub act: Act,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Move,
    Leave,
    Ask,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub id: Uuid,
    pub principal_name: String,
    pub display_name: String,
    #[serde(default)]
    pub usage_location: Option<String>,
    /// Deleted users are listed only when asked for.
    #[serde(default)]
    pub deleted: bool,
    #[serde(default)]
    pub licenses: Vec<License>,
}

/// A user's license of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct License {
    pub sku: Uuid,
    /// Service plans that are switched off.
    #[serde(default)]
    pub disabled: Vec<Uuid>,
    /// The group it is inherited from; none = assigned directly.
    #[serde(default)]
    pub group: Option<Uuid>,
}

//! What was read of a customer, in the few facts that planning needs.
//!
//! Kept apart from the client's types so that reads can be stored, and so that everything after reading is plain
//! functions over plain values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A customer as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenCustomer {
    pub id: Uuid,
    pub name: String,
    pub domain: String,
}

/// A subscription of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenSubscription {
    pub id: Uuid,
    /// Lower case.
    pub offer: String,
    pub offer_name: String,
    pub nickname: String,
    pub quantity: u32,
    /// Microsoft's word: `active`, `suspended`, ...
    pub status: String,
    pub auto_renew: Option<bool>,
    pub is_trial: bool,
    /// Billed by use: has no seats.
    pub by_use: bool,
    /// Microsoft's word: `monthly`, `annual`, ...
    pub billing_cycle: String,
    pub commitment_end: Option<Timestamp>,
    pub parent: Option<Uuid>,
    /// MPN id of the reseller of record; empty = none.
    pub reseller: String,
    pub new_commerce: bool,
}

impl SeenSubscription {
    pub(crate) fn is_active(&self) -> bool {
        self.status == "active"
    }

    /// Its seats are, or may any moment be, in the pool. Unknown words count: when unsure, it does.
    pub(crate) fn feeds_a_pool(&self) -> bool {
        !matches!(self.status.as_str(), "suspended" | "deleted" | "expired" | "disabled")
    }
}

/// The subscriptions of a customer, or why they cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenSubscriptions {
    pub subscriptions: Vec<SeenSubscription>,
    /// Entries of the list that could not be understood.
    pub unreadable: usize,
}

/// A pool of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenSku {
    pub sku: Uuid,
    pub part_number: String,
    pub active: i64,
    pub warning: i64,
    pub consumed: i64,
    /// Service plans that can be assigned to users.
    pub plans: BTreeSet<Uuid>,
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenUser {
    pub id: Uuid,
    pub principal_name: String,
    pub display_name: String,
    pub usage_location: Option<String>,
}

/// Licenses of a user: SKU, and the service plans that are on.
pub(crate) type SeenLicenses = BTreeMap<Uuid, BTreeSet<Uuid>>;

/// An offer on sale in a country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenOffer {
    /// Lower case.
    pub id: String,
    pub name: String,
    pub sku: Option<Uuid>,
    pub minimum: u32,
    pub maximum: u32,
    /// `None`, `Concurrent`, `Lifetime`.
    pub limit_unit: String,
    pub limit: u32,
    pub is_add_on: bool,
    pub is_trial: bool,
    pub available: bool,
    pub cycles: Vec<String>,
    /// What a customer must be, lower case; empty = anybody.
    pub qualifications: Vec<String>,
}

/// The offers of one country, by lower-case id.
pub(crate) type Offers = BTreeMap<String, SeenOffer>;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    /// What was being read, in words.
    pub what: String,
    pub kind: UnreadKind,
    /// The client's own sentence; holds no names.
    pub said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UnreadKind {
    /// The relation to the customer is missing (20002).
    Relation,
    /// The right to read it is missing.
    Rights,
    /// It is not there.
    Missing,
    /// Anything else.
    Other,
}

/// What the deep pass reads of a customer. What was not reached is empty, and `unread` says why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deep {
    pub relationship: String,
    pub country: String,
    pub agreement_signed: bool,
    /// Approved ones, lower case.
    pub qualifications: BTreeSet<String>,
    /// SKU of a subscription by its provisioning status, where that was asked; none = it does not say.
    pub links: BTreeMap<Uuid, Option<Uuid>>,
    /// Add-ons by base subscription, where that was asked.
    pub add_ons: BTreeMap<Uuid, Vec<SeenSubscription>>,
    pub skus: BTreeMap<Uuid, SeenSku>,
    /// None = not read, because nobody needs them.
    pub users: Option<Vec<SeenUser>>,
    pub licenses: BTreeMap<Uuid, SeenLicenses>,
    /// Licenses were read of every user of the tenant.
    pub all_licenses: bool,
    pub unread: Option<Unread>,
}

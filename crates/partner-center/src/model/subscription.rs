//! Subscriptions: what a customer has bought.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::offer::BillingType;
use super::order::BillingCycle;
use crate::ids::{OfferId, OrderId};

open_enum! {
    /// State of a subscription.
    pub enum Status {
        /// No state.
        None = "none" | 0,
        /// In force.
        Active = "active" | 1,
        /// Suspended: not billed in legacy commerce, still billed in new commerce; can be activated again.
        Suspended = "suspended" | 2,
        /// Gone; cannot be changed any more.
        Deleted = "deleted" | 3,
        /// Run out.
        Expired = "expired" | 4,
        /// Being set up.
        Pending = "pending" | 5,
        /// Run out, on the way to be deleted.
        Disabled = "disabled" | 6,
    }
}

open_enum! {
    /// How far a subscription's units have come into the tenant. Refreshed every 15 minutes.
    pub enum ProvisioningState {
        /// Nothing known.
        None = "none",
        /// They are there.
        Success = "success",
        /// They are on the way; also while a change of quantity is under way.
        Pending = "pending",
        /// They will not come.
        Failed = "failed",
    }
}

/// A subscription. Keeps Microsoft's whole answer, since a change must send all of it back.
///
/// An etag ages with every change anybody makes: never store a subscription to change it later, read it again.
/// `Debug` prints ids and state, no names.
#[derive(Clone)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// What was bought.
    pub offer: OfferId,
    /// The offer's name, in the locale asked for (`en-US`); empty where it was left out.
    pub offer_name: String,
    /// The partner's own name for it; empty where there is none.
    pub friendly_name: String,
    /// Seats. 0 where a subscription that is not billed by seat does not say.
    pub quantity: u32,
    /// Its state.
    pub status: Status,
    /// Whether it renews itself. None = the answer did not say, which is not the same as no.
    pub auto_renew: Option<bool>,
    /// Whether it is a trial.
    pub is_trial: bool,
    /// How it is paid.
    pub billing_type: Option<BillingType>,
    /// How often it is billed.
    pub billing_cycle: Option<BillingCycle>,
    /// ISO 8601 (`P1Y`), where given.
    pub term_duration: Option<String>,
    /// When it was bought.
    pub created: Option<Timestamp>,
    /// When its present term began.
    pub effective_start: Option<Timestamp>,
    /// The last day of its term, which is **inclusive**; Microsoft writes the day's beginning.
    pub commitment_end: Option<Timestamp>,
    /// Until when new commerce lets it be cancelled.
    pub cancellation_allowed_until: Option<Timestamp>,
    /// The base subscription, for an add-on.
    pub parent: Option<Uuid>,
    /// The order it came with.
    pub order: Option<OrderId>,
    /// MPN id of the reseller of record.
    pub partner_id: Option<String>,
    /// `productType.id`, such as `OnlineServicesNCE`: absent in legacy commerce.
    pub product_type: Option<String>,
    /// Why Microsoft suspended it; the values are undocumented.
    pub suspension_reasons: Vec<String>,
    /// `attributes.etag`; goes with a change.
    pub etag: Option<String>,
    pub(crate) raw: Arc<RawValue>,
}

impl Subscription {
    /// Whether it belongs to new commerce, which has other rules for undoing and billing.
    pub fn is_new_commerce(&self) -> bool {
        self.product_type.as_deref().is_some_and(|id| id.to_ascii_lowercase().ends_with("nce"))
            || self.offer.as_str().contains(':')
    }

    /// Microsoft's whole answer, as JSON text. Holds names: not for logs.
    pub fn json(&self) -> &str {
        self.raw.get()
    }
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Self) -> bool {
        self.raw.get() == other.raw.get()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("offer", &self.offer)
            .field("status", &self.status)
            .field("quantity", &self.quantity)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// A change of a subscription: one property; all others go back as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// Suspend it. Its add-ons are suspended with it.
    Suspend,
    /// Activate it again. A base before its add-ons; whether they come back by themselves is unverified.
    Activate,
}

impl SubscriptionChange {
    /// The status that is asked for.
    pub fn status(self) -> Status {
        match self {
            Self::Suspend => Status::Suspended,
            Self::Activate => Status::Active,
        }
    }
}

/// How Microsoft took a change.
#[allow(clippy::large_enum_variant, reason = "one a change, taken apart at once")]
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// Done; the subscription as it is now, with its new etag.
    Now(Subscription),
    /// Taken (202), to be done soon: read the subscription until it shows.
    Accepted,
}

/// How far a subscription's units have come into the tenant, and into which pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisioningStatus {
    /// The SKU the units belong to: the direct link from a subscription to a pool.
    pub sku: Option<Uuid>,
    /// How far.
    pub state: ProvisioningState,
    /// Units.
    pub quantity: Option<u32>,
    /// Until when.
    pub end: Option<Timestamp>,
}

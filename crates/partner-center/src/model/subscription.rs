//! Subscriptions: what a customer has bought.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::offer::BillingType;
use super::order::BillingCycle;
use super::product::RefundKind;
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

open_enum! {
    /// What a subscription came from. Only `Subscription` is an ordinary purchase.
    pub enum ContractType {
        /// A purchase.
        Subscription = "subscription",
        /// A product key.
        ProductKey = "product_key",
        /// A code that was redeemed.
        RedemptionCode = "redemption_code",
    }
}

/// What comes back when a subscription of new commerce is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOption {
    /// How much.
    pub kind: RefundKind,
    /// Until when, where given.
    pub expires: Option<Timestamp>,
}

/// Seats of new commerce that can still be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundableQuantity {
    /// All of them, where given.
    pub total: Option<u32>,
    /// Which until when.
    pub details: Vec<RefundableSeats>,
}

/// Seats that were added together, and until when they can be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundableSeats {
    /// How many.
    pub quantity: u32,
    /// Until when, where given.
    pub until: Option<Timestamp>,
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
    /// ISO 8601: for how long it renews, where given.
    pub renewal_term_duration: Option<String>,
    /// When it was bought.
    pub created: Option<Timestamp>,
    /// When its present term began.
    pub effective_start: Option<Timestamp>,
    /// The last day of its term, which is **inclusive**; Microsoft writes the day's beginning.
    pub commitment_end: Option<Timestamp>,
    /// Until when new commerce lets it be cancelled.
    pub cancellation_allowed_until: Option<Timestamp>,
    /// What comes back when it is cancelled; empty where the answer does not say.
    pub refund_options: Vec<RefundOption>,
    /// Seats that can still be given back (new commerce).
    pub refundable_quantity: Option<RefundableQuantity>,
    /// The base subscription, for an add-on.
    pub parent: Option<Uuid>,
    /// The order it came with; in new commerce the short one of an order's two ids ([`super::Order::is`]).
    pub order: Option<OrderId>,
    /// MPN id of the reseller of record.
    pub partner_id: Option<String>,
    /// `productType.id`, such as `OnlineServicesNCE`: absent in legacy commerce.
    pub product_type: Option<String>,
    /// What it came from, where given.
    pub contract_type: Option<ContractType>,
    /// The promotion it was bought with; it is lost where the same is bought again.
    pub promotion: Option<String>,
    /// The legacy subscription it was made of, where Microsoft's own migration made it.
    pub migrated_from: Option<Uuid>,
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

    /// Whether new commerce lets it be cancelled (deleted) at this moment. `false` also where the answer does not say.
    pub fn can_be_cancelled(&self, at: Timestamp) -> bool {
        self.cancellation_allowed_until.is_some_and(|until| at < until)
    }

    /// How much comes back when it is cancelled at this moment; none where nothing does or the answer does not say.
    pub fn refund(&self, at: Timestamp) -> Option<&RefundKind> {
        let open = self.refund_options.iter().filter(|option| option.expires.is_none_or(|end| at < end));
        open.map(|option| &option.kind).min()
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

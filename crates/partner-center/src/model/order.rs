//! Orders: placed directly in legacy commerce, by the checkout of a cart in new commerce.

use jiff::Timestamp;
use uuid::Uuid;

use crate::ids::{OfferId, OrderId};

open_enum! {
    /// How often a subscription is billed.
    pub enum BillingCycle {
        /// Each month.
        Monthly = "monthly",
        /// Each year.
        Annual = "annual",
        /// Not billed (trials).
        None = "none",
        /// Once.
        OneTime = "one_time",
        /// Each three years.
        Triennial = "triennial",
        /// Each two years.
        Biennial = "biennial",
        /// Microsoft does not know either.
        Unknown = "unknown",
    }
}

open_enum! {
    /// State of an order.
    pub enum OrderStatus {
        /// Microsoft does not know.
        Unknown = "unknown" | 0,
        /// Carried out.
        Completed = "completed" | 1,
        /// Being carried out.
        Pending = "pending" | 2,
        /// Cancelled.
        Cancelled = "cancelled" | 3,
        /// Suspended.
        Suspended = "suspended" | 4,
    }
}

/// An order to place: one line, one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// What to buy.
    pub offer: OfferId,
    /// Seats; within the offer's minimum and maximum.
    pub quantity: u32,
    /// How to be billed; one of the offer's cycles.
    pub billing_cycle: BillingCycle,
    /// Becomes the subscription's friendly name. A mark in it is how a lost purchase is found again.
    pub friendly_name: String,
    /// The indirect reseller's MPN id, for indirect providers; never the provider's own.
    pub partner_id_on_record: Option<String>,
}

/// An add-on to buy under a base subscription of legacy commerce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAddOn {
    /// What to buy: an offer that is an add-on of the base's.
    pub offer: OfferId,
    /// Seats; within the offer's minimum and maximum.
    pub quantity: u32,
    /// The base subscription.
    pub base: Uuid,
    /// Becomes the add-on's friendly name. A mark in it is how a lost purchase is found again.
    pub friendly_name: String,
    /// The indirect reseller's MPN id, for indirect providers; never the provider's own.
    pub partner_id_on_record: Option<String>,
}

/// An order as Microsoft has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Another id of the same order. In new commerce `id` can be the long one of 33 characters and this the short one
    /// that subscriptions name: compare with [`Order::is`].
    pub alternate_id: Option<OrderId>,
    /// Its state, where given.
    pub status: Option<OrderStatus>,
    /// When it was placed.
    pub created: Option<Timestamp>,
    /// How it is billed.
    pub billing_cycle: Option<BillingCycle>,
    /// Three letters, where given.
    pub currency: Option<String>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
}

impl Order {
    /// Whether this is the order with that id, under either of its two ids.
    pub fn is(&self, id: &OrderId) -> bool {
        self.id == *id || self.alternate_id.as_ref() == Some(id)
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Its number, from 0.
    pub number: u32,
    /// What was ordered.
    pub offer: OfferId,
    /// Seats.
    pub quantity: u32,
    /// The subscription that came of it; none while it is being provisioned.
    pub subscription: Option<Uuid>,
    /// ISO 8601 (`P1Y`), where given.
    pub term_duration: Option<String>,
    /// The name given at the order.
    pub friendly_name: String,
    /// The base subscription, for an add-on.
    pub parent_subscription: Option<Uuid>,
    /// The indirect reseller's MPN id.
    pub partner_id_on_record: Option<String>,
}

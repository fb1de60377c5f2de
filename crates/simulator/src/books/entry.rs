//! One line of the books: a change of state, when it happened and who did it.
//!
//! The audit reads nothing but these lines (and the statement of intent), so a line holds everything that a figure needs.
//! The first lines of the books are the world as it was (`Actor::World`). Lines are appended, never edited.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::world::Truth;

/// One line, numbered from 1 without holes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub number: u64,
    pub at: Timestamp,
    pub actor: Actor,
    pub change: Change,
    /// `MS-RequestId` of the call that caused it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// The state in which the world began.
    World,
    /// An application, by its token: the engine.
    Application { client_id: Uuid },
    /// A simulated administrator (`/_simulator/administrator/...`).
    Administrator,
    /// Microsoft's own clock: provisioning, expiry, deletion of suspended subscriptions.
    Clock,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Change {
    /// A SKU's user-assignable service plans.
    Sku {
        sku: Uuid,
        plans: Vec<Uuid>,
    },
    /// Something that can be ordered: a legacy offer, or an item of new commerce under the id that `world::item_id` gives it.
    Offer {
        offer: Uuid,
        sku: Uuid,
        add_on: bool,
        retired: bool,
        /// Undone by deletion alone: suspended, it is billed on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        new_commerce: bool,
    },
    Customer {
        customer: Uuid,
    },
    User {
        customer: Uuid,
        user: Uuid,
    },
    /// A subscription came to be: at the world's start, or provisioned from an order.
    SubscriptionAdded {
        customer: Uuid,
        subscription: Uuid,
        order: Uuid,
        offer: Uuid,
        sku: Uuid,
        quantity: u32,
        status: String,
        trial: bool,
        parent: Option<Uuid>,
        truth: Option<Truth>,
        traps: Vec<String>,
    },
    OrderPlaced {
        customer: Uuid,
        order: Uuid,
        offer: Uuid,
        quantity: u32,
    },
    /// Status, quantity, renewal or nickname changed. Add-ons that follow their base get a line of their own.
    SubscriptionChanged {
        customer: Uuid,
        subscription: Uuid,
        status: (String, String),
        quantity: (u32, u32),
        auto_renew: (bool, bool),
        nickname: (Option<String>, Option<String>),
        /// True where this is the consequence of a change to the base.
        by_base: bool,
    },
    /// The units that a subscription gives to its SKU's pool became assignable (after provisioning or reactivation) or
    /// ceased to be. `active_units` counts those of this subscription alone, before and after. Also written for the
    /// active subscriptions of the world's start.
    UnitsChanged {
        customer: Uuid,
        subscription: Uuid,
        sku: Uuid,
        active_units: (u32, u32),
    },
    /// A user holds this SKU from now on, with these plans switched off (also: the set of disabled plans changed).
    LicenseSet {
        customer: Uuid,
        user: Uuid,
        sku: Uuid,
        disabled: Vec<Uuid>,
        group: Option<Uuid>,
    },
    LicenseRemoved {
        customer: Uuid,
        user: Uuid,
        sku: Uuid,
    },
    /// A fault was put in. `refusal`: final, no later try will pass. `after_the_change`: the answer of a changing call
    /// was lost although the change took, or will take, effect.
    FaultInjected {
        customer: Option<Uuid>,
        operation: String,
        resource: String,
        attempt: u32,
        kind: String,
        refusal: bool,
        after_the_change: bool,
    },
}

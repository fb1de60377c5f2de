//! How much goes wrong in a world, and what.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How much goes wrong. Each draw depends on (seed, customer, resource, n-th try) alone, never on arrival order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    pub level: FaultLevel,
    /// Faults put in by hand, on top of the drawn ones.
    pub injections: Vec<Injection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum FaultLevel {
    #[default]
    None,
    Light,
    Hostile,
}

/// One fault at one place: the n-th try of one operation on one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// Customer id; none = every customer.
    #[serde(default)]
    pub customer: Option<Uuid>,
    /// Operation: see the list of operations in the README (`place_order`, `update_licenses`, ...).
    pub operation: String,
    /// Subscription, user, order ... id in lower case; none = every one.
    #[serde(default)]
    pub resource: Option<String>,
    /// First try that is hit, from 1.
    #[serde(default = "super::one")]
    pub from_try: u32,
    /// How many tries in a row; 0 = all from then on.
    #[serde(default = "super::one")]
    pub times: u32,
    pub fault: Fault,
}

/// What can go wrong with one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Fault {
    /// 5xx before anything was done.
    ServerError { status: u16 },
    /// An HTML page of a gateway with this status; nothing was done.
    GatewayPage { status: u16 },
    /// Answered correctly after this many virtual seconds.
    Slow { seconds: u32 },
    /// 429 with `Retry-After` in virtual seconds.
    Throttled { retry_after: u32 },
    /// 400 / 2055 although the etag was fresh; nothing was done.
    StaleEtag,
    /// 202 with `Location`; done after this many virtual seconds.
    Accepted { seconds: u32 },
    /// The connection is closed without an answer; nothing was done.
    LostBefore,
    /// It was done; the connection is closed without an answer.
    LostAfter,
    /// The connection is closed without an answer; it is done this many virtual seconds *later* (at most 240).
    LostLate { seconds: u32 },
    /// Refused with this status and code for this and every later try. Counted by the books as a final refusal.
    Refused { status: u16, code: u32, description: String },
    /// Only for orders and checkouts: the order completes, provisioning fails for good.
    ProvisioningFails,
    /// Only for carts: 201 with an error in the first line, for no reason that the caller could know.
    LineError,
    /// Only for checkouts: the cart has expired, 404 / 800008.
    CartExpired,
    /// Only for checkouts: the availabilities of the cart's items have been replaced, 400019. Reading them again helps.
    CatalogueChanged,
}

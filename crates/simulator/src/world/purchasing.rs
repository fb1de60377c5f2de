//! What stops a customer or a partner from buying, whatever is bought and however: holds, caps, a sandbox, countries.
//!
//! Each is a property of the world, found out only when somebody buys, as at Microsoft: reads work all the while.

use serde::{Deserialize, Serialize};

/// What stands in the way of one customer's purchases. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Purchasing {
    /// `credit` (403 / 800022), `review` (403 / 800073), `not_approved` (403 / 800074), `risk` (403 / 800069),
    /// `eligibility` (400 / 900121): every purchase is refused so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// So many subscriptions that are not deleted; one more answers 403 / 800066.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_subscriptions: Option<u32>,
    /// So many seats of one subscription; more answer 403 / 800067.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seats: Option<u32>,
}

pub(super) const HOLDS: [&str; 5] = ["credit", "review", "not_approved", "risk", "eligibility"];

impl Purchasing {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A sandbox has five subscriptions for each customer and 25 licenses for each subscription (contract, section 12, trap 28).
pub(crate) const SANDBOX_SUBSCRIPTIONS: u32 = 5;
/// See [`SANDBOX_SUBSCRIPTIONS`].
pub(crate) const SANDBOX_SEATS: u32 = 25;

//! Who may call, and when: the seam for quota and for *stop*.
//!
//! Microsoft's quota is the real limit of a migration, and *pause* must hold everywhere at once. Both live behind one
//! trait, because both are answered at the same moment: before a call. [`crate::TokenBuckets`] is the gate of one
//! process; replicas share one through their database.
//!
//! No changing call is made without a [`Permit`], and a permit comes from the gate alone (invariant I8).

use std::fmt;
use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Calls that share one quota at Microsoft, as far as the documents say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Customers, their qualifications and agreements. Documented: 500 a minute.
    Customers,
    /// Subscriptions, add-ons, provisioning status, changes of subscriptions. Documented: 500 a minute.
    Subscriptions,
    /// Orders, carts and checkouts, buying included. Documented for orders: 500 a minute; carts are throttled too, no figure
    /// is published.
    Orders,
    /// The price list of legacy commerce, the catalogue of new commerce. No figure is published.
    Offers,
    /// Users of a customer, their usage location included. No figure is published.
    Users,
    /// Licenses of a user, their changes, and the pools (`subscribedskus`). No figure is published.
    Licenses,
    /// Reads of customers' directories (Microsoft Graph), which has a quota of its own. No figure is built on.
    Directory,
    /// Tokens, at the login authority. Not gated: no quota of Partner Center is spent there.
    Login,
}

impl Family {
    /// All families that have a quota.
    pub const GATED: [Self; 7] = [
        Self::Customers,
        Self::Subscriptions,
        Self::Orders,
        Self::Offers,
        Self::Users,
        Self::Licenses,
        Self::Directory,
    ];

    /// The name in reports: `licenses`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Orders => "orders",
            Self::Offers => "offers",
            Self::Users => "users",
            Self::Licenses => "licenses",
            Self::Directory => "directory",
            Self::Login => "login",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a call is for. Compensation goes before everything else, planning after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A step of a migration, forward.
    Forward,
    /// Undoing: somebody is waiting to have back what they had.
    Compensation,
    /// A read that belongs to a step, or that a person asked for.
    Read,
    /// Discovery for a plan: thousands of calls nobody is waiting for.
    Plan,
}

/// A question to the gate: may this call be made?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whose quota.
    pub family: Family,
    /// About which customer; some limits are kept per customer.
    pub customer: Option<Uuid>,
    /// Whether the call can change something. Reads go on while paused.
    pub changing: bool,
    /// What for.
    pub purpose: Purpose,
}

/// What came of a call that the gate had allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Microsoft took the call, also where it answered with an error about its content.
    Fine,
    /// 429. `after` is what `Retry-After` said.
    Throttled {
        /// How long to leave the family alone.
        after: Option<Duration>,
    },
    /// No answer, or a fault on Microsoft's side.
    Failed,
}

/// Gives permission for calls, within quota, and gives none for changing calls while paused.
pub trait Gate: Send + Sync + Debug {
    /// Ends when the call may be made now. Waits for quota, and for `resume` where the call is changing.
    /// Dropping the future withdraws the question.
    fn permit(&self, ask: Ask) -> BoxFuture<'_, ()>;

    /// Whether a permission given earlier still stands. Asked once more at the moment a changing call goes out, since
    /// between the permission and the call lie a commit and perhaps a new token, and *stop means stop*.
    fn stands(&self, ask: &Ask) -> bool {
        let _ = ask;
        true
    }

    /// What came of it.
    fn answered(&self, ask: &Ask, answer: Answer);
}

/// The gate's permission for one changing call. It is used up by the call.
///
/// It ends: between the permission and the call may lie a wait for a token, and in that time somebody else may have taken
/// over what the call belongs to. A call that is too late is not sent.
#[derive(Debug)]
#[must_use = "a permission that is not used has spent quota for nothing"]
pub struct Permit {
    pub(crate) ask: Ask,
    /// From here on it is no good.
    pub(crate) until: Timestamp,
}

impl Permit {
    /// For which family it was given.
    pub fn family(&self) -> Family {
        self.ask.family
    }

    /// For which customer it was given.
    pub fn customer(&self) -> Option<Uuid> {
        self.ask.customer
    }
}

//! What the API's answers mean, in our types. Dates are moments in UTC; ids are compared without regard to case (but
//! for orders and carts, see [`crate::ids`]); what Microsoft left out is `None`; unknown words are kept.

#[macro_use]
pub(crate) mod open;

mod cart;
mod customer;
mod directory;
mod license;
mod offer;
mod order;
mod product;
mod subscription;
mod user;

pub use cart::{
    Cart, CartErrorCode, CartLine, CartLineError, CartStatus, CheckedOut, MadeCart, NewCartLine, OrderError,
};
pub use customer::{
    Agreement, AgreementKind, AgreementStatus, Customer, CustomerSummary, Qualification, QualificationKind,
    Relationship, VettingStatus,
};
pub use directory::{Assignment, AssignmentError, AssignmentState, Holder};
pub use license::{
    LicenseAssignment, LicenseUpdate, LicenseWarning, PlanStatus, ServicePlan, SkuStatus, SubscribedSku,
    TargetType, UserLicense, UserPlan,
};
pub use offer::{BillingType, Offer};
pub use order::{BillingCycle, NewAddOn, NewOrder, Order, OrderLine, OrderStatus};
pub use product::{Availability, Market, Product, RefundKind, Sku, TargetSegment, Term, TermRefund};
pub use subscription::{
    Changed, ContractType, ProvisioningState, ProvisioningStatus, RefundOption, RefundableQuantity,
    RefundableSeats, Status, Subscription, SubscriptionChange,
};
pub use user::{User, UserState};

use crate::ids::Continuation;
use open::same_word;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// What could not. A list with such entries is not complete: a decision that needs all of it must not be taken.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; none on the last.
    pub next: Option<Continuation>,
}

/// A whole list.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// What could not. A list with such entries is not complete: a decision that needs all of it must not be taken.
    pub unreadable: Vec<Unreadable>,
}

impl<T> Listing<T> {
    /// Whether every entry could be read.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty()
    }
}

/// An entry of a list that could not be read. Says what was wrong with it, never what stood in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its position in the list, from 0.
    pub index: usize,
    /// Its id, where that much could be read.
    pub id: Option<String>,
    /// What was wrong.
    pub problem: Malformed,
}

/// What was wrong with a piece of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON: cut off, or the page of a gateway.
    #[error("the answer is not JSON")]
    NotJson,
    /// JSON of another shape than the documents show.
    #[error("the answer has another shape than documented")]
    Shape,
    /// A key that must be there is missing, empty or of the wrong kind.
    #[error("`{0}` is missing or not understood")]
    Key(&'static str),
    /// The next page lies outside the API, or the pages go in a circle.
    #[error("the link to the next page cannot be followed")]
    NextPage,
}

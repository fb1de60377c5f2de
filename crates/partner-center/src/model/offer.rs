//! What can be bought in legacy commerce.

use uuid::Uuid;

use super::order::BillingCycle;
use crate::ids::OfferId;

open_enum! {
    /// How a product is paid.
    pub enum BillingType {
        /// Not at all.
        None = "none" | 0,
        /// By use.
        Usage = "usage" | 1,
        /// By seat.
        License = "license" | 2,
    }
}

/// An offer of a country's price list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Its name, in the locale asked for (`en-US`).
    pub name: String,
    /// Two letters, where given.
    pub country: Option<String>,
    /// The SKU whose pool a purchase fills (`product.id`). Several offers share one.
    pub sku: Option<Uuid>,
    /// Its category, such as `Enterprise_Key`; empty for add-ons.
    pub category: String,
    /// Fewest seats.
    pub minimum_quantity: u32,
    /// Most seats.
    pub maximum_quantity: u32,
    /// How often `limit` purchases may be made: `None`, `Concurrent`, `Lifetime`, as it came.
    pub limit_unit: String,
    /// How many purchases; 0 where there is no limit.
    pub limit: u32,
    /// Whether it hangs on another subscription. Not to be read from the name: "Add-On for CRM" is a price.
    pub is_add_on: bool,
    /// Whether it is a trial.
    pub is_trial: bool,
    /// Whether it can be bought.
    pub is_available_for_purchase: bool,
    /// Whether it renews itself.
    pub is_auto_renewable: bool,
    /// How it is paid.
    pub billing: Option<BillingType>,
    /// The cycles it can be bought with.
    pub billing_cycles: Vec<BillingCycle>,
    /// What a customer must be to buy it, such as `Nonprofit`; empty = anybody. As they came.
    pub customer_qualifications: Vec<String>,
    /// What a partner must be to sell it; empty = anybody.
    pub partner_qualifications: Vec<String>,
    /// Offers of which one must be there first.
    pub prerequisites: Vec<OfferId>,
}

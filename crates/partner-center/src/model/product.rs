//! What can be bought in new commerce: products, their SKUs, and how a SKU is sold (availabilities).
//!
//! The way to a purchase is product, SKU, availability, catalogue item, cart. What decides stands here; prices do not.
//! Nothing here is for keeping: availabilities change over time and are read again right before buying.

use uuid::Uuid;

use super::order::BillingCycle;
use super::same_word;
use crate::ids::{AvailabilityId, CatalogItem, OfferId, ProductId, SkuId};

open_enum! {
    /// For which kind of customer something is sold.
    pub enum TargetSegment {
        /// Businesses.
        Commercial = "Commercial",
        /// Schools and universities.
        Education = "Education",
        /// Government.
        Government = "Government",
        /// Charities.
        NonProfit = "NonProfit",
    }
}

open_enum! {
    /// How much of the price comes back when something is cancelled.
    pub enum RefundKind {
        /// All of it.
        Full = "Full",
        /// The part that is left.
        Partial = "Partial",
    }
}

/// Whose catalogue is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Market {
    /// What this customer can buy: of its country, and no offers that are not for it.
    Customer(Uuid),
    /// What is sold in a country (two letters).
    Country(String),
}

/// A product: a group of SKUs. It cannot be bought by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name, in the locale asked for (`en-US`); empty where it was left out.
    pub title: String,
    /// `productType.id`, such as `OnlineServicesNCE`. The view also lists legacy commerce and the marketplace.
    pub product_type: Option<String>,
    /// Whether Microsoft itself makes it, where given.
    pub is_microsoft: Option<bool>,
}

impl Product {
    /// Whether it is a licensed product of new commerce.
    pub fn is_new_commerce(&self) -> bool {
        self.product_type.as_deref().is_some_and(|id| same_word(id, "OnlineServicesNCE"))
    }
}

/// A SKU of a product: what a partner chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// Its product.
    pub product: ProductId,
    /// Its id within the product.
    pub id: SkuId,
    /// Its name, in the locale asked for (`en-US`); empty where it was left out.
    pub title: String,
    /// Fewest seats.
    pub minimum_quantity: u32,
    /// Most seats.
    pub maximum_quantity: u32,
    /// Whether it is a trial.
    pub is_trial: bool,
    /// Whether it hangs on another subscription. None = the answer does not say: its attributes can change without notice.
    pub is_add_on: Option<bool>,
    /// The SKU in the tenant whose pool a purchase fills (`dynamicAttributes.provisioningId`): what licenses hang on.
    pub provisioning_id: Option<Uuid>,
    /// The cycles it can be bought with.
    pub billing_cycles: Vec<BillingCycle>,
    /// What must be there before it can be bought, such as `MicrosoftCustomerAgreement`. As they came.
    pub purchase_prerequisites: Vec<String>,
    /// For an add-on: the SKUs of which one must be there first.
    pub prerequisite_skus: Vec<CatalogItem>,
}

impl Sku {
    /// Whether the customer must have accepted the Microsoft Customer Agreement.
    pub fn needs_customer_agreement(&self) -> bool {
        self.purchase_prerequisites.iter().any(|word| same_word(word, "MicrosoftCustomerAgreement"))
    }
}

/// One way in which a SKU is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// Its id within the SKU.
    pub id: AvailabilityId,
    /// Its product.
    pub product: ProductId,
    /// Its SKU.
    pub sku: SkuId,
    /// What goes into a cart.
    pub catalog_item: OfferId,
    /// For which kind of customer it is sold, where given.
    pub segment: Option<TargetSegment>,
    /// Two letters, upper case, where given.
    pub country: Option<String>,
    /// Three letters, where given.
    pub currency: Option<String>,
    /// Whether it can be bought. Left out counts as no.
    pub is_purchasable: bool,
    /// Whether it renews, where given.
    pub is_renewable: Option<bool>,
    /// The terms it can be bought for, each with its billing cycle.
    pub terms: Vec<Term>,
}

impl Availability {
    /// Whether it can be bought for this term (ISO 8601, `P1Y`) with this billing cycle.
    pub fn offers(&self, duration: &str, cycle: &BillingCycle) -> bool {
        let fits = |term: &Term| {
            term.duration.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(duration.trim()))
                && term.billing_cycle.as_ref() == Some(cycle)
        };
        self.is_purchasable && self.terms.iter().any(fits)
    }
}

/// A term for which something can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// ISO 8601 (`P1M`, `P1Y`, `P3Y`), where given.
    pub duration: Option<String>,
    /// How it is billed, where given.
    pub billing_cycle: Option<BillingCycle>,
    /// What comes back when it is cancelled early; empty where the answer does not say.
    pub refunds: Vec<TermRefund>,
}

/// What comes back when a term is cancelled early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermRefund {
    /// How much.
    pub kind: RefundKind,
    /// How long after the purchase (ISO 8601, `P7D`), where given.
    pub expires_after: Option<String>,
}

//! Carts of new commerce: what goes in, what Microsoft makes of it, and what a checkout brings.
//!
//! A good status says little here: a cart can be made with faulty lines, and a checkout can buy one half. So both answers
//! are types in which success is an arm of its own.

use jiff::Timestamp;

use super::order::{BillingCycle, Order};
use crate::codes::{self, Explanation};
use crate::error::Remedy;
use crate::ids::{CartId, CatalogItem, OfferId};

open_enum! {
    /// State of a cart.
    pub enum CartStatus {
        /// It can be changed and checked out.
        Active = "Active",
        /// It was checked out: the witness after a checkout whose answer was lost.
        Ordered = "Ordered",
    }
}

open_enum! {
    /// What is wrong with a line of a cart. Microsoft writes the word or the number.
    pub enum CartErrorCode {
        /// Microsoft does not know either.
        Unknown = "unknown" | 0,
        /// The currency is not supported in this market.
        CurrencyIsNotSupported = "currency_is_not_supported" | 10000,
        /// The catalogue item is not valid (any more).
        CatalogItemIdIsNotValid = "catalog_item_id_is_not_valid" | 10001,
        /// Not enough quota.
        QuotaNotAvailable = "quota_not_available" | 10002,
        /// No stock.
        InventoryNotAvailable = "inventory_not_available" | 10003,
        /// This partner may not name participants (a reseller).
        ParticipantsIsNotSupportedForPartner = "participants_is_not_supported_for_partner" | 10004,
        /// The line cannot be handled.
        UnableToProcessCartLineItem = "unable_to_process_cart_line_item" | 10006,
        /// A subscription named in it is not valid.
        SubscriptionIsNotValid = "subscription_is_not_valid" | 10007,
        /// Reservations of Azure: not ours.
        SubscriptionIsNotEnabledForRi = "subscription_is_not_enabled_for_ri" | 10008,
        /// A limit of the sandbox.
        SandboxLimitExceeded = "sandbox_limit_exceeded" | 10009,
        /// The input is not valid.
        InvalidInput = "invalid_input" | 10010,
        /// A subscription named in it is not registered.
        SubscriptionNotRegistered = "subscription_not_registered" | 10011,
        /// An attestation is missing.
        AttestationNotAccepted = "attestation_not_accepted" | 10012,
        /// The item is not sold with this billing cycle and term.
        BillingPlanNotSupported = "billing_plan_not_supported" | 10013,
        /// The promotion is not valid.
        InvalidPromotionId = "invalid_promotion_id" | 10014,
        /// More seats than a subscription may have.
        MaxAllowedSeatsPerSubscriptionExceeded = "max_allowed_seats_per_subscription_exceeded" | 10015,
        /// The item does not take an end date of one's own.
        InvalidCustomTermEndDateProduct = "invalid_custom_term_end_date_product" | 10016,
        /// The end date is not valid.
        InvalidCustomTermEndDate = "invalid_custom_term_end_date" | 10017,
        /// The base has too few seats.
        BaseOfferSeatQuantityNotMet = "base_offer_seat_quantity_not_met" | 10018,
        /// The add-on has too few seats.
        MinimumAddOnSeatsNotMet = "minimum_add_on_seats_not_met" | 10019,
        /// A legacy offer that is no longer sold.
        LegacyOfferNotEligibleForPurchase = "legacy_offer_not_eligible_for_purchase" | 500600,
    }
}

/// One line of a cart to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCartLine {
    /// What to buy: `catalogItemId` of an availability that was read just before.
    pub catalog_item: OfferId,
    /// Seats; within the SKU's minimum and maximum.
    pub quantity: u32,
    /// Becomes the subscription's friendly name. A mark in it is how a lost purchase is found again.
    pub friendly_name: String,
    /// How to be billed; together with the term one of the availability's.
    pub billing_cycle: BillingCycle,
    /// ISO 8601 (`P1Y`).
    pub term_duration: String,
    /// MPN id of the indirect reseller (`transaction_reseller`), for indirect providers; never the provider's own.
    pub reseller: Option<String>,
}

/// A cart as Microsoft has it. It buys nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    /// Its id.
    pub id: CartId,
    /// Its state, where given.
    pub status: Option<CartStatus>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// From here on it is no good. Samples show a quarter of an hour and seven days: only the answer tells.
    pub expires: Option<Timestamp>,
    /// What is in it.
    pub lines: Vec<CartLine>,
}

impl Cart {
    /// What is wrong with its lines.
    pub fn errors(&self) -> impl Iterator<Item = &CartLineError> + '_ {
        self.lines.iter().filter_map(|line| line.error.as_ref())
    }

    /// Whether its time is over at this moment. A cart that does not say when it ends counts as good.
    pub fn is_expired(&self, at: Timestamp) -> bool {
        self.expires.is_some_and(|expires| at >= expires)
    }

    /// Whether it holds just what was asked for: these lines, and nothing wrong with any.
    pub(crate) fn holds(&self, asked: &[NewCartLine]) -> bool {
        self.lines.len() == asked.len()
            && matches!(self.status, None | Some(CartStatus::Active))
            && self.errors().next().is_none()
            && asked.iter().all(|asked| self.lines.iter().any(|line| line.is(asked)))
            && self.lines.iter().all(|line| asked.iter().any(|asked| line.is(asked)))
    }
}

/// One line of a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// Its number, where given.
    pub number: Option<u32>,
    /// What would be bought; none where a faulty line does not say.
    pub catalog_item: Option<OfferId>,
    /// Seats; none where a faulty line does not say.
    pub quantity: Option<u32>,
    /// The name given.
    pub friendly_name: String,
    /// How it would be billed.
    pub billing_cycle: Option<BillingCycle>,
    /// ISO 8601, where given.
    pub term_duration: Option<String>,
    /// Three letters, where given.
    pub currency: Option<String>,
    /// Lines of one group become one order. Errors of a checkout name it.
    pub order_group: Option<String>,
    /// MPN id of the indirect reseller.
    pub reseller: Option<String>,
    /// What is wrong with it.
    pub error: Option<CartLineError>,
}

impl CartLine {
    /// Whether it is what was asked for, as far as it tells: a term that was left out is no other term.
    fn is(&self, asked: &NewCartLine) -> bool {
        self.catalog_item.as_ref() == Some(&asked.catalog_item)
            && self.quantity == Some(asked.quantity)
            && self.billing_cycle.as_ref().is_none_or(|cycle| *cycle == asked.billing_cycle)
            && self
                .term_duration
                .as_deref()
                .is_none_or(|term| term.eq_ignore_ascii_case(&asked.term_duration))
            && (self.reseller.is_none() || self.reseller == asked.reseller)
    }
}

/// Why a line of a cart cannot be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLineError {
    /// What is wrong.
    pub code: CartErrorCode,
    /// Seats that could still be bought, where given.
    pub available_quantity: Option<u32>,
    /// What Microsoft names in the offer's place. To be shown to a person, never to be bought on the strength of it.
    pub equivalents: Vec<CatalogItem>,
}

impl CartLineError {
    /// The number of the code, where it is known.
    pub fn number(&self) -> Option<u32> {
        codes::of_cart(&self.code)
    }

    /// What to do: a line with an error was not bought.
    pub fn remedy(&self) -> Remedy {
        self.explanation().map_or(Remedy::Person, |row| row.remedy)
    }

    /// What the code means and what to do about it, where it is documented.
    pub fn explanation(&self) -> Option<&'static Explanation> {
        codes::explain(self.number()?, None)
    }
}

/// What came of making a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MadeCart {
    /// It holds what was asked for and can be checked out.
    Ready(Cart),
    /// A line has an error, or the cart holds something else than was asked for. **Not a success**: nothing was bought, and it
    /// must not be checked out.
    Faulty(Cart),
}

/// What came of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckedOut {
    /// All of the cart is ordered. Subscriptions may be missing from the orders' lines while they are being provisioned.
    Bought(Vec<Order>),
    /// Some of it is ordered, some is not.
    Partly {
        /// What is ordered.
        orders: Vec<Order>,
        /// What is not, and why.
        errors: Vec<OrderError>,
    },
    /// Nothing is ordered, as far as the errors are definite ([`OrderError::remedy`]).
    Nothing(Vec<OrderError>),
}

impl CheckedOut {
    /// What was ordered.
    pub fn orders(&self) -> &[Order] {
        match self {
            Self::Bought(orders) | Self::Partly { orders, .. } => orders,
            Self::Nothing(_) => &[],
        }
    }

    /// What was not ordered.
    pub fn errors(&self) -> &[OrderError] {
        match self {
            Self::Bought(_) => &[],
            Self::Partly { errors, .. } | Self::Nothing(errors) => errors,
        }
    }
}

/// Why one group of a cart was not ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderError {
    /// `orderGroup` of the lines it is about, where given.
    pub order_group: Option<String>,
    /// Partner Center's code, where given.
    pub code: Option<u32>,
    /// What Microsoft names in the offer's place. To be shown to a person, never to be bought on the strength of it.
    pub equivalents: Vec<CatalogItem>,
}

impl OrderError {
    /// What to do. A code that stands for a fault of Microsoft's says nothing of what became of the order: such a one is
    /// an unknown outcome, as it is for a call of its own.
    pub fn remedy(&self) -> Remedy {
        match self.explanation() {
            Some(row) if row.status.is_some_and(|status| status >= 500) => Remedy::UnknownOutcome,
            Some(row) => row.remedy,
            None => Remedy::Person,
        }
    }

    /// What the code means and what to do about it, where it is documented.
    pub fn explanation(&self) -> Option<&'static Explanation> {
        codes::explain(self.code?, None)
    }
}

//! The readings of new commerce: what the contract's sections 4 to 7 leave open about carts, checkouts and windows.

use serde::{Deserialize, Serialize};

/// One switch for each open question of new commerce. The defaults are the likeliest reading.
///
/// What a repeat with the same `MS-RequestId` is answered is told by `repeated_request_id` for carts and checkouts too; its
/// `conflict` is 409 / 800064 there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct CommerceReadings {
    /// How a checkout says that nothing of the cart could be ordered.
    pub failed_checkout: FailedCheckout,
    /// A second checkout of a cart that was ordered, under a request id of its own. In no reading does it buy.
    pub second_checkout: SecondCheckout,
    /// What becomes of a catalog item in a new cart whose availability has been replaced.
    pub stale_item_in_cart: StaleItem,
    /// When agreements, holds and caps are looked at.
    pub parties_checked: PartiesChecked,
    /// The checkout answers with `subscriptionId`: it is provisioned at once, its seats come as late as ever.
    pub subscription_id_at_once: bool,
    /// A changed cart lives its whole lifetime again.
    pub changed_cart_lives_longer: bool,
    /// The code of a cancellation that comes too late.
    pub after_window: AfterWindow,
    /// Fewer seats after their window answer 400 / 900257 instead of 400 / 800090.
    pub late_reduction_is_900257: bool,
    /// A subscription that was cancelled is gone; else it is listed and read, as `deleted`.
    pub hides_deleted: bool,
    /// What subscriptions of new commerce have for an etag.
    pub etags: Etags,
    /// Codes of a cart line's error travel as numbers instead of names.
    pub cart_codes_as_numbers: bool,
    /// Legacy offers that nobody can buy any more are still in the lists of offers.
    pub lists_withdrawn_offers: bool,
}

/// How a checkout of which nothing was ordered is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum FailedCheckout {
    /// 201 with `orderErrors` alone, as the documented sample has a part of it.
    #[default]
    OrderErrors,
    /// With the status and code of the first error, as the table of codes has them.
    Refused,
}

/// How a checkout of an ordered cart is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum SecondCheckout {
    /// 400 / 800065: already submitted.
    #[default]
    Refused,
    /// 409 / 800064: being processed by another request.
    Conflict,
    /// 201 with the orders that were placed the first time.
    AnswersFirst,
}

/// What a new cart says to an availability that is no longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum StaleItem {
    /// 201, with an error in the line.
    #[default]
    LineError,
    /// 404 / 400019.
    Refused,
    /// Nothing; the checkout finds it.
    Accepted,
}

/// When a purchase looks at who buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum PartiesChecked {
    #[default]
    AtCheckout,
    /// When the cart is made, and again at its checkout.
    AtCart,
}

/// The code of a cancellation outside its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AfterWindow {
    /// 400 / 900117, which counts in days.
    #[default]
    Days,
    /// 400 / 900213, which counts in hours.
    Hours,
}

/// What new commerce has for etags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Etags {
    /// None: the key is missing, and a change without one is accepted.
    #[default]
    Missing,
    /// The same, with an empty text.
    Empty,
    /// One, as legacy subscriptions have.
    Given,
}

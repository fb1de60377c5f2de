//! New commerce: what is sold as product, SKU and availability instead of as an offer (contract, sections 4.2 and 7.4).
//!
//! A catalog item is named by a triple, `CFQ7TTC0SLS1:0001:CFQ7TTC0K971`. Product and SKU stay; the availability, and with it
//! the triple, changes as time passes, so the world file says only where a SKU is sold and the simulator draws the
//! availability's id for each period. Books, intents and orders need one name that stays: [`item_id`] makes a GUID of
//! product and SKU, so that an order of new commerce is kept, counted and judged exactly as a legacy one is.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::{Uuid, uuid};

/// The catalogue of new commerce. Empty by default: a world without it is one of legacy commerce alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewCommerce {
    pub products: Vec<Product>,
    /// Virtual seconds after which each availability has another id; 0 = never. Not all change at one moment.
    pub availabilities_change_every: u32,
    /// Hours after a purchase, a renewal or added seats in which they can be given back (documented: 7 days, until 2022 72
    /// hours).
    pub cancellation_hours: u32,
    /// Virtual seconds that a cart lives (about 15 minutes in the documented sample).
    pub cart_lifetime: u32,
}

impl Default for NewCommerce {
    fn default() -> Self {
        Self {
            products: Vec::new(),
            availabilities_change_every: 86_400,
            cancellation_hours: 7 * 24,
            cart_lifetime: 900,
        }
    }
}

impl NewCommerce {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A product: what its SKUs have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Twelve capital letters and digits, such as `CFQ7TTC0SLS1`.
    pub id: String,
    pub title: String,
    pub skus: Vec<ProductSku>,
}

/// One thing that can be bought. Not the SKU that licenses hang on: that is `license_sku`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSku {
    /// Four capital letters and digits, such as `0001`.
    pub id: String,
    pub title: String,
    /// The SKU in the tenant that its licenses are of: `dynamicAttributes.provisioningId` on the wire.
    pub license_sku: Uuid,
    #[serde(default)]
    pub trial: bool,
    #[serde(default = "super::one")]
    pub minimum_quantity: u32,
    #[serde(default = "super::many")]
    pub maximum_quantity: u32,
    #[serde(default = "terms")]
    pub terms: Vec<Term>,
    /// Where and to whom it is sold: each is one availability in each of its countries. None = not sold at all.
    #[serde(default = "everywhere")]
    pub sales: Vec<Sale>,
    /// What the wire shows as `purchasePrerequisites`.
    #[serde(default = "prerequisites")]
    pub purchase_prerequisites: Vec<String>,
}

/// A commitment and how it is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// `P1M`, `P1Y` or `P3Y`.
    pub duration: String,
    /// `monthly`, `annual` or `triennial`.
    pub billing_cycle: String,
}

/// To whom a SKU is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sale {
    /// `commercial`, `education`, `government`, `nonprofit`. Commercial ones are for everybody, the others for their own.
    pub segment: String,
    /// Countries; empty = everywhere.
    pub countries: Vec<String>,
    /// False: listed with `isPurchasable` false, and a purchase answers 403 / 800020.
    pub purchasable: bool,
}

impl Default for Sale {
    fn default() -> Self {
        Self { segment: "commercial".into(), countries: Vec::new(), purchasable: true }
    }
}

fn terms() -> Vec<Term> {
    [("P1M", "monthly"), ("P1Y", "monthly"), ("P1Y", "annual")]
        .map(|(duration, cycle)| Term { duration: duration.into(), billing_cycle: cycle.into() })
        .to_vec()
}
fn everywhere() -> Vec<Sale> {
    vec![Sale::default()]
}
fn prerequisites() -> Vec<String> {
    vec!["MicrosoftCustomerAgreement".into()]
}

/// One SKU with the product it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub product: String,
    pub product_title: String,
    pub sku: ProductSku,
}

impl Item {
    /// Whether it is sold in this country to a customer of this segment.
    #[must_use]
    pub fn sold_to(&self, country: &str, segment: &str) -> bool {
        self.sku.sales.iter().any(|sale| sale.purchasable && sale.fits(country, segment))
    }
}

impl Sale {
    pub(crate) fn in_country(&self, country: &str) -> bool {
        self.countries.is_empty() || self.countries.iter().any(|sold| sold.eq_ignore_ascii_case(country))
    }

    /// Whether a customer of this segment in this country may use it.
    pub(crate) fn fits(&self, country: &str, segment: &str) -> bool {
        self.in_country(country) && (self.segment == "commercial" || self.segment == segment)
    }
}

/// The end of a legacy offer for new orders. Subscriptions that exist live on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Withdrawal {
    /// From when on; none = since before the world begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// For customers of these countries; empty = of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// For customers of these segments; empty = of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
    /// What is sold instead, as `product:sku`. The refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivalent: Option<String>,
    /// 2091 (no longer available) or 2085 (not eligible); none = 2085 where `segments` are named, else 2091.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

impl Withdrawal {
    pub(crate) fn applies(&self, country: &str, segment: &str, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at)
            && (self.countries.is_empty() || self.countries.iter().any(|c| c.eq_ignore_ascii_case(country)))
            && (self.segments.is_empty() || self.segments.iter().any(|s| s == segment))
    }

    /// Nobody in this country can buy it any more.
    pub(crate) fn ends_listing(&self, country: &str, at: Timestamp) -> bool {
        self.segments.is_empty() && self.applies(country, "", at)
    }

    pub(crate) fn code(&self) -> u32 {
        self.code.unwrap_or(if self.segments.is_empty() { 2091 } else { 2085 })
    }
}

/// How often an offer can be held by one customer, beyond which a purchase answers 400 / 27006.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferLimit {
    /// `concurrent` counts what is not deleted, `lifetime` whatever was ever there.
    pub unit: String,
    pub count: u32,
}

/// What a subscription of new commerce has beside what a legacy one has. Its `offer` is [`item_id`], or the triple.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// The triple it was bought as; of `product:sku` alone the simulator makes one up.
    pub catalog_item: String,
    #[serde(default = "a_year")]
    pub term: String,
    /// Until when it can be cancelled; none = no longer.
    #[serde(default)]
    pub cancellable_until: Option<Timestamp>,
}

fn a_year() -> String {
    "P1Y".into()
}

/// A triple, or a pair, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Triple<'a> {
    pub(crate) product: &'a str,
    pub(crate) sku: &'a str,
    pub(crate) availability: Option<&'a str>,
}

impl<'a> Triple<'a> {
    /// None where the text is no `product:sku` with or without an availability.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(':');
        let (product, sku) = (parts.next()?, parts.next()?);
        let availability = parts.next();
        let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let well_formed =
            word(product) && word(sku) && availability.is_none_or(word) && parts.next().is_none();
        well_formed.then_some(Self { product, sku, availability })
    }

    pub(crate) fn item(&self) -> Uuid {
        item_id(self.product, self.sku)
    }
}

/// Invented, and this simulator's own.
const ITEMS: Uuid = uuid!("5ea75a1f-8000-4000-8000-000000000001");

/// The id under which books and intents keep a product's SKU, in any case of its letters.
#[must_use]
pub fn item_id(product: &str, sku: &str) -> Uuid {
    Uuid::new_v5(&ITEMS, format!("{product}:{sku}").to_ascii_uppercase().as_bytes())
}

/// The id under which books and intents keep what an order names: an offer's own GUID, or that of `product:sku` with or
/// without an availability. None = neither.
#[must_use]
pub fn offer_id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().or_else(|| Triple::read(text).map(|triple| triple.item()))
}

/// Reads an offer in a world file: a GUID or a triple.
pub(super) fn read_offer<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(from)?;
    offer_id(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is neither a GUID nor product:sku")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_id_whatever_its_availability_and_case() {
        let id = item_id("CFQ7TTC0SLS1", "0001");
        assert_eq!(offer_id("CFQ7TTC0SLS1:0001:CFQ7TTC0K971"), Some(id));
        assert_eq!(offer_id("cfq7ttc0sls1:0001"), Some(id));
        assert_ne!(offer_id("CFQ7TTC0SLS1:0002"), Some(id));
        for wrong in ["CFQ7TTC0SLS1", "a::b", "a:b:c:d", ":0001", "not an offer"] {
            assert_eq!(offer_id(wrong), None, "{wrong}");
        }
    }
}

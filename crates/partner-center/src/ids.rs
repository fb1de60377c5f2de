//! The ids of Partner Center that are not always GUIDs.
//!
//! Customers, subscriptions, users, SKUs and service plans are GUIDs everywhere and are [`uuid::Uuid`] here, so that
//! the mixed case of Microsoft's answers cannot make one thing look like two. Offers and orders are GUIDs in legacy
//! commerce and other strings in new commerce: they stay strings, and whatever is GUID-shaped is lower-cased.
//!
//! Ids of the catalogue (offers, products, SKUs, availabilities) are equal whatever their case, and keep the spelling
//! they came in. Ids of orders and carts are not: those of new commerce can be mixed-case strings in which case counts
//! (`311qiN8iFwkv-XARWMvXRYAwYKMACVqv1` is Microsoft's own sample).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, exact) => {
        text_id!(@type $(#[$doc])* #[derive(PartialEq, Eq, PartialOrd, Ord, Hash)] $name);
    };
    ($(#[$doc:meta])* $name:ident, any case) => {
        text_id!(@type $(#[$doc])* $name);

        impl $name {
            fn folded(&self) -> impl Iterator<Item = u8> + '_ {
                self.0.bytes().map(|byte| byte.to_ascii_lowercase())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.folded().cmp(other.folded())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.folded().for_each(|byte| state.write_u8(byte));
                state.write_u8(0xff);
            }
        }
    };
    (@type $(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the id as Microsoft or a person wrote it: blanks around it go, a GUID becomes lower case.
            pub fn new(text: impl AsRef<str>) -> Self {
                let text = text.as_ref().trim();
                match Uuid::try_parse(text) {
                    Ok(guid) => Self(guid.hyphenated().to_string().into_boxed_str()),
                    Err(_) => Self(text.into()),
                }
            }

            /// The id as it goes into a URL or a request body.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as a GUID: always for legacy commerce, never for new commerce.
            pub fn guid(&self) -> Option<Uuid> {
                Uuid::try_parse(&self.0).ok()
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

text_id! {
    /// What is bought: a GUID in legacy commerce, `product:sku:availability` in new commerce.
    OfferId, any case
}

text_id! {
    /// An order of a customer: a GUID in legacy commerce, a short hexadecimal string or a mixed-case one in new commerce.
    OrderId, exact
}

text_id! {
    /// A product of the catalogue, such as `CFQ7TTC0LH18`; for legacy offers the SKU's GUID.
    ProductId, any case
}

text_id! {
    /// A SKU of the catalogue, such as `0001`: unique only within its product. Not the SKU that licenses hang on.
    SkuId, any case
}

text_id! {
    /// A way in which a SKU is sold, such as `CFQ7TTC0K971`: unique only within its SKU, and it changes over time.
    AvailabilityId, any case
}

text_id! {
    /// A cart of a customer.
    CartId, exact
}

/// An entry of new commerce's catalogue, as an id names it: `product:sku`, or `product:sku:availability`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CatalogItem {
    /// The product.
    pub product: ProductId,
    /// The SKU within it: what a partner chooses, and what stays the same.
    pub sku: SkuId,
    /// How it is sold. Changes over time: read the availabilities again right before buying.
    pub availability: Option<AvailabilityId>,
}

impl CatalogItem {
    /// Takes an id apart; none where it is not one of new commerce.
    pub fn parse(id: &str) -> Option<Self> {
        let mut parts = id.trim().split(':').map(str::trim);
        let (product, sku, availability) = (parts.next()?, parts.next()?, parts.next());
        let given = ![product, sku].contains(&"") && availability != Some("");
        (given && parts.next().is_none()).then(|| Self {
            product: ProductId::new(product),
            sku: SkuId::new(sku),
            availability: availability.map(AvailabilityId::new),
        })
    }

    /// Whether both are the same SKU, however it is sold.
    pub fn is_same_sku(&self, other: &Self) -> bool {
        self.product == other.product && self.sku == other.sku
    }
}

impl fmt::Display for CatalogItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.product, self.sku)?;
        match &self.availability {
            Some(availability) => write!(f, ":{availability}"),
            None => Ok(()),
        }
    }
}

impl OfferId {
    /// The parts of an id of new commerce; none for legacy commerce.
    pub fn catalog_item(&self) -> Option<CatalogItem> {
        CatalogItem::parse(self.as_str())
    }
}

/// Where the next page begins. Opaque; may be kept (as JSON) and used later, also by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuation {
    /// Path and query below the API's base, never a host: a token must not follow a link to somewhere else.
    pub(crate) target: String,
    /// `MS-ContinuationToken`, when the page gave one.
    pub(crate) token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_a_guid_does_not_make_two_offers() {
        let upper = OfferId::new("F28514F0-6516-4EF9-8222-1C605A05D245");
        assert_eq!(upper, OfferId::new(" f28514f0-6516-4ef9-8222-1c605a05d245 "));
        assert_eq!(upper.as_str(), "f28514f0-6516-4ef9-8222-1c605a05d245");
    }

    #[test]
    fn an_id_of_new_commerce_stays_as_it_is() {
        let id = OfferId::new("CFQ7TTC0LH18:0001:CFQ7TTC0K971");
        assert_eq!(id.as_str(), "CFQ7TTC0LH18:0001:CFQ7TTC0K971");
        assert_eq!(id.guid(), None);
    }

    #[test]
    fn the_case_of_a_catalogue_id_does_not_make_two_things_and_that_of_an_order_does() {
        let (upper, lower) =
            (OfferId::new("CFQ7TTC0LH18:0001:CFQ7TTC0K971"), OfferId::new("cfq7ttc0lh18:0001:cfq7ttc0k971"));
        assert_eq!(upper, lower);
        assert_eq!(upper.cmp(&lower), Ordering::Equal);
        assert_eq!(std::collections::HashSet::from([upper, lower]).len(), 1);
        assert!(OfferId::new("MS-AZR-0145P") < OfferId::new("ms-azr-0146p"));
        assert_ne!(OrderId::new("HVu_cO8Ea7fNRQP4"), OrderId::new("hvu_co8ea7fnrqp4"));
        assert_ne!(CartId::new("aB"), CartId::new("ab"));
    }

    #[test]
    fn an_id_of_new_commerce_tells_its_parts_and_one_of_legacy_commerce_has_none() {
        let item = OfferId::new(" CFQ7TTC0LH18:0001:CFQ7TTC0K971 ").catalog_item().unwrap();
        assert_eq!((item.product.as_str(), item.sku.as_str()), ("CFQ7TTC0LH18", "0001"));
        assert_eq!(item.availability, Some(AvailabilityId::new("cfq7ttc0k971")));
        assert_eq!(item.to_string(), "CFQ7TTC0LH18:0001:CFQ7TTC0K971");
        let sold_otherwise = CatalogItem::parse("cfq7ttc0lh18:0001").unwrap();
        assert_eq!(sold_otherwise.to_string(), "cfq7ttc0lh18:0001");
        assert!(item.is_same_sku(&sold_otherwise) && item != sold_otherwise);
        for other in
            ["F28514F0-6516-4EF9-8222-1C605A05D245", "MS-AZR-0145P", "a:", ":b", "a:b:", "a:b:c:d", ""]
        {
            assert_eq!(OfferId::new(other).catalog_item(), None, "{other}");
        }
    }
}

//! The ids of Partner Center that are not always GUIDs.
//!
//! Customers, subscriptions, users, SKUs and service plans are GUIDs everywhere and are [`uuid::Uuid`] here, so that
//! the mixed case of Microsoft's answers cannot make one thing look like two. Offers and orders are GUIDs in legacy
//! commerce and other strings in new commerce: they stay strings, and whatever is GUID-shaped is lower-cased.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    OfferId
}

text_id! {
    /// An order of a customer: a GUID in legacy commerce, a short hexadecimal string in new commerce.
    OrderId
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
}

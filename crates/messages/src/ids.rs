//! Identifiers, one type each, so that a customer can never be passed where a subscription is meant.
//!
//! Partner Center writes the same GUID in upper case in one answer and in lower case in the next (wire contract, trap 32).
//! The types here fold the case once, at the edge: GUIDs live as [`Uuid`], everything else as lower-case text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Text that should have been a GUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what} (expected a GUID such as 5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f)")]
pub struct NotAnId {
    what: &'static str,
    text: String,
}

macro_rules! guid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text.trim())
                    .map($name)
                    .map_err(|_| NotAnId { what: $what, text: text.chars().take(80).collect() })
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Trims and folds the case.
            pub fn new(text: &str) -> Self {
                $name(text.trim().to_ascii_lowercase())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name::new(text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok($name::new(&text))
            }
        }
    };
}

guid_id!(
    /// One event; the same on every delivery and every publication.
    EventId, "event id"
);
guid_id!(
    /// One old subscription moved to one target plan: the saga.
    MigrationId, "migration id"
);
guid_id!(
    /// One execution of a plan.
    RunId, "run id"
);
guid_id!(
    /// A customer of the partner, which is a tenant.
    CustomerId, "customer id"
);
guid_id!(
    /// A subscription, old or new.
    SubscriptionId, "subscription id"
);
guid_id!(
    /// A product in a tenant: what licenses hang on.
    SkuId, "SKU id"
);
guid_id!(
    /// A service plan inside a SKU.
    ServicePlanId, "service plan id"
);
guid_id!(
    /// A user of a tenant.
    UserId, "user id"
);
text_id!(
    /// Something on sale: a GUID for legacy offers, `product:sku:availability` in new commerce.
    OfferId
);
text_id!(
    /// An order: a GUID for legacy orders, twelve hexadecimal digits in new commerce.
    OrderId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_guid_in_another_case_is_the_same_id() {
        let upper: SubscriptionId = "0C9A7C2B-4B36-4C0A-9C1D-5E0F6A7B8C9D".parse().unwrap();
        let lower: SubscriptionId = "0c9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9d".parse().unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.to_string(), "0c9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9d");
        assert_eq!(
            OfferId::new(" CFQ7TTC0LH18:0001:CFQ7TTC0K971"),
            OfferId::new("cfq7ttc0lh18:0001:cfq7ttc0k971")
        );
    }

    #[test]
    fn text_that_is_no_guid_is_refused_with_its_kind() {
        let error = "Sales QO".parse::<CustomerId>().unwrap_err().to_string();
        assert!(error.contains("`Sales QO` is not a customer id"), "{error}");
    }
}

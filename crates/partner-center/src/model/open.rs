//! Enums that Microsoft may extend: unknown values are kept as they came, never mapped to a known one.

/// Defines an enum over words (and, where documented, integers) with an `Other` arm.
///
/// Words are compared without regard to case, blanks and underscores: the same API writes `one_time`, `OneTime`,
/// `Annual` and `"Started "`.
macro_rules! open_enum {
    ($(#[$doc:meta])* pub enum $name:ident {
        $( $(#[$vdoc:meta])* $variant:ident = $word:literal $(| $number:literal)? ),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$vdoc])* $variant, )+
            /// A value this version does not know, as it came (an integer as its digits).
            Other(String),
        }

        impl $name {
            /// The word as Microsoft writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                $( if $crate::model::open::same_word(word, $word) { return Self::$variant; } )+
                $( $( if word == stringify!($number) { return Self::$variant; } )? )+
                Self::Other(word.trim().to_owned())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(word.as_ref()))
            }
        }
    };
}

/// Whether two words are one, whatever their case and their separators. Needs no memory: licenses of users come by
/// the thousand, with a word for each of their service plans.
pub(crate) fn same_word(left: &str, right: &str) -> bool {
    fn letters(word: &str) -> impl Iterator<Item = u8> + '_ {
        word.bytes().filter(|b| !matches!(b, b'_' | b' ' | b'-')).map(|b| b.to_ascii_lowercase())
    }
    left.eq_ignore_ascii_case(right) || letters(left).eq(letters(right))
}

#[cfg(test)]
mod tests {
    use crate::model::{BillingCycle, Status};

    #[test]
    fn a_word_may_come_in_any_dress_or_as_its_number() {
        for word in ["one_time", "OneTime", "ONE-TIME", " one_time "] {
            assert_eq!(BillingCycle::from(word), BillingCycle::OneTime, "{word}");
        }
        assert_eq!(Status::from("2"), Status::Suspended);
    }

    #[test]
    fn a_word_nobody_knows_is_kept() {
        assert_eq!(Status::from("Paused"), Status::Other("Paused".to_owned()));
        assert_eq!(Status::from("17").as_str(), "17");
        assert_eq!(serde_json::to_string(&Status::from("Paused")).unwrap(), "\"Paused\"");
    }
}

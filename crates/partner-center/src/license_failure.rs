//! Failures to change a user's licenses.
//!
//! The documents have one code for them (60012); all other kinds are known by their text alone, which Partner Center
//! passes on from the directory. So this is the one place that reads a description, and it looks for a few words that
//! have stayed the same in many recorded traces. Texts in another language than `en-US` are not recognised, which is
//! why that locale is always asked for.

use serde::{Deserialize, Serialize};

use crate::error::Remedy;

/// Why a user's licenses could not be changed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum LicenseFailure {
    /// The pool of the SKU is used up. Units that were just bought may not have come into it yet.
    #[error("no license of this SKU is left in the tenant's pool")]
    OutOfLicenses,
    /// The user has no usage location, or the service is not sold there. Reported to come up now and then with a
    /// location that is set.
    #[error("the user's usage location is missing, or does not allow this product")]
    UsageLocation,
    /// The license to take away comes from a group.
    #[error("the license comes from a group and cannot be taken from the user alone")]
    GroupInherited,
    /// A service plan conflicts with one the user has through another SKU.
    #[error("a service plan conflicts with one the user already has")]
    MutuallyExclusive,
    /// A service plan needs another one.
    #[error("a service plan depends on another one")]
    Dependency,
    /// The user does not have the license that is to be taken away.
    #[error("the user does not have the license that was to be taken away")]
    NotHeld,
    /// Two changes of one user at the same moment.
    #[error("another change of this user was under way")]
    Concurrency,
    /// A proxy address or another value that must be unique is in use.
    #[error("a value that must be unique in the tenant is used by somebody else")]
    Uniqueness,
}

/// Words of a text, in lower case, by which a failure is known. The first row that fits wins.
const WORDS: [(&str, LicenseFailure); 12] = [
    ("licensequotaexceeded", LicenseFailure::OutOfLicenses),
    ("available licenses", LicenseFailure::OutOfLicenses),
    ("run out of licenses", LicenseFailure::OutOfLicenses),
    ("usage location", LicenseFailure::UsageLocation),
    ("usagelocation", LicenseFailure::UsageLocation),
    ("inherited from a group", LicenseFailure::GroupInherited),
    ("mutually exclusive", LicenseFailure::MutuallyExclusive),
    ("mutuallyexclusive", LicenseFailure::MutuallyExclusive),
    ("depends on", LicenseFailure::Dependency),
    ("does not have a corresponding license", LicenseFailure::NotHeld),
    ("concurrencyexception", LicenseFailure::Concurrency),
    ("proxy address", LicenseFailure::Uniqueness),
];

impl LicenseFailure {
    /// Recognises a failure by its text.
    pub(crate) fn recognise<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let lower: Vec<String> = texts.map(|text| unescape(text).to_lowercase()).collect();
        WORDS
            .iter()
            .find(|(words, _)| lower.iter().any(|text| text.contains(words)))
            .map(|(_, failure)| *failure)
    }

    /// A stable name for reports: Microsoft's own number says nothing, it is the same for most of them.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfLicenses => "license_pool_empty",
            Self::UsageLocation => "license_usage_location",
            Self::GroupInherited => "license_from_group",
            Self::MutuallyExclusive => "license_plans_conflict",
            Self::Dependency => "license_plan_needed",
            Self::NotHeld => "license_not_held",
            Self::Concurrency => "license_changed_at_once",
            Self::Uniqueness => "license_value_in_use",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::OutOfLicenses => Remedy::Wait,
            Self::NotHeld => Remedy::Conflict,
            Self::Concurrency => Remedy::Retry,
            Self::UsageLocation
            | Self::GroupInherited
            | Self::MutuallyExclusive
            | Self::Dependency
            | Self::Uniqueness => Remedy::Refused,
        }
    }
}

/// Replaces the HTML entities that Microsoft's descriptions hold: named ones of markup, and all numeric ones.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match entity(rest) {
            Some((character, length)) => {
                out.push(character);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The entity at the beginning of `text` and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let name = &text[1..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)?
        }
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_text_is_recognised() {
        let known = [
            ("We&#39;re sorry, it looks like you've run out of licenses.", LicenseFailure::OutOfLicenses),
            (
                "LicenseQuotaExceededException : Subscription with Account a and SKU b",
                LicenseFailure::OutOfLicenses,
            ),
            ("Subscription with SKU x does not have any available licenses.", LicenseFailure::OutOfLicenses),
            (
                "License assignment cannot be done for user with invalid usage location.",
                LicenseFailure::UsageLocation,
            ),
            (
                "User license is inherited from a group membership and it cannot be removed directly from the user.",
                LicenseFailure::GroupInherited,
            ),
            (
                "License assignment failed because service plans a,b are mutually exclusive.",
                LicenseFailure::MutuallyExclusive,
            ),
            (
                "License assignment failed because service plan x depends on the service plan(s) y.",
                LicenseFailure::Dependency,
            ),
            ("User does not have a corresponding license.", LicenseFailure::NotHeld),
            ("LicenseAssignmentAttributeConcurrencyException", LicenseFailure::Concurrency),
            ("Proxy address is already being used", LicenseFailure::Uniqueness),
        ];
        for (text, failure) in known {
            assert_eq!(LicenseFailure::recognise([text].into_iter()), Some(failure), "{text}");
        }
        assert_eq!(LicenseFailure::recognise(["The request is malformed."].into_iter()), None);
    }

    #[test]
    fn entities_become_characters_and_other_ampersands_stay() {
        assert_eq!(unescape("we&#39;re &amp; &#x41; &bogus; & more &"), "we're & A &bogus; & more &");
        assert_eq!(unescape("&é;"), "&é;");
    }
}

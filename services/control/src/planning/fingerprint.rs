//! The facts that a row rests on, in a short text.
//!
//! One small hash for each kind of fact rather than one for all, so that the re-check can say *what* changed, and can
//! leave out what a person has changed on purpose. `v1 status:1a2b3c4d seats:...`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};

const VERSION: &str = "v1";

/// A kind of fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    Status,
    Seats,
    Renewal,
    End,
    Terms,
    Customer,
    Agreement,
    AddOns,
    Sku,
    Pool,
    Users,
    Plans,
    Choice,
    Target,
}

impl Facet {
    const ALL: [Facet; 14] = [
        Facet::Status,
        Facet::Seats,
        Facet::Renewal,
        Facet::End,
        Facet::Terms,
        Facet::Customer,
        Facet::Agreement,
        Facet::AddOns,
        Facet::Sku,
        Facet::Pool,
        Facet::Users,
        Facet::Plans,
        Facet::Choice,
        Facet::Target,
    ];

    fn name(self) -> &'static str {
        match self {
            Facet::Status => "status",
            Facet::Seats => "seats",
            Facet::Renewal => "renewal",
            Facet::End => "end",
            Facet::Terms => "terms",
            Facet::Customer => "customer",
            Facet::Agreement => "agreement",
            Facet::AddOns => "add_ons",
            Facet::Sku => "sku",
            Facet::Pool => "pool",
            Facet::Users => "users",
            Facet::Plans => "plans",
            Facet::Choice => "choice",
            Facet::Target => "target",
        }
    }

    /// What it means that it changed.
    pub fn in_words(self) -> &'static str {
        match self {
            Facet::Status => "the status of the old subscription",
            Facet::Seats => "the number of its seats",
            Facet::Renewal => "its auto renew",
            Facet::End => "its end date",
            Facet::Terms => "its offer, billing cycle, reseller or nickname",
            Facet::Customer => "the customer's country or relation to you",
            Facet::Agreement => "the customer's agreement",
            Facet::AddOns => "its add-ons",
            Facet::Sku => "the product of its licenses",
            Facet::Pool => "the other subscriptions that provide the same licenses",
            Facet::Users => "who holds the license",
            Facet::Plans => "the licenses or switched-off services of the users to move",
            Facet::Choice => "the new offer",
            Facet::Target => "the limits or billing cycles of the new offer",
        }
    }
}

/// Hashes by kind of fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<Facet, String>);

impl Fingerprint {
    pub(super) fn set(&mut self, facet: Facet, value: &impl Serialize) {
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.0.insert(facet, hex(&Sha256::digest(bytes), 8));
    }

    /// Which kinds of facts differ, or stand in only one of the two. Those in `leave_out` do not count.
    pub fn differences(&self, other: &Fingerprint, leave_out: &[Facet]) -> Vec<Facet> {
        let differs = |facet: &Facet| !leave_out.contains(facet) && self.0.get(facet) != other.0.get(facet);
        Facet::ALL.into_iter().filter(differs).collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(VERSION)?;
        self.0.iter().try_for_each(|(facet, hash)| write!(f, " {}:{hash}", facet.name()))
    }
}

/// Text that is no fingerprint of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fingerprint is not one of this version: leave this column as it was written, or plan again")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let mut words = text.split_whitespace();
        if words.next() != Some(VERSION) {
            return Err(NoFingerprint);
        }
        let mut found = BTreeMap::new();
        for word in words {
            let (name, hash) = word.split_once(':').ok_or(NoFingerprint)?;
            let facet = Facet::ALL.into_iter().find(|facet| facet.name() == name).ok_or(NoFingerprint)?;
            found.insert(facet, hash.to_owned());
        }
        Ok(Fingerprint(found))
    }
}

/// The first `digits` hexadecimal digits of a hash.
pub(super) fn hex(hash: &[u8], digits: usize) -> String {
    let mut text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}

//! Customers, their segment and their agreement.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

open_enum! {
    /// How the customer stands to the partner. Only `Reseller` lets the partner buy for them.
    pub enum Relationship {
        /// No relation.
        None = "none",
        /// The partner sells to them.
        Reseller = "reseller",
        /// The partner advises them.
        Advisor = "advisor",
        /// Syndication.
        Syndication = "syndication",
        /// Microsoft's own support.
        MicrosoftSupport = "microsoft_support",
    }
}

open_enum! {
    /// A customer's segment beyond commercial.
    pub enum QualificationKind {
        /// No special segment.
        None = "None",
        /// Schools and universities.
        Education = "Education",
        /// Government community cloud.
        GovernmentCommunityCloud = "GovernmentCommunityCloud",
        /// Owned by a state.
        StateOwnedEntity = "StateOwnedEntity",
        /// Charities.
        Nonprofit = "Nonprofit",
    }
}

open_enum! {
    /// How far Microsoft is with examining a qualification.
    pub enum VettingStatus {
        /// It holds.
        Approved = "Approved",
        /// Not yet.
        InReview = "InReview",
        /// It does not hold.
        Denied = "Denied",
    }
}

/// A customer as the list shows it. `Debug` prints no names.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerSummary {
    /// The customer's id, which is its tenant's id.
    pub id: Uuid,
    /// Its company's name; empty where Microsoft left it out.
    pub name: String,
    /// Its domain, such as `fabrikam.onmicrosoft.com`; empty where Microsoft left it out.
    pub domain: String,
    /// How it stands to the partner.
    pub relationship: Option<Relationship>,
}

impl fmt::Debug for CustomerSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerSummary").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A customer read by itself. `Debug` prints no names.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// The customer's id, which is its tenant's id.
    pub id: Uuid,
    /// Its company's name; empty where Microsoft left it out.
    pub name: String,
    /// Its domain; empty where Microsoft left it out.
    pub domain: String,
    /// How it stands to the partner.
    pub relationship: Option<Relationship>,
    /// Two letters, upper case, from the billing profile: decides which offers it can buy.
    pub country: Option<String>,
    /// Whether the old delegated administration still stands. `false` does not mean that granular rights are missing.
    pub allow_delegated_access: Option<bool>,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer")
            .field("id", &self.id)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

/// One qualification of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualification {
    /// Which segment.
    pub kind: QualificationKind,
    /// How far it is examined; none in the older answers, which list only what holds.
    pub vetting: Option<VettingStatus>,
    /// When the examination began.
    pub since: Option<Timestamp>,
}

/// Whether the customer has signed the Microsoft Customer Agreement itself.
///
/// `false` does not prove that there is none: a partner can have confirmed it on the customer's behalf
/// ([`crate::Reader::agreements`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreementStatus {
    /// The customer's own signature is there.
    pub signed: bool,
}

open_enum! {
    /// A kind of agreement between a customer and Microsoft.
    pub enum AgreementKind {
        /// The one that new purchases need.
        MicrosoftCustomerAgreement = "MicrosoftCustomerAgreement",
        /// Its predecessor.
        MicrosoftCloudAgreement = "MicrosoftCloudAgreement",
    }
}

/// An agreement that the partner has confirmed on the customer's behalf. Who signed it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Which one.
    pub kind: AgreementKind,
    /// When it was agreed to.
    pub agreed: Option<Timestamp>,
}

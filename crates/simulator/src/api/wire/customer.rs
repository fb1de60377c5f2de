//! Customers, their qualifications and agreements (contract, sections 3 and 7.6).

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Collection, Links, collection};
use crate::state::Customer;
use crate::world::World;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerBody {
    id: Uuid,
    company_profile: CompanyProfile,
    relationship_to_partner: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    links: Links,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanyProfile {
    tenant_id: Uuid,
    domain: String,
    company_name: String,
    links: Links,
    attributes: Attributes,
}

/// What only the single resource has, not the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    commerce_id: Uuid,
    billing_profile: BillingProfile,
    allow_delegated_access: bool,
    custom_domains: [String; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BillingProfile {
    id: Uuid,
    email: String,
    culture: &'static str,
    language: &'static str,
    company_name: String,
    default_address: Address,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
struct Address {
    country: String,
}

/// As in the list.
pub(crate) fn customer_summary(customer: &Customer) -> CustomerBody {
    let id = customer.id;
    let uri = format!("/customers/{id}");
    CustomerBody {
        id,
        company_profile: CompanyProfile {
            tenant_id: id,
            domain: customer.domain.clone(),
            company_name: customer.name.clone(),
            links: Links::itself(format!("{uri}/profiles/company")),
            attributes: Attributes::of("CustomerCompanyProfile"),
        },
        relationship_to_partner: customer.relationship.clone(),
        details: None,
        links: Links::itself(uri),
        attributes: Attributes::of("Customer"),
    }
}

/// As the single resource.
pub(crate) fn customer(customer: &Customer) -> CustomerBody {
    let mut body = customer_summary(customer);
    body.details = Some(Details {
        commerce_id: customer.id,
        billing_profile: BillingProfile {
            id: customer.id,
            email: format!("billing@{}", customer.domain),
            culture: "en-US",
            language: "en",
            company_name: customer.name.clone(),
            default_address: Address { country: customer.country.clone() },
            attributes: Attributes::with_etag(customer.id.simple().to_string(), "CustomerBillingProfile"),
        },
        allow_delegated_access: customer.rights != "none",
        custom_domains: [customer.domain.clone()],
    });
    body
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Qualification {
    qualification: &'static str,
    vetting_status: &'static str,
}

/// A bare array; empty for a commercial customer.
pub(crate) fn qualifications(customer: &Customer) -> Vec<Qualification> {
    let qualification = match customer.segment.as_str() {
        "education" => "Education",
        "government" => "GovernmentCommunityCloud",
        "nonprofit" => "Nonprofit",
        _ => return Vec::new(),
    };
    vec![Qualification { qualification, vetting_status: "Approved" }]
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IsSigned {
    is_signed: bool,
}

pub(crate) fn is_signed(customer: &Customer) -> IsSigned {
    IsSigned { is_signed: customer.agreement }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Agreement {
    primary_contact: Contact,
    template_id: Uuid,
    date_agreed: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    agreement_link: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact {
    first_name: &'static str,
    last_name: &'static str,
    email: String,
}

/// The agreements that were confirmed for the customer: one, or none.
pub(crate) fn agreements(world: &World, customer: &Customer) -> Collection<Agreement> {
    let agreed = customer.agreement.then(|| Agreement {
        primary_contact: Contact {
            first_name: "Simulated",
            last_name: "Contact",
            email: format!("contact@{}", customer.domain),
        },
        template_id: Uuid::from_u128(0x117a_77b0_9360_443b_8795_c6de_dc75_0cf9),
        date_agreed: world.start,
        kind: "MicrosoftCustomerAgreement",
        agreement_link: "https://agreements.example/microsoft-customer-agreement",
    });
    collection(agreed.into_iter().collect(), None, None)
}

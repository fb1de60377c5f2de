//! Customers, qualifications, agreement status.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required};
use crate::model::{Agreement, AgreementStatus, Customer, CustomerSummary, Malformed, Qualification};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct CustomerJson<'a> {
    id: Scalar<'a>,
    company_profile: Option<CompanyProfile<'a>>,
    relationship_to_partner: Scalar<'a>,
    billing_profile: Option<BillingProfile<'a>>,
    allow_delegated_access: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct CompanyProfile<'a> {
    tenant_id: Scalar<'a>,
    domain: Scalar<'a>,
    company_name: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct BillingProfile<'a> {
    company_name: Scalar<'a>,
    default_address: Option<Address<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Address<'a> {
    country: Scalar<'a>,
}

impl Read for Customer {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: CustomerJson<'_> = piece(json)?;
        let company = json.company_profile.unwrap_or_default();
        let billing = json.billing_profile.unwrap_or_default();
        Ok(Self {
            id: required(json.id.guid().or_else(|| company.tenant_id.guid()), "id")?,
            name: company.company_name.text().or_else(|| billing.company_name.text()).unwrap_or_default(),
            domain: company.domain.text_or_empty(),
            relationship: json.relationship_to_partner.word(),
            country: billing.default_address.and_then(|a| a.country.text()).map(|c| c.to_ascii_uppercase()),
            allow_delegated_access: json.allow_delegated_access.flag(),
        })
    }
}

impl Read for CustomerSummary {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let Customer { id, name, domain, relationship, .. } = Customer::read(json)?;
        Ok(Self { id, name, domain, relationship })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct QualificationJson<'a> {
    qualification: Scalar<'a>,
    vetting_status: Scalar<'a>,
    vetting_created_date: Scalar<'a>,
}

impl Read for Qualification {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: QualificationJson<'_> = piece(json)?;
        Ok(Self {
            kind: required(json.qualification.word(), "qualification")?,
            vetting: json.vetting_status.word(),
            since: json.vetting_created_date.moment(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct AgreementJson<'a> {
    is_signed: Scalar<'a>,
}

impl Read for AgreementStatus {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: AgreementJson<'_> = piece(json)?;
        Ok(Self { signed: required(json.is_signed.flag(), "isSigned")? })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ConfirmedJson<'a> {
    #[serde(rename = "type")]
    kind: Scalar<'a>,
    date_agreed: Scalar<'a>,
}

impl Read for Agreement {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: ConfirmedJson<'_> = piece(json)?;
        Ok(Self { kind: required(json.kind.word(), "type")?, agreed: json.date_agreed.moment() })
    }
}

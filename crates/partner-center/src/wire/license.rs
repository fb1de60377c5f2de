//! Pools, licenses of users, and remarks on their change.
//!
//! Licenses of users are the hot path: a plan for a thousand customers reads tens of thousands of them, each with up
//! to two dozen service plans. They are read without copying a text that nobody asks for.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required, texts};
use crate::model::{
    LicenseWarning, Malformed, PlanStatus, ServicePlan, SubscribedSku, TargetType, UserLicense, UserPlan,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ProductSku<'a> {
    id: Scalar<'a>,
    name: Scalar<'a>,
    sku_part_number: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct PlanJson<'a> {
    id: Scalar<'a>,
    display_name: Scalar<'a>,
    service_name: Scalar<'a>,
    capability_status: Scalar<'a>,
    target_type: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct LicenseJson<'a> {
    product_sku: Option<ProductSku<'a>>,
    service_plans: Option<Vec<PlanJson<'a>>>,
}

impl Read for UserLicense {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: LicenseJson<'_> = piece(json)?;
        let sku = json.product_sku.unwrap_or_default();
        let plans = json.service_plans.unwrap_or_default().iter().map(user_plan).collect::<Result<_, _>>()?;
        Ok(Self {
            sku: required(sku.id.guid(), "productSku.id")?,
            part_number: sku.sku_part_number.text_or_empty(),
            plans,
        })
    }
}

fn user_plan(json: &PlanJson<'_>) -> Result<UserPlan, Malformed> {
    Ok(UserPlan {
        id: required(json.id.guid(), "servicePlans.id")?,
        status: required(json.capability_status.word::<PlanStatus>(), "servicePlans.capabilityStatus")?,
        target: json.target_type.word().unwrap_or(TargetType::User),
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct PoolJson<'a> {
    product_sku: Option<ProductSku<'a>>,
    service_plans: Option<Vec<PlanJson<'a>>>,
    active_units: Scalar<'a>,
    warning_units: Scalar<'a>,
    suspended_units: Scalar<'a>,
    consumed_units: Scalar<'a>,
    available_units: Scalar<'a>,
    capability_status: Scalar<'a>,
}

impl Read for SubscribedSku {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: PoolJson<'_> = piece(json)?;
        let sku = json.product_sku.unwrap_or_default();
        let active = required(json.active_units.int(), "activeUnits")?;
        let consumed = required(json.consumed_units.int(), "consumedUnits")?;
        let warning = json.warning_units.int().unwrap_or(0);
        let plans =
            json.service_plans.unwrap_or_default().iter().map(service_plan).collect::<Result<_, _>>()?;
        Ok(Self {
            sku: required(sku.id.guid(), "productSku.id")?,
            name: sku.name.text_or_empty(),
            part_number: sku.sku_part_number.text_or_empty(),
            active,
            warning,
            suspended: json.suspended_units.int().unwrap_or(0),
            consumed,
            available: json.available_units.int().unwrap_or(active + warning - consumed),
            status: json.capability_status.word(),
            plans,
        })
    }
}

fn service_plan(json: &PlanJson<'_>) -> Result<ServicePlan, Malformed> {
    Ok(ServicePlan {
        id: required(json.id.guid(), "servicePlans.id")?,
        service: json.service_name.text_or_empty(),
        name: json.display_name.text_or_empty(),
        status: json.capability_status.word(),
        target: json.target_type.word().unwrap_or(TargetType::User),
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct UpdateJson<'a> {
    licenses_to_assign: Scalar<'a>,
    licenses_to_remove: Scalar<'a>,
    license_warnings: Option<Vec<WarningJson<'a>>>,
    attributes: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct WarningJson<'a> {
    code: Scalar<'a>,
    service_plans: Option<Vec<Scalar<'a>>>,
}

/// The answer to a change of licenses: what counts is that it came, and that it is one. Each of its keys may be
/// missing, but not all of them: some refusals come with HTTP 200.
pub(crate) struct Warnings(pub(crate) Vec<LicenseWarning>);

impl Read for Warnings {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: UpdateJson<'_> = piece(json)?;
        let nothing = [&json.licenses_to_assign, &json.licenses_to_remove, &json.attributes];
        if json.license_warnings.is_none() && nothing.iter().all(|value| **value == Scalar::Nothing) {
            return Err(Malformed::Key("licensesToAssign"));
        }
        let warnings = json.license_warnings.unwrap_or_default().into_iter();
        Ok(Self(
            warnings
                .map(|w| LicenseWarning { code: w.code.text_or_empty(), plans: texts(w.service_plans) })
                .collect(),
        ))
    }
}

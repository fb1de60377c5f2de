//! Users, their licenses, the tenant's SKUs (contract, section 8).

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Links};
use crate::state::command::LicenseUpdate;
use crate::state::pool::Pool;
use crate::state::{Held, User};
use crate::world::{DisabledPlans, ServicePlan, Sku};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_location: Option<&'a str>,
    id: Uuid,
    user_principal_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    display_name: &'a str,
    immutable_id: Option<()>,
    last_directory_sync_time: Option<()>,
    user_domain_type: &'static str,
    state: &'static str,
    links: Links,
    attributes: Attributes,
}

pub(crate) fn user(customer: Uuid, of: &User) -> UserBody<'_> {
    let names = of.display_name.split_once(' ');
    UserBody {
        usage_location: of.usage_location.as_deref(),
        id: of.id,
        user_principal_name: &of.principal_name,
        first_name: names.map(|(first, _)| first),
        last_name: names.map(|(_, last)| last),
        display_name: &of.display_name,
        immutable_id: None,
        last_directory_sync_time: None,
        user_domain_type: "none",
        state: if of.deleted { "inactive" } else { "active" },
        links: Links::itself(format!("/customers/{customer}/users/{}", of.id)),
        attributes: Attributes::of("CustomerUser"),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LicenseBody<'a> {
    service_plans: Vec<PlanBody<'a>>,
    product_sku: ProductSku<'a>,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanBody<'a> {
    display_name: &'a str,
    service_name: &'a str,
    id: Uuid,
    capability_status: &'static str,
    target_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductSku<'a> {
    id: Uuid,
    name: &'a str,
    sku_part_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<&'static str>,
    license_group_id: &'static str,
}

fn product<'a>(sku: &'a Sku, target_type: Option<&'static str>) -> ProductSku<'a> {
    ProductSku {
        id: sku.id,
        name: &sku.name,
        sku_part_number: &sku.part_number,
        target_type,
        license_group_id: "group1",
    }
}

fn plan<'a>(plan: &'a ServicePlan, capability_status: &'static str) -> PlanBody<'a> {
    PlanBody {
        display_name: &plan.name,
        service_name: &plan.name,
        id: plan.id,
        capability_status,
        target_type: if plan.tenant { "Tenant" } else { "User" },
    }
}

/// One SKU that a user holds, with its user plans. How one that is switched off appears is a reading.
pub(crate) fn license<'a>(sku: &'a Sku, held: &Held, reading: DisabledPlans) -> LicenseBody<'a> {
    let disabled: BTreeSet<Uuid> = held.disabled();
    let service_plans = sku
        .service_plans
        .iter()
        .filter(|own| !own.tenant)
        .filter_map(|own| match (disabled.contains(&own.id), reading) {
            (false, _) => Some(plan(own, "Assigned")),
            (true, DisabledPlans::ListedAsDeleted) => Some(plan(own, "Deleted")),
            (true, DisabledPlans::Missing) => None,
        })
        .collect();
    LicenseBody { service_plans, product_sku: product(sku, None), attributes: Attributes::of("License") }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SkuBody<'a> {
    available_units: i64,
    active_units: u32,
    consumed_units: u32,
    suspended_units: u32,
    total_units: u32,
    warning_units: u32,
    product_sku: ProductSku<'a>,
    service_plans: Vec<PlanBody<'a>>,
    capability_status: &'static str,
    attributes: Attributes,
}

pub(crate) fn sku(sku: &Sku, pool: Pool) -> SkuBody<'_> {
    SkuBody {
        available_units: pool.available(),
        active_units: pool.active,
        consumed_units: pool.consumed,
        suspended_units: pool.suspended,
        total_units: pool.total(),
        warning_units: pool.warning,
        product_sku: product(sku, Some("User")),
        service_plans: sku.service_plans.iter().map(|own| plan(own, "Enabled")).collect(),
        capability_status: pool.capability(),
        attributes: Attributes::of("SubscribedSku"),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LicenseUpdateBody {
    licenses_to_assign: Vec<Assigned>,
    license_warnings: [(); 0],
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    sku_id: Uuid,
}

/// What a successful update is answered: the SKUs assigned, without their excluded plans.
pub(crate) fn license_update(update: &LicenseUpdate) -> LicenseUpdateBody {
    LicenseUpdateBody {
        licenses_to_assign: update.assign.iter().map(|(sku, _)| Assigned { sku_id: *sku }).collect(),
        license_warnings: [],
        attributes: Attributes::of("LicenseUpdate"),
    }
}

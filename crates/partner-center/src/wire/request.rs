//! Bodies that are sent. camelCase throughout; Microsoft's binding does not look at case.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::cart::RESELLER;
use crate::model::{LicenseUpdate, NewAddOn, NewCartLine, NewOrder, Status, Subscription};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderJson<'a> {
    reference_customer_id: Uuid,
    billing_cycle: &'a str,
    line_items: [LineJson<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineJson<'a> {
    line_item_number: u32,
    offer_id: &'a str,
    friendly_name: &'a str,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id_on_record: Option<&'a str>,
}

/// The body of a new order.
pub(crate) fn order(customer: Uuid, order: &NewOrder) -> serde_json::Result<Bytes> {
    let line = LineJson {
        line_item_number: 0,
        offer_id: order.offer.as_str(),
        friendly_name: &order.friendly_name,
        quantity: order.quantity,
        partner_id_on_record: order.partner_id_on_record.as_deref(),
    };
    body(&OrderJson {
        reference_customer_id: customer,
        billing_cycle: order.billing_cycle.as_str(),
        line_items: [line],
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddOnJson<'a> {
    reference_customer_id: Uuid,
    line_items: [AddOnLineJson<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddOnLineJson<'a> {
    #[serde(flatten)]
    line: LineJson<'a>,
    parent_subscription_id: Uuid,
}

/// The body that adds an add-on to the order of its base: the new line alone, without a cycle (that would change the
/// whole order's).
pub(crate) fn add_on(customer: Uuid, add_on: &NewAddOn) -> serde_json::Result<Bytes> {
    let line = LineJson {
        line_item_number: 0,
        offer_id: add_on.offer.as_str(),
        friendly_name: &add_on.friendly_name,
        quantity: add_on.quantity,
        partner_id_on_record: add_on.partner_id_on_record.as_deref(),
    };
    let line = AddOnLineJson { line, parent_subscription_id: add_on.base };
    body(&AddOnJson { reference_customer_id: customer, line_items: [line] })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CartJson<'a> {
    line_items: Vec<CartLineJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CartLineJson<'a> {
    id: usize,
    catalog_item_id: &'a str,
    friendly_name: &'a str,
    quantity: u32,
    billing_cycle: &'a str,
    term_duration: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<[Participant<'a>; 1]>,
}

#[derive(Serialize)]
struct Participant<'a> {
    key: &'static str,
    value: &'a str,
}

/// The body of a new cart.
pub(crate) fn cart(lines: &[NewCartLine]) -> serde_json::Result<Bytes> {
    body(&CartJson { line_items: lines.iter().enumerate().map(cart_line).collect() })
}

fn cart_line((id, line): (usize, &NewCartLine)) -> CartLineJson<'_> {
    CartLineJson {
        id,
        catalog_item_id: line.catalog_item.as_str(),
        friendly_name: &line.friendly_name,
        quantity: line.quantity,
        billing_cycle: line.billing_cycle.as_str(),
        term_duration: &line.term_duration,
        participants: line.reseller.as_deref().map(|value| [Participant { key: RESELLER, value }]),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocationJson<'a> {
    usage_location: &'a str,
    attributes: Attributes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    object_type: &'static str,
}

/// The body that sets a user's usage location.
pub(crate) fn usage_location(country: &str) -> serde_json::Result<Bytes> {
    let attributes = Attributes { object_type: "CustomerUser" };
    body(&LocationJson { usage_location: country, attributes })
}

/// The body that changes a subscription: everything Microsoft sent, with the status replaced.
///
/// Values are carried over as the very text they came in, keys this version does not know included: what is left out
/// of the body could be understood as removed.
pub(crate) fn changed(current: &Subscription, status: &Status) -> serde_json::Result<Bytes> {
    let status = to_raw_value(status.as_str())?;
    let mut resource: BTreeMap<String, &RawValue> = serde_json::from_str(current.raw.get())?;
    resource.retain(|key, _| !key.eq_ignore_ascii_case("status"));
    resource.insert("status".to_owned(), &status);
    body(&resource)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateJson<'a> {
    licenses_to_assign: Vec<AssignmentJson<'a>>,
    licenses_to_remove: &'a [Uuid],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentJson<'a> {
    sku_id: Uuid,
    // Always there, also when empty: left out it would mean the same, but say less.
    excluded_plans: &'a [Uuid],
}

/// The body that changes a user's licenses.
pub(crate) fn licenses(update: &LicenseUpdate) -> serde_json::Result<Bytes> {
    let assign = update.assign.iter();
    body(&UpdateJson {
        licenses_to_assign: assign
            .map(|a| AssignmentJson { sku_id: a.sku, excluded_plans: &a.excluded_plans })
            .collect(),
        licenses_to_remove: &update.remove,
    })
}

fn body(json: &impl Serialize) -> serde_json::Result<Bytes> {
    serde_json::to_vec(json).map(Bytes::from)
}

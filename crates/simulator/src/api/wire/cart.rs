//! Carts and what a checkout answers (contract, section 7.4).

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Links};
use super::order::{OrderBody, currency, order};
use crate::state::carts::{Cart, LineError};
use crate::state::{Customer, Order, Problem, Shared};
use crate::world::Triple;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CartBody<'a> {
    id: Uuid,
    creation_timestamp: Timestamp,
    last_modified_timestamp: Timestamp,
    expiration_timestamp: Timestamp,
    last_modified_user: Uuid,
    status: &'static str,
    line_items: Vec<Line<'a>>,
    links: Links,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: usize,
    catalog_item_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly_name: Option<&'a str>,
    quantity: u64,
    currency_code: &'static str,
    billing_cycle: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    term_duration: Option<&'a str>,
    participants: Vec<Participant<'a>>,
    order_group: String,
    purchase_system: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
}

#[derive(Debug, Serialize)]
struct Participant<'a> {
    key: &'static str,
    value: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    error_code: ErrorCode,
    error_description: &'a str,
    additional_information: String,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ErrorCode {
    Name(&'static str),
    Number(u32),
}

pub(crate) fn cart<'a>(shared: &Shared, customer: &Customer, of: &'a Cart) -> CartBody<'a> {
    let (currency_code, _) = currency(&customer.country);
    let lines = of.lines.iter().enumerate().map(|(id, line)| {
        let asked = &line.asked;
        let reseller = asked.reseller_mpn.as_deref();
        Line {
            id,
            catalog_item_id: &asked.offer,
            friendly_name: asked.friendly_name.as_deref(),
            quantity: asked.quantity,
            currency_code,
            billing_cycle: &asked.billing_cycle,
            term_duration: asked.term.as_deref(),
            participants: reseller
                .map(|value| Participant { key: "transaction_reseller", value })
                .into_iter()
                .collect(),
            order_group: line.group.to_string(),
            purchase_system: if Triple::read(&asked.offer).is_some() { "RC" } else { "CTP" },
            error: line.error.as_ref().map(|error| line_error(shared, error)),
        }
    });
    CartBody {
        id: of.id,
        creation_timestamp: of.created,
        last_modified_timestamp: of.modified,
        expiration_timestamp: of.expires,
        last_modified_user: shared.world.partner.client_id,
        status: if of.is_ordered() { "Ordered" } else { "Active" },
        line_items: lines.collect(),
        links: Links::itself(format!("/customers/{}/carts/{}", customer.id, of.id)),
        attributes: Attributes::of("Cart"),
    }
}

fn line_error<'a>(shared: &Shared, error: &'a LineError) -> ErrorBody<'a> {
    let as_number = shared.world.readings.new_commerce.cart_codes_as_numbers;
    ErrorBody {
        error_code: if as_number { ErrorCode::Number(error.number) } else { ErrorCode::Name(error.name) },
        error_description: &error.description,
        additional_information: error.code.map(|code| code.to_string()).unwrap_or_default(),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckoutBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    orders: Vec<OrderBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order_errors: Vec<OrderError>,
    attributes: Attributes,
}

/// Why a group of lines was not ordered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderError {
    order_group_id: String,
    code: u32,
    description: String,
}

impl OrderError {
    pub(crate) fn of(group: usize, problem: &Problem) -> Self {
        let (code, description) = (problem.code, problem.description.clone());
        Self { order_group_id: group.to_string(), code, description }
    }
}

pub(crate) fn checkout<'a>(
    shared: &Shared,
    customer: &Customer,
    placed: Vec<&'a Order>,
    order_errors: Vec<OrderError>,
) -> CheckoutBody<'a> {
    let orders = placed.into_iter().map(|placed| order(shared, customer, placed)).collect();
    CheckoutBody { orders, order_errors, attributes: Attributes::of("CartCheckoutResult") }
}

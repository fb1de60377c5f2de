//! Carts and what a checkout answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, equivalent, piece, required};
use crate::ids::{CartId, OfferId};
use crate::model::{Cart, CartErrorCode, CartLine, CartLineError, CheckedOut, Malformed, Order, OrderError};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct CartJson<'a> {
    id: Scalar<'a>,
    status: Scalar<'a>,
    // The documents write the last word with both letters, `Stamp` in tables and `stamp` in samples.
    #[serde(alias = "creationTimeStamp")]
    creation_timestamp: Scalar<'a>,
    #[serde(alias = "expirationTimeStamp")]
    expiration_timestamp: Scalar<'a>,
    line_items: Option<Vec<LineJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct LineJson<'a> {
    id: Scalar<'a>,
    catalog_item_id: Scalar<'a>,
    quantity: Scalar<'a>,
    friendly_name: Scalar<'a>,
    billing_cycle: Scalar<'a>,
    term_duration: Scalar<'a>,
    currency_code: Scalar<'a>,
    order_group: Scalar<'a>,
    participants: Option<Vec<Participant<'a>>>,
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Participant<'a> {
    key: Scalar<'a>,
    value: Scalar<'a>,
}

impl Read for Cart {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: CartJson<'_> = piece(json)?;
        let lines = required(json.line_items, "lineItems")?;
        Ok(Self {
            id: CartId::new(required(json.id.text(), "id")?),
            status: json.status.word(),
            created: json.creation_timestamp.moment(),
            expires: json.expiration_timestamp.moment(),
            lines: lines.iter().map(line).collect(),
        })
    }
}

fn line(json: &LineJson<'_>) -> CartLine {
    let reseller = json.participants.iter().flatten().find(|participant| {
        participant.key.text().is_some_and(|key| crate::model::open::same_word(&key, RESELLER))
    });
    CartLine {
        number: json.id.count(),
        catalog_item: json.catalog_item_id.text().map(OfferId::new),
        quantity: json.quantity.count(),
        friendly_name: json.friendly_name.text_or_empty(),
        billing_cycle: json.billing_cycle.word(),
        term_duration: json.term_duration.text(),
        currency: json.currency_code.text(),
        order_group: json.order_group.text(),
        reseller: reseller.and_then(|participant| participant.value.text()),
        error: json.error.map(line_error),
    }
}

/// The key under which a cart names the indirect reseller.
pub(crate) const RESELLER: &str = "transaction_reseller";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ErrorJson<'a> {
    error_code: Scalar<'a>,
    error_description: Scalar<'a>,
    additional_information: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Additional<'a> {
    available_quantity: Scalar<'a>,
}

/// An error of a line. One that cannot be read is an error all the same: only a missing one is none.
fn line_error(json: &RawValue) -> CartLineError {
    let json: ErrorJson<'_> = piece(json).unwrap_or_default();
    let additional = json.additional_information;
    let quantities: Additional<'_> = additional.and_then(|raw| piece(raw).ok()).unwrap_or_default();
    let description = json.error_description.text();
    let texts = description.as_deref().into_iter().chain(additional.map(RawValue::get));
    CartLineError {
        code: json.error_code.word().unwrap_or(CartErrorCode::Unknown),
        available_quantity: quantities.available_quantity.count(),
        equivalents: equivalent::named(texts),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct CheckoutJson<'a> {
    orders: Option<Vec<&'a RawValue>>,
    order_errors: Option<Vec<OrderErrorJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct OrderErrorJson<'a> {
    order_group_id: Scalar<'a>,
    code: Scalar<'a>,
    description: Scalar<'a>,
}

impl Read for CheckedOut {
    /// Strict: an answer that names neither an order nor an error, or an order that cannot be read, is an answer nobody
    /// understands, and what was bought must then be found out by reading.
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: CheckoutJson<'_> = piece(json)?;
        let orders =
            json.orders.unwrap_or_default().into_iter().map(Order::read).collect::<Result<Vec<_>, _>>()?;
        let errors: Vec<OrderError> = json.order_errors.iter().flatten().map(order_error).collect();
        match (orders.is_empty(), errors.is_empty()) {
            (false, true) => Ok(Self::Bought(orders)),
            (false, false) => Ok(Self::Partly { orders, errors }),
            (true, false) => Ok(Self::Nothing(errors)),
            (true, true) => Err(Malformed::Key("orders")),
        }
    }
}

fn order_error(json: &OrderErrorJson<'_>) -> OrderError {
    let description = json.description.text();
    OrderError {
        order_group: json.order_group_id.text(),
        code: json.code.count(),
        equivalents: equivalent::named(description.as_deref().into_iter()),
    }
}

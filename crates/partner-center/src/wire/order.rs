//! Orders.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required};
use crate::ids::{OfferId, OrderId};
use crate::model::{Malformed, Order, OrderLine};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct OrderJson<'a> {
    id: Scalar<'a>,
    alternate_id: Scalar<'a>,
    status: Scalar<'a>,
    creation_date: Scalar<'a>,
    billing_cycle: Scalar<'a>,
    currency_code: Scalar<'a>,
    line_items: Option<Vec<LineJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct LineJson<'a> {
    line_item_number: Scalar<'a>,
    offer_id: Scalar<'a>,
    quantity: Scalar<'a>,
    subscription_id: Scalar<'a>,
    term_duration: Scalar<'a>,
    friendly_name: Scalar<'a>,
    parent_subscription_id: Scalar<'a>,
    partner_id_on_record: Scalar<'a>,
}

impl Read for Order {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: OrderJson<'_> = piece(json)?;
        Ok(Self {
            id: OrderId::new(required(json.id.text(), "id")?),
            alternate_id: json.alternate_id.text().map(OrderId::new),
            status: json.status.word(),
            created: json.creation_date.moment(),
            billing_cycle: json.billing_cycle.word(),
            currency: json.currency_code.text(),
            lines: json.line_items.unwrap_or_default().into_iter().map(line).collect::<Result<_, _>>()?,
        })
    }
}

fn line(json: LineJson<'_>) -> Result<OrderLine, Malformed> {
    Ok(OrderLine {
        number: json.line_item_number.count().unwrap_or(0),
        offer: OfferId::new(required(json.offer_id.text(), "offerId")?),
        quantity: required(json.quantity.count(), "quantity")?,
        subscription: json.subscription_id.guid(),
        term_duration: json.term_duration.text(),
        friendly_name: json.friendly_name.text_or_empty(),
        parent_subscription: json.parent_subscription_id.guid(),
        partner_id_on_record: json.partner_id_on_record.text(),
    })
}

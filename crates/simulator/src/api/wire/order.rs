//! Orders (contract, section 7.2).

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;
use uuid::Uuid;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::common::{Attributes, Link, Links, Upper};
use crate::state::customer::OrderLine;
use crate::state::{Customer, Order, Shared};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderBody<'a> {
    id: Uuid,
    alternate_id: Uuid,
    reference_customer_id: Uuid,
    billing_cycle: &'a str,
    currency_code: &'static str,
    currency_symbol: &'static str,
    line_items: Vec<Line<'a>>,
    creation_date: String,
    status: &'static str,
    transaction_type: &'static str,
    links: Links,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    line_item_number: usize,
    offer_id: Upper,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<Upper>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_subscription_id: Option<Upper>,
    term_duration: &'static str,
    transaction_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly_name: Option<&'a str>,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id_on_record: Option<&'a str>,
    links: LineLinks,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineLinks {
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<Link>,
    sku: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioning_status: Option<Link>,
}

pub(crate) fn order<'a>(shared: &Shared, customer: &Customer, of: &'a Order) -> OrderBody<'a> {
    let (currency_code, currency_symbol) = currency(&customer.country);
    let etag = STANDARD.encode(format!("{{\"id\":\"{}\",\"version\":{}}}", of.id, of.version));
    OrderBody {
        id: of.id,
        alternate_id: of.id,
        reference_customer_id: customer.id,
        billing_cycle: &of.billing_cycle,
        currency_code,
        currency_symbol,
        line_items: of.lines.iter().enumerate().map(|(n, item)| line(shared, customer, n, item)).collect(),
        creation_date: pacific(of.placed),
        status: if of.completed { "completed" } else { "pending" },
        transaction_type: "UserPurchase",
        links: Links::itself(format!("/customers/{}/orders/{}", customer.id, of.id)),
        attributes: Attributes::with_etag(etag, "Order"),
    }
}

fn line<'a>(shared: &Shared, customer: &Customer, number: usize, of: &'a OrderLine) -> Line<'a> {
    let sku = shared.catalog.offers.get(&of.offer).map_or(Uuid::nil(), |offer| offer.sku);
    let country = &customer.country;
    let subscription = of.subscription.map(Upper);
    let links = LineLinks {
        subscription: subscription
            .map(|id| Link::to(format!("/customers/{}/subscriptions/{id}", customer.id))),
        sku: Link::to(format!("/products/{}/skus/{}?country={country}", Upper(sku), Upper(of.offer))),
        provisioning_status: subscription
            .map(|id| Link::to(format!("/subscriptions/{id}/provisioningstatus"))),
    };
    Line {
        line_item_number: number,
        offer_id: Upper(of.offer),
        subscription_id: subscription,
        parent_subscription_id: of.parent.map(Upper),
        term_duration: "P1Y",
        transaction_type: "New",
        friendly_name: of.friendly_name.as_deref(),
        quantity: of.quantity,
        partner_id_on_record: of.reseller_mpn.as_deref(),
        links,
    }
}

/// Order dates carry an offset instead of `Z`, as recorded ones do.
fn pacific(at: Timestamp) -> String {
    let zone = TimeZone::fixed(Offset::constant(-8));
    at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// Code and symbol of the currency in which orders of this country are kept.
fn currency(country: &str) -> (&'static str, &'static str) {
    match country {
        "SE" => ("SEK", "kr"),
        "NO" => ("NOK", "kr"),
        "DK" => ("DKK", "kr"),
        "GB" => ("GBP", "£"),
        "CH" => ("CHF", "CHF"),
        "DE" | "FR" | "NL" | "AT" | "BE" | "ES" | "IT" | "FI" | "IE" | "PT" => ("EUR", "€"),
        _ => ("USD", "$"),
    }
}

//! Orders (contract, section 7.2).

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;
use uuid::Uuid;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::common::{Attributes, Link, Links, Upper};
use crate::state::customer::OrderLine;
use crate::state::modern::ModernLine;
use crate::state::{Customer, Order, Shared};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderBody<'a> {
    id: String,
    alternate_id: String,
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
    offer_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_subscription_id: Option<Upper>,
    term_duration: &'a str,
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
    let id = of.shown_id();
    let etag = STANDARD.encode(format!("{{\"id\":\"{id}\",\"version\":{}}}", of.version));
    OrderBody {
        alternate_id: id.clone(),
        reference_customer_id: customer.id,
        billing_cycle: &of.billing_cycle,
        currency_code,
        currency_symbol,
        line_items: of.lines.iter().enumerate().map(|(n, item)| line(shared, customer, n, item)).collect(),
        creation_date: pacific(of.placed),
        status: if of.completed { "completed" } else { "pending" },
        transaction_type: "UserPurchase",
        links: Links::itself(format!("/customers/{}/orders/{id}", customer.id)),
        attributes: Attributes::with_etag(etag, "Order"),
        id,
    }
}

fn line<'a>(shared: &Shared, customer: &Customer, number: usize, of: &'a OrderLine) -> Line<'a> {
    let shown = |id: Uuid| match &of.modern {
        Some(_) => id.hyphenated().to_string(),
        None => Upper(id).to_string(),
    };
    let subscription = of.subscription.map(shown);
    let links = LineLinks {
        subscription: subscription
            .as_ref()
            .map(|id| Link::to(format!("/customers/{}/subscriptions/{id}", customer.id))),
        sku: Link::to(sku_uri(shared, customer, of)),
        provisioning_status: subscription
            .as_ref()
            .map(|id| Link::to(format!("/subscriptions/{id}/provisioningstatus"))),
    };
    Line {
        line_item_number: number,
        offer_id: of.modern.as_ref().map_or_else(|| Upper(of.offer).to_string(), ModernLine::catalog_item),
        subscription_id: subscription,
        parent_subscription_id: of.parent.map(Upper),
        term_duration: of.modern.as_ref().map_or("P1Y", |modern| &modern.term),
        transaction_type: "New",
        friendly_name: of.friendly_name.as_deref(),
        quantity: of.quantity,
        partner_id_on_record: of.reseller_mpn.as_deref(),
        links,
    }
}

/// A legacy line's product is the SKU that its licenses are of, as recorded.
fn sku_uri(shared: &Shared, customer: &Customer, of: &OrderLine) -> String {
    let country = &customer.country;
    match &of.modern {
        Some(ModernLine { product, sku, .. }) => format!("/products/{product}/skus/{sku}?country={country}"),
        None => {
            let sku = shared.catalog.offers.get(&of.offer).map_or(Uuid::nil(), |offer| offer.sku);
            format!("/products/{}/skus/{}?country={country}", Upper(sku), Upper(of.offer))
        }
    }
}

/// Order dates carry an offset instead of `Z`, as recorded ones do.
fn pacific(at: Timestamp) -> String {
    let zone = TimeZone::fixed(Offset::constant(-8));
    at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// Code and symbol of the currency in which orders of this country are kept.
pub(crate) fn currency(country: &str) -> (&'static str, &'static str) {
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

//! What a subscription of new commerce shows beside what a legacy one does (contract, section 4.2).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::common::Link;
use crate::state::modern::{Modern, Returnable};
use crate::state::subscriptions::end_of_day;
use crate::state::{Customer, Shared, Status, Subscription};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModernKeys<'a> {
    product_type: ProductType,
    renewal_term_duration: &'a str,
    commitment_end_date_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_allowed_until_date: Option<Timestamp>,
    refund_options: Vec<RefundOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable_quantity: Option<RefundableQuantity>,
    publisher_name: &'static str,
    actions: &'static [&'static str],
}

/// What tells new commerce from legacy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductType {
    id: &'static str,
    display_name: &'static str,
}

pub(crate) fn product_type() -> ProductType {
    ProductType { id: "OnlineServicesNCE", display_name: "Online Services NCE" }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundOption {
    #[serde(rename = "type")]
    kind: &'static str,
    expires_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundableQuantity {
    total_quantity: u32,
    details: Vec<RefundableSeats>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundableSeats {
    quantity: u32,
    allowed_until_date_time: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModernLinks {
    product: Link,
    sku: Link,
    availability: Link,
}

pub(crate) fn modern_keys<'a>(shared: &Shared, of: &Subscription, modern: &'a Modern) -> ModernKeys<'a> {
    let now = shared.clock.now();
    let standing = matches!(of.status, Status::Active | Status::Suspended);
    let until = modern.cancellable_until;
    let open = until.filter(|until| standing && now < *until);
    let seats: Vec<Returnable> = modern.returnable(now).filter(|_| standing).collect();
    ModernKeys {
        product_type: product_type(),
        renewal_term_duration: if of.auto_renew { &modern.term } else { "" },
        commitment_end_date_time: end_of_day(of.commitment_end),
        cancellation_allowed_until_date: until,
        refund_options: open.map(|until| refund_options(shared, until, now)).unwrap_or_default(),
        refundable_quantity: (!seats.is_empty()).then(|| refundable(&seats)),
        publisher_name: "Microsoft Corporation",
        actions: if open.is_some() { &["edit", "cancel"] } else { &["edit"] },
    }
}

/// Everything is refunded on the first day, a part afterwards: the samples have both kinds.
fn refund_options(shared: &Shared, until: Timestamp, now: Timestamp) -> Vec<RefundOption> {
    let hours = i64::from(shared.world.new_commerce.cancellation_hours);
    let begun = until.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(until);
    let day = begun.saturating_add(SignedDuration::from_hours(24)).unwrap_or(until).min(until);
    let all = [("Full", day), ("Partial", until)];
    let options = all.into_iter().filter(|(_, expires_at)| now < *expires_at);
    options.map(|(kind, expires_at)| RefundOption { kind, expires_at }).collect()
}

fn refundable(seats: &[Returnable]) -> RefundableQuantity {
    let details = seats
        .iter()
        .map(|seats| RefundableSeats { quantity: seats.quantity, allowed_until_date_time: seats.until });
    RefundableQuantity {
        total_quantity: seats.iter().map(|seats| seats.quantity).sum(),
        details: details.collect(),
    }
}

pub(crate) fn modern_links(customer: &Customer, modern: &Modern) -> ModernLinks {
    let Modern { product, sku, availability, .. } = modern;
    let product = format!("/products/{product}");
    let sku = format!("{product}/skus/{sku}");
    let country = &customer.country;
    ModernLinks {
        availability: Link::to(format!("{sku}/availabilities/{availability}?country={country}")),
        sku: Link::to(format!("{sku}?country={country}")),
        product: Link::to(format!("{product}?country={country}")),
    }
}

//! Subscriptions and their provisioning status (contract, section 4).

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Link, Upper};
use super::modern::{ModernKeys, ModernLinks, modern_keys, modern_links};
use crate::state::modern::{Modern, order_id};
use crate::state::{Customer, Shared, Status, Subscription};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionBody<'a> {
    id: String,
    offer_id: String,
    offer_name: &'a str,
    friendly_name: &'a str,
    quantity: u32,
    unit_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_subscription_id: Option<Upper>,
    has_purchasable_addons: bool,
    creation_date: Timestamp,
    effective_start_date: Timestamp,
    commitment_end_date: Timestamp,
    status: &'static str,
    auto_renew_enabled: bool,
    is_trial: bool,
    billing_type: &'static str,
    billing_cycle: &'a str,
    term_duration: &'a str,
    is_microsoft_product: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<&'a str>,
    contract_type: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    modern: Option<ModernKeys<'a>>,
    links: SubscriptionLinks,
    order_id: String,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionLinks {
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<Link>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    modern: Option<ModernLinks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_subscription: Option<Link>,
    #[serde(rename = "self")]
    itself: Link,
}

pub(crate) fn subscription<'a>(
    shared: &Shared,
    customer: &'a Customer,
    of: &'a Subscription,
) -> SubscriptionBody<'a> {
    let uri = |id: &dyn std::fmt::Display| format!("/customers/{}/subscriptions/{id}", customer.id);
    let modern = of.modern.as_ref();
    SubscriptionBody {
        id: of.shown_id(),
        offer_id: modern.map_or_else(|| Upper(of.offer).to_string(), Modern::catalog_item),
        offer_name: &of.offer_name,
        friendly_name: of.shown_name(),
        quantity: of.quantity,
        unit_type: "Licenses",
        parent_subscription_id: of.parent.map(Upper),
        has_purchasable_addons: of.parent.is_none() && !of.trial,
        creation_date: of.created,
        effective_start_date: of.effective_start,
        commitment_end_date: of.commitment_end,
        status: of.status.name(),
        auto_renew_enabled: of.auto_renew,
        is_trial: of.trial,
        billing_type: "license",
        billing_cycle: &of.billing_cycle,
        term_duration: match modern {
            Some(modern) => &modern.term,
            None if of.trial => "P1M",
            None => "P1Y",
        },
        is_microsoft_product: true,
        partner_id: of.reseller_mpn.as_deref(),
        contract_type: "subscription",
        modern: modern.map(|modern| modern_keys(shared, of, modern)),
        links: SubscriptionLinks {
            offer: modern
                .is_none()
                .then(|| Link::to(format!("/offers/{}?country={}", Upper(of.offer), customer.country))),
            modern: modern.map(|modern| modern_links(customer, modern)),
            parent_subscription: of.parent.map(|parent| Link::to(uri(&Upper(parent)))),
            itself: Link::to(uri(&of.shown_id())),
        },
        order_id: if modern.is_some() { order_id(of.order) } else { Upper(of.order).to_string() },
        attributes: Attributes::with_etag_if_any(of.shown_etag(shared), "Subscription"),
    }
}

/// Where an accepted change can be looked up, relative and without `/v1`.
pub(crate) fn subscription_uri(customer: &Customer, subscription: &str) -> String {
    let found = Uuid::parse_str(subscription).ok().and_then(|id| customer.subscriptions.get(&id));
    let id = found.map_or_else(|| subscription.to_ascii_uppercase(), Subscription::shown_id);
    format!("/customers/{}/subscriptions/{id}", customer.id)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProvisioningStatus {
    sku_id: Upper,
    status: &'static str,
    quantity: u32,
    end_date: Timestamp,
    attributes: Attributes,
}

/// What the status said when it was last refreshed: a change since then still shows as pending.
pub(crate) fn provisioning_status(shared: &Shared, of: &Subscription, now: Timestamp) -> ProvisioningStatus {
    let every = i64::from(shared.world.lags.provisioning_status.max(1));
    let refreshed = now.as_second().div_euclid(every) * every;
    let waiting = of.status == Status::Active && of.active_units != of.quantity;
    let status = match of.status {
        _ if of.provisioning_failed => "failed",
        Status::Deleted => "none",
        _ if waiting || of.units_changed_at.as_second() > refreshed => "pending",
        _ => "success",
    };
    ProvisioningStatus {
        sku_id: Upper(of.sku),
        status,
        quantity: of.quantity,
        end_date: of.commitment_end,
        attributes: Attributes::of("SubscriptionProvisioningStatus"),
    }
}

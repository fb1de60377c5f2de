//! Subscriptions and their provisioning status (contract, section 4).

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Link, Upper};
use crate::state::{Customer, Shared, Status, Subscription};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionBody<'a> {
    id: Upper,
    offer_id: Upper,
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
    term_duration: &'static str,
    is_microsoft_product: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<&'a str>,
    contract_type: &'static str,
    links: SubscriptionLinks,
    order_id: Upper,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionLinks {
    offer: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_subscription: Option<Link>,
    #[serde(rename = "self")]
    itself: Link,
}

pub(crate) fn subscription<'a>(customer: &Customer, of: &'a Subscription) -> SubscriptionBody<'a> {
    let uri = |id| format!("/customers/{}/subscriptions/{}", customer.id, Upper(id));
    SubscriptionBody {
        id: Upper(of.id),
        offer_id: Upper(of.offer),
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
        term_duration: if of.trial { "P1M" } else { "P1Y" },
        is_microsoft_product: true,
        partner_id: of.reseller_mpn.as_deref(),
        contract_type: "subscription",
        links: SubscriptionLinks {
            offer: Link::to(format!("/offers/{}?country={}", Upper(of.offer), customer.country)),
            parent_subscription: of.parent.map(|parent| Link::to(uri(parent))),
            itself: Link::to(uri(of.id)),
        },
        order_id: Upper(of.order),
        attributes: Attributes::with_etag(of.etag(), "Subscription"),
    }
}

/// Where an accepted change can be looked up, relative and without `/v1`.
pub(crate) fn subscription_uri(customer: Uuid, subscription: &str) -> String {
    format!("/customers/{customer}/subscriptions/{}", subscription.to_ascii_uppercase())
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

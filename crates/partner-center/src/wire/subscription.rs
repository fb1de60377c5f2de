//! Subscriptions and their provisioning.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required, texts};
use crate::ids::{OfferId, OrderId};
use crate::model::{
    BillingType, Malformed, ProvisioningStatus, RefundOption, RefundableQuantity, RefundableSeats,
    Subscription,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct SubscriptionJson<'a> {
    id: Scalar<'a>,
    offer_id: Scalar<'a>,
    offer_name: Scalar<'a>,
    friendly_name: Scalar<'a>,
    quantity: Scalar<'a>,
    status: Scalar<'a>,
    auto_renew_enabled: Scalar<'a>,
    is_trial: Scalar<'a>,
    billing_type: Scalar<'a>,
    billing_cycle: Scalar<'a>,
    term_duration: Scalar<'a>,
    renewal_term_duration: Scalar<'a>,
    creation_date: Scalar<'a>,
    effective_start_date: Scalar<'a>,
    commitment_end_date: Scalar<'a>,
    commitment_end_date_time: Scalar<'a>,
    cancellation_allowed_until_date: Scalar<'a>,
    refund_options: Option<&'a RawValue>,
    refundable_quantity: Option<&'a RawValue>,
    parent_subscription_id: Scalar<'a>,
    order_id: Scalar<'a>,
    partner_id: Scalar<'a>,
    product_type: Option<ProductType<'a>>,
    contract_type: Scalar<'a>,
    promotion_id: Scalar<'a>,
    migrated_from_subscription_id: Scalar<'a>,
    suspension_reasons: Option<Vec<Scalar<'a>>>,
    attributes: Option<Attributes<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ProductType<'a> {
    id: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Attributes<'a> {
    etag: Scalar<'a>,
}

impl Read for Subscription {
    fn read(raw: &RawValue) -> Result<Self, Malformed> {
        let json: SubscriptionJson<'_> = piece(raw)?;
        let billing_type: Option<BillingType> = json.billing_type.word();
        Ok(Self {
            id: required(json.id.guid(), "id")?,
            offer: OfferId::new(required(json.offer_id.text(), "offerId")?),
            offer_name: json.offer_name.text_or_empty(),
            friendly_name: json.friendly_name.text_or_empty(),
            quantity: quantity(&json.quantity, billing_type.as_ref())?,
            status: required(json.status.word(), "status")?,
            auto_renew: json.auto_renew_enabled.flag(),
            is_trial: json.is_trial.flag().unwrap_or(false),
            billing_type,
            billing_cycle: json.billing_cycle.word(),
            term_duration: json.term_duration.text(),
            renewal_term_duration: json.renewal_term_duration.text(),
            created: json.creation_date.moment(),
            effective_start: json.effective_start_date.moment(),
            commitment_end: json
                .commitment_end_date
                .moment()
                .or_else(|| json.commitment_end_date_time.moment()),
            cancellation_allowed_until: json.cancellation_allowed_until_date.moment(),
            refund_options: json.refund_options.map(refund_options).unwrap_or_default(),
            refundable_quantity: json.refundable_quantity.and_then(refundable_quantity),
            parent: json.parent_subscription_id.guid(),
            order: json.order_id.text().map(OrderId::new),
            partner_id: json.partner_id.text(),
            product_type: json.product_type.and_then(|kind| kind.id.text()),
            contract_type: json.contract_type.word(),
            promotion: json.promotion_id.text(),
            migrated_from: json.migrated_from_subscription_id.guid(),
            suspension_reasons: texts(json.suspension_reasons),
            etag: json.attributes.and_then(|attributes| attributes.etag.text()),
            raw: raw.to_owned().into(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct RefundJson<'a> {
    #[serde(rename = "type")]
    kind: Scalar<'a>,
    expires_at: Scalar<'a>,
    // So the documents' table calls it; samples do not.
    expires_after: Scalar<'a>,
}

/// What comes back. Of another shape than documented it is as good as left out: nothing else hangs on it, and a promise of
/// money is not made up.
fn refund_options(json: &RawValue) -> Vec<RefundOption> {
    let options: Vec<RefundJson<'_>> = piece(json).unwrap_or_default();
    let option = |json: &RefundJson<'_>| {
        let expires = json.expires_at.moment().or_else(|| json.expires_after.moment());
        Some(RefundOption { kind: json.kind.word()?, expires })
    };
    options.iter().filter_map(option).collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct RefundableJson<'a> {
    total_quantity: Scalar<'a>,
    details: Option<Vec<SeatsJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct SeatsJson<'a> {
    quantity: Scalar<'a>,
    allowed_until_date_time: Scalar<'a>,
}

fn refundable_quantity(json: &RawValue) -> Option<RefundableQuantity> {
    let json: RefundableJson<'_> = piece(json).ok()?;
    let seats = |json: &SeatsJson<'_>| {
        Some(RefundableSeats {
            quantity: json.quantity.count()?,
            until: json.allowed_until_date_time.moment(),
        })
    };
    let details = json.details.iter().flatten().filter_map(seats).collect();
    Some(RefundableQuantity { total: json.total_quantity.count(), details })
}

/// The seats. For a product billed by use they mean nothing and may be missing; for all others a guess would end in
/// arithmetic about people's licenses.
fn quantity(json: &Scalar<'_>, billing: Option<&BillingType>) -> Result<u32, Malformed> {
    match (json.count(), billing) {
        (Some(quantity), _) => Ok(quantity),
        (None, Some(BillingType::Usage | BillingType::None)) => Ok(0),
        (None, _) => Err(Malformed::Key("quantity")),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ProvisioningJson<'a> {
    sku_id: Scalar<'a>,
    status: Scalar<'a>,
    quantity: Scalar<'a>,
    end_date: Scalar<'a>,
}

impl Read for ProvisioningStatus {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: ProvisioningJson<'_> = piece(json)?;
        Ok(Self {
            sku: json.sku_id.guid(),
            state: required(json.status.word(), "status")?,
            quantity: json.quantity.count(),
            end: json.end_date.moment(),
        })
    }
}

//! Offers of the price list.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required, texts};
use crate::ids::OfferId;
use crate::model::{Malformed, Offer};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct OfferJson<'a> {
    id: Scalar<'a>,
    name: Scalar<'a>,
    country: Scalar<'a>,
    product: Option<Product<'a>>,
    category: Option<Product<'a>>,
    minimum_quantity: Scalar<'a>,
    maximum_quantity: Scalar<'a>,
    limit_unit_of_measure: Scalar<'a>,
    limit: Scalar<'a>,
    is_add_on: Scalar<'a>,
    is_trial: Scalar<'a>,
    is_available_for_purchase: Scalar<'a>,
    is_auto_renewable: Scalar<'a>,
    billing: Scalar<'a>,
    supported_billing_cycles: Option<Vec<Scalar<'a>>>,
    resellee_qualifications: Option<Vec<Scalar<'a>>>,
    reseller_qualifications: Option<Vec<Scalar<'a>>>,
    prerequisite_offers: Option<Vec<Scalar<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Product<'a> {
    id: Scalar<'a>,
}

impl Read for Offer {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: OfferJson<'_> = piece(json)?;
        Ok(Self {
            id: OfferId::new(required(json.id.text(), "id")?),
            name: json.name.text_or_empty(),
            country: json.country.text().map(|country| country.to_ascii_uppercase()),
            sku: json.product.and_then(|product| product.id.guid()),
            category: json.category.map(|category| category.id.text_or_empty()).unwrap_or_default(),
            minimum_quantity: json.minimum_quantity.count().unwrap_or(1),
            maximum_quantity: json.maximum_quantity.count().unwrap_or(u32::MAX),
            limit_unit: json.limit_unit_of_measure.text_or_empty(),
            limit: json.limit.count().unwrap_or(0),
            is_add_on: json.is_add_on.flag().unwrap_or(false),
            is_trial: json.is_trial.flag().unwrap_or(false),
            // Left out means unknown, and what may not be on sale must not become a target.
            is_available_for_purchase: json.is_available_for_purchase.flag().unwrap_or(false),
            is_auto_renewable: json.is_auto_renewable.flag().unwrap_or(false),
            billing: json.billing.word(),
            billing_cycles: json.supported_billing_cycles.iter().flatten().filter_map(Scalar::word).collect(),
            customer_qualifications: texts(json.resellee_qualifications),
            partner_qualifications: texts(json.reseller_qualifications),
            prerequisites: texts(json.prerequisite_offers).into_iter().map(OfferId::new).collect(),
        })
    }
}

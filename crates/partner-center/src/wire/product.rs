//! Products, SKUs and availabilities of new commerce.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, piece, required, texts};
use crate::ids::{AvailabilityId, CatalogItem, OfferId, ProductId, SkuId};
use crate::model::{Availability, Malformed, Product, Sku, Term, TermRefund};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct ProductJson<'a> {
    id: Scalar<'a>,
    title: Scalar<'a>,
    product_type: Option<ProductType<'a>>,
    is_microsoft_product: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ProductType<'a> {
    id: Scalar<'a>,
}

impl Read for Product {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: ProductJson<'_> = piece(json)?;
        Ok(Self {
            id: ProductId::new(required(json.id.text(), "id")?),
            title: json.title.text_or_empty(),
            product_type: json.product_type.and_then(|kind| kind.id.text()),
            is_microsoft: json.is_microsoft_product.flag(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct SkuJson<'a> {
    id: Scalar<'a>,
    product_id: Scalar<'a>,
    title: Scalar<'a>,
    minimum_quantity: Scalar<'a>,
    maximum_quantity: Scalar<'a>,
    is_trial: Scalar<'a>,
    supported_billing_cycles: Option<Vec<Scalar<'a>>>,
    purchase_prerequisites: Option<Vec<Scalar<'a>>>,
    dynamic_attributes: Option<&'a RawValue>,
}

/// Microsoft changes these without notice: each is read for itself, and what has another shape is as if left out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Dynamic<'a> {
    is_addon: Scalar<'a>,
    provisioning_id: Scalar<'a>,
    prerequisite_skus: Option<&'a RawValue>,
}

impl Read for Sku {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: SkuJson<'_> = piece(json)?;
        let dynamic: Dynamic<'_> =
            json.dynamic_attributes.and_then(|raw| piece(raw).ok()).unwrap_or_default();
        let prerequisites = texts(dynamic.prerequisite_skus.and_then(|raw| piece(raw).ok()));
        Ok(Self {
            product: ProductId::new(required(json.product_id.text(), "productId")?),
            id: SkuId::new(required(json.id.text(), "id")?),
            title: json.title.text_or_empty(),
            minimum_quantity: json.minimum_quantity.count().unwrap_or(1),
            maximum_quantity: json.maximum_quantity.count().unwrap_or(u32::MAX),
            is_trial: json.is_trial.flag().unwrap_or(false),
            is_add_on: dynamic.is_addon.flag(),
            provisioning_id: dynamic.provisioning_id.guid(),
            billing_cycles: json.supported_billing_cycles.iter().flatten().filter_map(Scalar::word).collect(),
            purchase_prerequisites: texts(json.purchase_prerequisites),
            prerequisite_skus: prerequisites.iter().filter_map(|id| CatalogItem::parse(id)).collect(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct AvailabilityJson<'a> {
    id: Scalar<'a>,
    product_id: Scalar<'a>,
    sku_id: Scalar<'a>,
    catalog_item_id: Scalar<'a>,
    default_currency: Option<Currency<'a>>,
    segment: Scalar<'a>,
    country: Scalar<'a>,
    is_purchasable: Scalar<'a>,
    is_renewable: Scalar<'a>,
    terms: Option<Vec<TermJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Currency<'a> {
    code: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct TermJson<'a> {
    duration: Scalar<'a>,
    billing_cycle: Scalar<'a>,
    cancellation_policies: Option<&'a RawValue>,
}

impl Read for Availability {
    fn read(json: &RawValue) -> Result<Self, Malformed> {
        let json: AvailabilityJson<'_> = piece(json)?;
        Ok(Self {
            id: AvailabilityId::new(required(json.id.text(), "id")?),
            product: ProductId::new(required(json.product_id.text(), "productId")?),
            sku: SkuId::new(required(json.sku_id.text(), "skuId")?),
            catalog_item: OfferId::new(required(json.catalog_item_id.text(), "catalogItemId")?),
            segment: json.segment.word(),
            country: json.country.text().map(|country| country.to_ascii_uppercase()),
            currency: json.default_currency.and_then(|currency| currency.code.text()),
            // Left out means unknown, and what may not be on sale must not be bought.
            is_purchasable: json.is_purchasable.flag().unwrap_or(false),
            is_renewable: json.is_renewable.flag(),
            terms: json.terms.unwrap_or_default().iter().map(term).collect(),
        })
    }
}

fn term(json: &TermJson<'_>) -> Term {
    let policies: Vec<Policy<'_>> =
        json.cancellation_policies.and_then(|raw| piece(raw).ok()).unwrap_or_default();
    let refunds = policies.iter().flat_map(|policy| policy.refund_options.iter().flatten());
    Term {
        duration: json.duration.text(),
        billing_cycle: json.billing_cycle.word(),
        refunds: refunds
            .filter_map(|json| {
                Some(TermRefund { kind: json.kind.word()?, expires_after: json.expires_after.text() })
            })
            .collect(),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Policy<'a> {
    refund_options: Option<Vec<RefundJson<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct RefundJson<'a> {
    #[serde(rename = "type")]
    kind: Scalar<'a>,
    expires_after: Scalar<'a>,
}

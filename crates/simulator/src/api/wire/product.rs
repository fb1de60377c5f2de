//! The catalogue of new commerce: products, SKUs, availabilities (contract, section 7.4).

use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Link, Links};
use super::modern::{ProductType, product_type};
use super::order::currency;
use crate::state::items::Availability;
use crate::world::{Item, Term};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductBody<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    product_type: ProductType,
    is_microsoft_product: bool,
    publisher_name: &'static str,
    links: ProductLinks,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
struct ProductLinks {
    skus: Link,
    #[serde(rename = "self")]
    itself: Link,
}

/// A product as one of its items knows it.
pub(crate) fn product<'a>(item: &'a Item, country: &str) -> ProductBody<'a> {
    let uri = format!("/products/{}", item.product);
    ProductBody {
        id: &item.product,
        title: &item.product_title,
        description: &item.product_title,
        product_type: product_type(),
        is_microsoft_product: true,
        publisher_name: "Microsoft Corporation",
        links: ProductLinks {
            skus: Link::to(format!("{uri}/skus?country={country}")),
            itself: Link::to(format!("{uri}?country={country}")),
        },
        attributes: Attributes::of("Product"),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductSkuBody<'a> {
    id: &'a str,
    product_id: &'a str,
    title: &'a str,
    description: &'a str,
    minimum_quantity: u32,
    maximum_quantity: u32,
    is_trial: bool,
    supported_billing_cycles: Vec<&'a str>,
    purchase_prerequisites: &'a [String],
    inventory_variables: [(); 0],
    provisioning_variables: [(); 0],
    actions: [&'static str; 2],
    dynamic_attributes: DynamicAttributes,
    links: SkuLinks,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DynamicAttributes {
    is_addon: bool,
    prerequisite_skus: [(); 0],
    upgrade_target_offers: [(); 0],
    has_constraints: bool,
    /// The SKU in the tenant that licenses are of.
    provisioning_id: Uuid,
}

#[derive(Debug, Serialize)]
struct SkuLinks {
    availabilities: Link,
    #[serde(rename = "self")]
    itself: Link,
}

pub(crate) fn product_sku<'a>(item: &'a Item, country: &str) -> ProductSkuBody<'a> {
    let sku = &item.sku;
    let uri = format!("/products/{}/skus/{}", item.product, sku.id);
    let mut cycles: Vec<&str> = sku.terms.iter().map(|term| term.billing_cycle.as_str()).collect();
    cycles.sort_unstable();
    cycles.dedup();
    ProductSkuBody {
        id: &sku.id,
        product_id: &item.product,
        title: &sku.title,
        description: &sku.title,
        minimum_quantity: sku.minimum_quantity,
        maximum_quantity: sku.maximum_quantity,
        is_trial: sku.trial,
        supported_billing_cycles: cycles,
        purchase_prerequisites: &sku.purchase_prerequisites,
        inventory_variables: [],
        provisioning_variables: [],
        actions: ["Edit", "Cancel"],
        dynamic_attributes: DynamicAttributes {
            is_addon: false,
            prerequisite_skus: [],
            upgrade_target_offers: [],
            has_constraints: false,
            provisioning_id: sku.license_sku,
        },
        links: SkuLinks {
            availabilities: Link::to(format!("{uri}/availabilities?country={country}")),
            itself: Link::to(format!("{uri}?country={country}")),
        },
        attributes: Attributes::of("Sku"),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AvailabilityBody<'a> {
    id: &'a str,
    product_id: &'a str,
    sku_id: &'a str,
    catalog_item_id: String,
    default_currency: Currency,
    segment: &'static str,
    country: &'a str,
    is_purchasable: bool,
    is_renewable: bool,
    terms: Vec<TermBody<'a>>,
    links: Links,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
struct Currency {
    code: &'static str,
    symbol: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TermBody<'a> {
    duration: &'a str,
    billing_cycle: &'a str,
    description: String,
}

pub(crate) fn availability<'a>(of: &'a Availability<'_>, country: &'a str) -> AvailabilityBody<'a> {
    let (code, symbol) = currency(country);
    let Availability { item, sale, id } = of;
    let uri =
        format!("/products/{}/skus/{}/availabilities/{id}?country={country}", item.product, item.sku.id);
    AvailabilityBody {
        id,
        product_id: &item.product,
        sku_id: &item.sku.id,
        catalog_item_id: of.catalog_item(),
        default_currency: Currency { code, symbol },
        segment: segment(&sale.segment),
        country,
        is_purchasable: sale.purchasable,
        is_renewable: !item.sku.trial,
        terms: item.sku.terms.iter().map(term).collect(),
        links: Links::itself(uri),
        attributes: Attributes::of("Availability"),
    }
}

fn term(Term { duration, billing_cycle }: &Term) -> TermBody<'_> {
    TermBody { duration, billing_cycle, description: format!("{duration}, billed {billing_cycle}") }
}

fn segment(name: &str) -> &'static str {
    match name {
        "education" => "Education",
        "government" => "Government",
        "nonprofit" => "NonProfit",
        _ => "Commercial",
    }
}

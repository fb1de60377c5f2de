//! Offers and their categories (contract, section 7.1; every key that occurred in the recording).

use serde::Serialize;
use uuid::Uuid;

use super::common::{Attributes, Collection, Link, Upper, collection};
use crate::state::catalog::add_ons_of;
use crate::world::catalogue::Catalogue;
use crate::world::{Offer, Sku};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferBody<'a> {
    id: Upper,
    name: &'a str,
    description: &'a str,
    minimum_quantity: u32,
    maximum_quantity: u32,
    rank: u32,
    uri: String,
    locale: &'static str,
    country: &'a str,
    category: Category<'a>,
    limit_unit_of_measure: &'static str,
    limit: u32,
    term_unit_of_measure: &'static str,
    term: u32,
    prerequisite_offers: Vec<Upper>,
    is_add_on: bool,
    has_add_ons: bool,
    is_available_for_purchase: bool,
    billing: &'static str,
    supported_billing_cycles: &'a [String],
    is_auto_renewable: bool,
    is_internal: bool,
    is_microsoft_product: bool,
    conversion_target_offers: [(); 0],
    upgrade_target_offers: [(); 0],
    resellee_qualifications: &'static [&'static str],
    reseller_qualifications: [(); 0],
    sales_group_id: &'static str,
    is_trial: bool,
    acquisition_type: &'static str,
    supported_catalog_types: [&'static str; 2],
    actions: [&'static str; 2],
    product: Product<'a>,
    unit_type: &'static str,
    links: OfferLinks,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
struct Category<'a> {
    id: &'static str,
    name: &'static str,
    rank: u32,
    locale: &'static str,
    country: &'a str,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
struct Product<'a> {
    id: Upper,
    name: &'a str,
    unit: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferLinks {
    learn_more: LinkWithoutUri,
    #[serde(rename = "self")]
    itself: Link,
}

/// A recorded oddity: this link may lack its address.
#[derive(Debug, Serialize)]
struct LinkWithoutUri {
    method: &'static str,
    headers: [(); 0],
}

/// One offer as seen from a country. `catalog_id` is the first part of its `uri`, the partner's own.
pub(crate) fn offer<'a>(
    catalog: &'a Catalogue,
    partner: Uuid,
    offer: &'a Offer,
    country: &'a str,
) -> OfferBody<'a> {
    let product: Option<&Sku> = catalog.skus.get(&offer.sku);
    OfferBody {
        id: Upper(offer.id),
        name: &offer.name,
        description: &offer.name,
        minimum_quantity: offer.minimum_quantity,
        maximum_quantity: offer.maximum_quantity,
        rank: 57,
        uri: format!("/{partner}/Offers/{}", Upper(offer.id)),
        locale: "en-US",
        country,
        category: category_of(offer, country),
        limit_unit_of_measure: match &offer.limit {
            Some(limit) if limit.unit == "concurrent" => "Concurrent",
            None if !offer.trial => "None",
            _ => "Lifetime",
        },
        limit: offer.limit.as_ref().map_or(u32::from(offer.trial), |limit| limit.count),
        term_unit_of_measure: if offer.trial { "Month" } else { "Year" },
        term: 1,
        prerequisite_offers: offer.prerequisite_offers.iter().copied().map(Upper).collect(),
        is_add_on: offer.add_on,
        has_add_ons: add_ons_of(catalog, offer.id).next().is_some(),
        is_available_for_purchase: offer.on_sale,
        billing: "license",
        supported_billing_cycles: &offer.billing_cycles,
        is_auto_renewable: !offer.trial,
        is_internal: false,
        is_microsoft_product: true,
        conversion_target_offers: [],
        upgrade_target_offers: [],
        resellee_qualifications: qualifications(&offer.segment),
        reseller_qualifications: [],
        sales_group_id: "Default",
        is_trial: offer.trial,
        acquisition_type: if offer.trial { "trial" } else { "purchase" },
        supported_catalog_types: ["sandbox", "live"],
        actions: ["Cancel", "Edit"],
        product: Product {
            id: Upper(offer.sku),
            name: product.map_or(offer.name.as_str(), |sku| &sku.name),
            unit: "Licenses",
        },
        unit_type: "Licenses",
        links: OfferLinks {
            learn_more: LinkWithoutUri { method: "GET", headers: [] },
            itself: Link::to(format!("/offers/{}?country={country}", Upper(offer.id))),
        },
        attributes: Attributes::of("Offer"),
    }
}

fn qualifications(segment: &str) -> &'static [&'static str] {
    match segment {
        "faculty" | "students" => &["Education"],
        "government" => &["Government"],
        "nonprofit" => &["Nonprofit"],
        _ => &[],
    }
}

/// Recorded categories; an add-on has none.
const CATEGORIES: [(&str, &str, u32); 6] = [
    ("Enterprise_Key", "Enterprise", 20),
    ("SmallBusiness_Key", "Small Business", 30),
    ("Government_Key", "Government", 40),
    ("Nonprofit_Key", "Nonprofit", 60),
    ("Trial_Key", "Trial", 70),
    ("Internal_Key", "Internal", 100),
];

fn category_of<'a>(offer: &Offer, country: &'a str) -> Category<'a> {
    let found = match (offer.add_on, offer.trial, offer.segment.as_str()) {
        (true, ..) => ("", "", 0),
        (_, true, _) => CATEGORIES[4],
        (_, _, "government") => CATEGORIES[2],
        (_, _, "nonprofit") => CATEGORIES[3],
        _ => CATEGORIES[0],
    };
    category(found, country)
}

fn category<'a>((id, name, rank): (&'static str, &'static str, u32), country: &'a str) -> Category<'a> {
    Category { id, name, rank, locale: "en-US", country, attributes: Attributes::of("OfferCategory") }
}

pub(crate) fn categories(country: &str) -> impl Serialize {
    let all: Collection<Category<'_>> =
        collection(CATEGORIES.into_iter().map(|known| category(known, country)).collect(), None, None);
    all
}

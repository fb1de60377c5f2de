//! What the generated world sells: legacy offers as in 2019, new commerce as today, or both beside each other.
//!
//! Nothing is drawn here: customers, users and traps of a seed are the same whatever is sold.

use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::world::{Catalogue, NewCommerce, Offer, Product, ProductSku, Withdrawal};

/// How replacements are sold in a generated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sold {
    /// As legacy offers alone.
    #[default]
    Legacy,
    /// As new commerce; commercial customers can no longer buy the legacy offers (403 / 2091, in a cart 500600).
    NewCommerce,
    /// As both.
    Both,
}

impl Sold {
    pub const ALL: [Self; 3] = [Self::Legacy, Self::NewCommerce, Self::Both];

    /// `legacy`, `new_commerce`, `both`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::NewCommerce => "new_commerce",
            Self::Both => "both",
        }
    }
}

impl FromStr for Sold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|sold| sold.name() == text);
        found.ok_or_else(|| format!("`{text}` is none of legacy, new_commerce, both"))
    }
}

/// The catalogue of new commerce, and the legacy offers as this world has them instead of the shipped ones.
pub(super) fn catalogue(sold: Sold) -> (NewCommerce, Vec<Offer>) {
    if sold == Sold::Legacy {
        return (NewCommerce::default(), Vec::new());
    }
    let products = COUNTERPARTS.iter().map(|one| Product {
        id: one.id.clone(),
        title: one.title.clone(),
        skus: vec![one.sku.clone()],
    });
    let commerce = NewCommerce { products: products.collect(), ..NewCommerce::default() };
    let withdrawn = if sold == Sold::NewCommerce {
        COUNTERPARTS.iter().flat_map(withdrawn).collect()
    } else {
        Vec::new()
    };
    (commerce, withdrawn)
}

fn withdrawn(by: &Counterpart) -> impl Iterator<Item = Offer> {
    let end = Withdrawal {
        segments: vec!["commercial".to_owned()],
        equivalent: Some(format!("{}:{}", by.id, by.sku.id)),
        code: Some(2091),
        ..Withdrawal::default()
    };
    let offers = by.replaces.iter().filter_map(|id| Catalogue::shipped().offers.get(id));
    offers.map(move |offer| Offer { withdrawn: vec![end.clone()], ..offer.clone() })
}

#[derive(Deserialize)]
struct Counterpart {
    id: String,
    title: String,
    sku: ProductSku,
    replaces: Vec<Uuid>,
}

static COUNTERPARTS: LazyLock<Vec<Counterpart>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        products: Vec<Counterpart>,
    }
    let file: File = serde_json::from_str(include_str!("../../data/new-commerce.json"))
        .expect("a shipped data file, read by a test");
    file.products
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counterpart_has_the_license_sku_of_every_offer_it_replaces() {
        assert_eq!(COUNTERPARTS.len(), 5);
        for one in COUNTERPARTS.iter() {
            for offer in &one.replaces {
                let offer = &Catalogue::shipped().offers[offer];
                assert_eq!(offer.sku, one.sku.license_sku, "{}", offer.name);
                assert!(offer.on_sale && offer.segment == "commercial", "{}", offer.name);
            }
        }
    }
}

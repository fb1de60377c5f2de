//! Reading new commerce's catalogue and carts.
//!
//! Product, SKU, availability: each step down needs the ids of the one above. Ids of availabilities change over time, so
//! the last step is made again right before buying, and nothing of it is kept.

use uuid::Uuid;

use crate::error::CallError;
use crate::ids::{CartId, ProductId, SkuId};
use crate::model::{Availability, Cart, Listing, Market, Product, Sku, TargetSegment};
use crate::operation;
use crate::reader::{Reader, query, segment};

impl Reader {
    /// The products of the online services. Those of legacy commerce and of the marketplace are among them
    /// ([`Product::is_new_commerce`]).
    pub async fn products(&self, market: &Market) -> Result<Listing<Product>, CallError> {
        let target = market.target("", &[("targetView", "OnlineServices")]);
        self.whole(&operation::PRODUCTS, market.customer(), target).await
    }

    /// One product.
    pub async fn product(&self, market: &Market, product: &ProductId) -> Result<Product, CallError> {
        let target = market.target(&below(product), &[]);
        self.single(&operation::PRODUCT, market.customer(), target).await
    }

    /// The SKUs of a product; all segments where none is named.
    pub async fn skus(
        &self,
        market: &Market,
        product: &ProductId,
        for_whom: Option<&TargetSegment>,
    ) -> Result<Listing<Sku>, CallError> {
        // Small letters here and capitals for availabilities: the documents write them so.
        let for_whom = for_whom.map(|segment| segment.as_str().to_ascii_lowercase());
        let wanted: Vec<_> = for_whom.iter().map(|segment| ("targetSegment", segment.as_str())).collect();
        let target = market.target(&format!("{}/skus", below(product)), &wanted);
        self.whole(&operation::SKUS, market.customer(), target).await
    }

    /// One SKU of a product.
    pub async fn sku(&self, market: &Market, product: &ProductId, sku: &SkuId) -> Result<Sku, CallError> {
        let target = market.target(&below_sku(product, sku), &[]);
        self.single(&operation::SKU, market.customer(), target).await
    }

    /// How a SKU is sold; in all segments where none is named. A SKU that is not sold has none, or none that
    /// [`Availability::is_purchasable`].
    pub async fn availabilities(
        &self,
        market: &Market,
        product: &ProductId,
        sku: &SkuId,
        for_whom: Option<&TargetSegment>,
    ) -> Result<Listing<Availability>, CallError> {
        let wanted: Vec<_> = for_whom.iter().map(|segment| ("targetSegment", segment.as_str())).collect();
        let target = market.target(&format!("{}/availabilities", below_sku(product, sku)), &wanted);
        self.whole(&operation::AVAILABILITIES, market.customer(), target).await
    }

    /// One cart. `Ordered` is the witness that a checkout whose answer was lost has been carried out; `Active` proves
    /// nothing before the settle horizon.
    pub async fn cart(&self, customer: Uuid, id: &CartId) -> Result<Cart, CallError> {
        let target = format!("/v1/customers/{customer}/carts/{}", segment(id.as_str()));
        self.single(&operation::CART, Some(customer), target).await
    }
}

impl Market {
    fn customer(&self) -> Option<Uuid> {
        match self {
            Self::Customer(id) => Some(*id),
            Self::Country(_) => None,
        }
    }

    /// A path below `products`. The country is named where there is no customer who has one.
    fn target(&self, below: &str, wanted: &[(&str, &str)]) -> String {
        let base = match self {
            Self::Customer(id) => format!("/v1/customers/{id}/products"),
            Self::Country(_) => "/v1/products".to_owned(),
        };
        let country = match self {
            Self::Customer(_) => None,
            Self::Country(country) => Some(("country", country.as_str())),
        };
        let pairs = country.iter().chain(wanted).map(|(key, value)| format!("{key}={}", query(value)));
        let pairs = pairs.collect::<Vec<_>>().join("&");
        if pairs.is_empty() { format!("{base}{below}") } else { format!("{base}{below}?{pairs}") }
    }
}

fn below(product: &ProductId) -> String {
    format!("/{}", segment(product.as_str()))
}

fn below_sku(product: &ProductId, sku: &SkuId) -> String {
    format!("{}/skus/{}", below(product), segment(sku.as_str()))
}

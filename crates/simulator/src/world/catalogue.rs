//! Offers and SKUs that a simulated Partner Center knows without being told.
//!
//! The facts are data files of this crate, taken from a recorded catalogue and the published license lists; what nobody
//! outside Microsoft knows is invented there and marked so (ids that begin with `5ea75a1f`). A world may add offers and
//! SKUs or replace shipped ones by id: [`Catalogue::of`] is the view of one world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use uuid::{Uuid, uuid};

use super::new_commerce::{Item, item_id};
use super::{Offer, Sku, World};

/// Dynamics 365 for Sales Enterprise: the SKU of the retired Sales offers and of several that stay.
pub const SALES_ENTERPRISE: Uuid = uuid!("1e1a282c-9c54-43a2-9310-98ef728faace");
/// Dynamics 365 Customer Engagement Plan: the SKU of the retired Plan offers and of their successors.
pub const ENGAGEMENT_PLAN: Uuid = uuid!("ea126fc5-a19e-42e2-a731-da9d437bffcf");
/// Dynamics 365 for Sales Professional: the SKU that Sales users are moved to.
pub const SALES_PROFESSIONAL: Uuid = uuid!("be9f9771-1c64-4618-9907-244325141096");

/// Dynamics 365 for Sales Professional, for commercial customers.
pub const SALES_PROFESSIONAL_OFFER: Uuid = uuid!("f28514f0-6516-4ef9-8222-1c605a05d245");
/// Dynamics 365 for Sales Professional (Nonprofit Staff Pricing).
pub const SALES_PROFESSIONAL_NONPROFIT: Uuid = uuid!("a6b49b8a-38be-4341-b05f-fb54c89d7e21");
/// Dynamics 365 Customer Engagement Plan (Nonprofit Staff Pricing): one offer for every size.
pub const ENGAGEMENT_PLAN_NONPROFIT: Uuid = uuid!("9b02bc3c-a2a0-4e92-9f0f-851f38e60d34");
/// The Customer Engagement Plan's tiers: offer and the smallest number of seats it is meant for.
pub const ENGAGEMENT_PLAN_TIERS: [(u32, Uuid); 5] = [
    (1, uuid!("bb30b486-53be-4ecf-bb85-6f50979f0579")),
    (100, uuid!("349fc43d-f262-4703-9f46-9b030fb9a6f9")),
    (250, uuid!("a82e4a9d-7da4-41f9-9129-19c2d54100bc")),
    (500, uuid!("ade46300-5273-4080-b1f6-8feda26dcecf")),
    (1000, uuid!("c891f143-b4d2-4f2a-beea-e2c96a044b1f")),
];

/// Offers and SKUs by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    pub offers: BTreeMap<Uuid, Offer>,
    pub skus: BTreeMap<Uuid, Sku>,
    /// What new commerce sells, by [`item_id`]. Nothing is shipped.
    pub items: BTreeMap<Uuid, Item>,
}

impl Catalogue {
    /// What every world has: the recorded offers, the 24 retired ones, four near misses, and all their SKUs.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The shipped catalogue with the world's own offers and SKUs put over it.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let mut catalogue = Self::shipped().clone();
        catalogue.offers.extend(world.offers.iter().map(|offer| (offer.id, offer.clone())));
        catalogue.skus.extend(world.skus.iter().map(|sku| (sku.id, sku.clone())));
        for product in &world.new_commerce.products {
            catalogue.items.extend(product.skus.iter().map(|sku| {
                let item = Item {
                    product: product.id.clone(),
                    product_title: product.title.clone(),
                    sku: sku.clone(),
                };
                (item_id(&product.id, &sku.id), item)
            }));
        }
        catalogue
    }

    /// The SKU in the tenant that licenses of an offer, or of an item of new commerce, hang on.
    #[must_use]
    pub fn sku_of(&self, offer: Uuid) -> Option<Uuid> {
        let item = || self.items.get(&offer).map(|item| item.sku.license_sku);
        self.offers.get(&offer).map(|offer| offer.sku).or_else(item)
    }

    /// The service plans of a SKU that can be assigned to a user, and therefore excluded. Empty for an unknown SKU.
    #[must_use]
    pub fn user_plans(&self, sku: Uuid) -> BTreeSet<Uuid> {
        self.skus
            .get(&sku)
            .map(|sku| sku.service_plans.iter().filter(|plan| !plan.tenant).map(|plan| plan.id).collect())
            .unwrap_or_default()
    }

    /// The id of a SKU's service plan by its published name.
    #[must_use]
    pub fn plan(&self, sku: Uuid, name: &str) -> Option<Uuid> {
        self.skus.get(&sku)?.service_plans.iter().find(|plan| plan.name == name).map(|plan| plan.id)
    }
}

static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| {
    let offers = [
        include_str!("../data/offers.json"),
        include_str!("../data/retired-offers.json"),
        include_str!("../data/near-miss-offers.json"),
    ];
    let mut catalogue = Catalogue::default();
    for file in offers {
        let file: OfferFile = serde_json::from_str(file).expect("a shipped data file, read by a test");
        catalogue.offers.extend(file.offers.into_iter().map(|offer| (offer.id, offer)));
    }
    let file: SkuFile =
        serde_json::from_str(include_str!("../data/skus.json")).expect("a shipped data file, read by a test");
    catalogue.skus = file.skus.into_iter().map(|sku| (sku.id, sku)).collect();
    let retired: Vec<Uuid> =
        catalogue.offers.values().filter(|offer| offer.retired).map(|offer| offer.id).collect();
    for offer in catalogue.offers.values_mut().filter(|offer| offer.add_on) {
        // The recording is younger than the retirement: the retired offers were gone from the lists of bases already.
        if offer.prerequisite_offers.contains(&ENGAGEMENT_PLAN_TIERS[0].1) {
            offer.prerequisite_offers.extend(&retired);
        }
    }
    catalogue
});

#[derive(Deserialize)]
struct OfferFile {
    offers: Vec<Offer>,
}

#[derive(Deserialize)]
struct SkuFile {
    skus: Vec<Sku>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_offer_has_its_sku_and_every_sku_a_plan() {
        let catalogue = Catalogue::shipped();
        assert_eq!(catalogue.offers.len(), 273 + 24 + 4);
        for offer in catalogue.offers.values() {
            let sku = catalogue.skus.get(&offer.sku).unwrap_or_else(|| panic!("{} has no SKU", offer.name));
            assert!(!sku.service_plans.is_empty(), "{} has no plan", sku.name);
        }
    }

    #[test]
    fn the_24_retired_offers_are_not_on_sale_and_their_ids_are_marked_as_invented() {
        let retired: Vec<_> = Catalogue::shipped().offers.values().filter(|offer| offer.retired).collect();
        assert_eq!(retired.len(), 24);
        for offer in retired {
            assert!(!offer.on_sale, "{}", offer.name);
            assert!(offer.id.to_string().starts_with("5ea75a1f"), "{}", offer.name);
        }
    }

    #[test]
    fn what_the_constants_name_is_on_sale_with_the_sku_they_say() {
        let catalogue = Catalogue::shipped();
        let expected = [
            (SALES_PROFESSIONAL_OFFER, SALES_PROFESSIONAL),
            (SALES_PROFESSIONAL_NONPROFIT, SALES_PROFESSIONAL),
            (ENGAGEMENT_PLAN_NONPROFIT, ENGAGEMENT_PLAN),
        ];
        let tiers = ENGAGEMENT_PLAN_TIERS.map(|(_, offer)| (offer, ENGAGEMENT_PLAN));
        for (offer, sku) in expected.into_iter().chain(tiers) {
            assert!(catalogue.offers[&offer].on_sale);
            assert_eq!(catalogue.offers[&offer].sku, sku);
        }
        assert_eq!(catalogue.user_plans(SALES_ENTERPRISE).len(), 7);
        assert_eq!(catalogue.user_plans(SALES_PROFESSIONAL).len(), 6, "Exchange Foundation is the tenant's");
    }
}

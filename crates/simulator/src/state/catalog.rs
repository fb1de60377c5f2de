//! Questions about what is on sale.

use uuid::Uuid;

use crate::world::{Catalogue, Offer};

/// Add-ons that may hang under this offer and are on sale.
pub(crate) fn add_ons_of(catalog: &Catalogue, offer: Uuid) -> impl Iterator<Item = &Offer> {
    catalog
        .offers
        .values()
        .filter(move |candidate| candidate.add_on && candidate.on_sale)
        .filter(move |candidate| candidate.prerequisite_offers.contains(&offer))
}

/// Whether this offer is sold in this country.
pub(crate) fn sold_in(offer: &Offer, country: &str) -> bool {
    offer.countries.is_empty() || offer.countries.iter().any(|sold| sold.eq_ignore_ascii_case(country))
}

/// Whether a customer of this segment may buy this offer: commercial offers are for everybody, the others for their own
/// segment.
pub(crate) fn sold_to(offer: &Offer, segment: &str) -> bool {
    match offer.segment.as_str() {
        "faculty" | "students" => segment == "education",
        "commercial" => true,
        own => segment == own,
    }
}

//! Questions about what is on sale.

use jiff::Timestamp;
use uuid::Uuid;

use super::Shared;
use crate::world::{Catalogue, Offer};

/// Add-ons that may hang under this offer and are on sale.
pub(crate) fn add_ons_of(catalog: &Catalogue, offer: Uuid) -> impl Iterator<Item = &Offer> {
    catalog
        .offers
        .values()
        .filter(move |candidate| candidate.add_on && candidate.on_sale)
        .filter(move |candidate| candidate.prerequisite_offers.contains(&offer))
}

/// Whether the offer is in the lists of this country. One that is withdrawn from some customers alone still is.
pub(crate) fn listed(shared: &Shared, offer: &Offer, country: &str, at: Timestamp) -> bool {
    let withdrawn = offer.withdrawn.iter().any(|end| end.ends_listing(country, at));
    let listed = !withdrawn || shared.world.readings.new_commerce.lists_withdrawn_offers;
    offer.on_sale && sold_in(offer, country) && listed
}

/// How many ends of offers have come: lists change when it does.
pub(crate) fn ends_so_far(catalog: &Catalogue, at: Timestamp) -> usize {
    let ends = catalog.offers.values().flat_map(|offer| &offer.withdrawn);
    ends.filter(|end| end.since.is_none_or(|since| since <= at)).count()
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

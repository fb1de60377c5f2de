//! Reading offers. The country is required, and so is `X-Locale`.

use http::HeaderMap;
use uuid::Uuid;

use super::body::invalid;
use super::operation::Call;
use super::paging::Query;
use super::reply::Reply;
use super::wire::{self, Links};
use crate::lock;
use crate::state::catalog::{add_ons_of, ends_so_far, listed, sold_in, sold_to};
use crate::state::{Customer, Problem, Shared};
use crate::world::Offer;

fn country(query: &Query<'_>, headers: &HeaderMap) -> Result<String, Problem> {
    if !headers.contains_key("X-Locale") {
        return Err(invalid("The header X-Locale is required."));
    }
    let country = query.get("country").ok_or_else(|| invalid("The country is required."))?;
    Ok(country.to_ascii_uppercase())
}

/// `GET /offers`: everything on sale in a country. The list is large and changes only when an offer ends, so its bytes are
/// kept.
pub(crate) fn list(shared: &Shared, query: &Query<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
    let country = country(query, headers)?;
    let now = shared.clock.now();
    let key = (country.clone(), ends_so_far(&shared.catalog, now));
    let mut kept = lock(&shared.offer_lists);
    if let Some(bytes) = kept.get(&key) {
        return Ok(Reply::bytes(200, bytes.clone()));
    }
    let offers = shared.catalog.offers.values().filter(|offer| listed(shared, offer, &country, now));
    let reply = bodies(shared, offers, &country, format!("/offers?country={country}"));
    kept.insert(key, reply.body.clone());
    Ok(reply)
}

/// `GET /customers/{id}/offers`: what this customer may buy.
pub(crate) fn of_customer(shared: &Shared, customer: &Customer) -> Reply {
    let (country, segment, now) = (&customer.country, &customer.segment, shared.clock.now());
    let ended = |offer: &Offer| offer.withdrawn.iter().any(|end| end.applies(country, segment, now));
    let shows_ended = shared.world.readings.new_commerce.lists_withdrawn_offers;
    let offers = shared.catalog.offers.values().filter(|offer| {
        let is_sold = offer.on_sale && sold_in(offer, country) && sold_to(offer, segment);
        is_sold && (shows_ended || !ended(offer))
    });
    bodies(shared, offers, country, format!("/customers/{}/offers", customer.id))
}

/// `GET /offers/{id}`. One that is no longer on sale is gone.
pub(crate) fn one(
    shared: &Shared,
    call: &Call<'_>,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<Reply, Problem> {
    let country = country(query, headers)?;
    let offer = find(shared, call)?;
    if !listed(shared, offer, &country, shared.clock.now()) {
        return Err(Problem::new(404, 1000, "The offer was not found."));
    }
    Ok(Reply::json(200, &wire::offer(&shared.catalog, shared.world.partner.tenant_id, offer, &country)))
}

/// `GET /offers/{id}/addons`.
pub(crate) fn add_ons(
    shared: &Shared,
    call: &Call<'_>,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<Reply, Problem> {
    let country = country(query, headers)?;
    let base: Uuid = find(shared, call)?.id;
    let offers = add_ons_of(&shared.catalog, base).filter(|offer| sold_in(offer, &country));
    Ok(bodies(shared, offers, &country, format!("/offers/{}/addons?country={country}", call.item)))
}

/// `GET /offercategories`.
pub(crate) fn categories(query: &Query<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &wire::categories(&country(query, headers)?)))
}

fn find<'a>(shared: &'a Shared, call: &Call<'_>) -> Result<&'a Offer, Problem> {
    let Some(id) = call.item_id() else {
        return Err(Problem::new(400, 2100, "The Offers API does not know this id; use products and skus."));
    };
    shared.catalog.offers.get(&id).ok_or_else(|| Problem::new(404, 1000, "The offer was not found."))
}

fn bodies<'a>(shared: &Shared, offers: impl Iterator<Item = &'a Offer>, country: &str, uri: String) -> Reply {
    let partner = shared.world.partner.tenant_id;
    let items: Vec<_> = offers.map(|offer| wire::offer(&shared.catalog, partner, offer, country)).collect();
    Reply::json(200, &wire::collection(items, Some(Links::itself(uri)), None))
}

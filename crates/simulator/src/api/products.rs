//! Reading the catalogue of new commerce: the whole of a country, or what one customer may be shown.

use super::body::invalid;
use super::operation::{Call, Operation};
use super::paging::Query;
use super::reply::Reply;
use super::wire::{self, Links};
use crate::state::items::{Asker, Availability};
use crate::state::{Customer, Problem, Shared};
use crate::world::{Item, item_id};

/// Answers a call about products. Without a customer in the path the country has to be named.
pub(crate) fn answer(
    shared: &Shared,
    customer: Option<&Customer>,
    call: &Call<'_>,
    query: &Query<'_>,
) -> Result<Reply, Problem> {
    let country = match customer {
        Some(customer) => customer.country.clone(),
        None => query.get("country").ok_or_else(|| invalid("The country is required."))?.to_ascii_uppercase(),
    };
    let segment = query.get("targetSegment");
    let asker = Asker { country: &country, segment: segment.as_deref(), customer };
    let [_, availability] = call.within;
    let items = |items: Vec<_>| collection(shared, items, customer, call);
    match call.operation {
        Operation::ListProducts => {
            check_view(query)?;
            let products = products(shared, asker);
            Ok(items(products.iter().map(|item| json(&wire::product(item, &country))).collect()))
        }
        Operation::GetProduct => {
            let product = find_product(shared, asker, call.item)?;
            Ok(Reply::json(200, &wire::product(product, &country)))
        }
        Operation::ListProductSkus => {
            find_product(shared, asker, call.item)?;
            let skus = shared.catalog.items.values();
            let skus = skus.filter(|item| item.product.eq_ignore_ascii_case(call.item) && asker.sees(item));
            Ok(items(
                in_order(skus.collect()).iter().map(|i| json(&wire::product_sku(i, &country))).collect(),
            ))
        }
        Operation::GetProductSku => {
            Ok(Reply::json(200, &wire::product_sku(find_item(shared, asker, call)?, &country)))
        }
        _ => {
            let item = find_item(shared, asker, call)?;
            let shown: Vec<Availability<'_>> =
                asker.availabilities(shared, item, shared.clock.now()).collect();
            if availability.is_empty() {
                return Ok(items(shown.iter().map(|one| json(&wire::availability(one, &country))).collect()));
            }
            let found = shown.iter().find(|one| one.id.eq_ignore_ascii_case(availability));
            let found = found.ok_or_else(|| Problem::new(404, 400_019, "The availability was not found."))?;
            Ok(Reply::json(200, &wire::availability(found, &country)))
        }
    }
}

fn json(body: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(body).unwrap_or_default()
}

fn check_view(query: &Query<'_>) -> Result<(), Problem> {
    match query.get("targetView") {
        None => Err(Problem::new(400, 400_056, "The target view is required.")),
        Some(view) if view.eq_ignore_ascii_case("OnlineServices") => Ok(()),
        Some(_) => Err(Problem::new(403, 400_036, "The target view is not allowed.")),
    }
}

/// One item of each product, for what only the product is asked for.
fn products<'a>(shared: &'a Shared, asker: Asker<'_>) -> Vec<&'a Item> {
    let seen = shared.catalog.items.values().filter(|item| asker.sees(item)).collect();
    let mut items: Vec<&Item> = in_order(seen);
    items.dedup_by(|a, b| a.product == b.product);
    items
}

/// By id, not by the ids under which the books keep them.
fn in_order(mut items: Vec<&Item>) -> Vec<&Item> {
    items.sort_by_key(|item| (&item.product, &item.sku.id));
    items
}

fn find_product<'a>(shared: &'a Shared, asker: Asker<'_>, id: &str) -> Result<&'a Item, Problem> {
    let found = products(shared, asker).into_iter().find(|item| item.product.eq_ignore_ascii_case(id));
    found.ok_or_else(|| Problem::new(404, 400_013, "The product was not found."))
}

fn find_item<'a>(shared: &'a Shared, asker: Asker<'_>, call: &Call<'_>) -> Result<&'a Item, Problem> {
    find_product(shared, asker, call.item)?;
    let [sku, _] = call.within;
    let item = shared.catalog.items.get(&item_id(call.item, sku));
    let seen = item.filter(|item| asker.sees(item));
    seen.ok_or_else(|| Problem::new(404, 400_018, "The SKU was not found."))
}

fn collection(
    shared: &Shared,
    items: Vec<serde_json::Value>,
    customer: Option<&Customer>,
    call: &Call<'_>,
) -> Reply {
    let [sku, _] = call.within;
    let root = customer.map_or_else(String::new, |customer| format!("/customers/{}", customer.id));
    let uri = match call.operation {
        Operation::ListProducts => format!("{root}/products"),
        Operation::ListProductSkus => format!("{root}/products/{}/skus", call.item),
        _ => format!("{root}/products/{}/skus/{sku}/availabilities", call.item),
    };
    let links = (!shared.world.readings.links_omitted).then(|| Links::itself(uri));
    Reply::json(200, &wire::collection(items, links, None))
}

//! Reading users and the tenant's SKUs.

use std::ops::Bound;

use http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::body::{self, invalid};
use super::customers::page_links;
use super::operation::Call;
use super::paging::{self, Query};
use super::reply::Reply;
use super::wire::{self, Links};
use crate::state::{Customer, Problem, Shared, User, pool};

/// Page size where none is asked for.
const DEFAULT_PAGE: usize = 500;

/// `GET .../users`: a seek page. Deleted users are listed only when asked for.
pub(crate) fn list(
    shared: &Shared,
    customer: &Customer,
    query: &Query<'_>,
    headers: &HeaderMap,
) -> Result<Reply, Problem> {
    let readings = &shared.world.readings;
    let cap = usize::try_from(readings.users_page_cap).unwrap_or(0);
    let seek = paging::seek(query, headers, DEFAULT_PAGE, cap)?;
    let deleted = query.get("filter").map(|text| asks_for_deleted(&text)).transpose()?.unwrap_or(false);
    let from = seek.after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut wanted = customer
        .users
        .range::<Uuid, _>((from, Bound::Unbounded))
        .map(|(_, user)| user)
        .filter(|user| user.deleted == deleted);
    let page: Vec<&User> = wanted.by_ref().take(seek.size).collect();
    let last = page.last().filter(|_| wanted.next().is_some()).map(|user| user.id);
    let token = last.map(|last| paging::token(last, seek.size));
    let path = format!("/customers/{}/users", customer.id);
    let links = page_links(&path, seek.size, token.as_deref(), readings.links_omitted);
    let items: Vec<_> = page.into_iter().map(|user| wire::user(customer.id, user)).collect();
    Ok(Reply::json(200, &wire::collection(items, links, token)))
}

/// `{"Field":"UserState","Value":"Inactive","Operator":"equals"}`
fn asks_for_deleted(text: &str) -> Result<bool, Problem> {
    let value: Value = body::parse(text.as_bytes())?;
    let filter = body::object(&value)?;
    if !filter.text("Field").is_some_and(|field| field.eq_ignore_ascii_case("UserState")) {
        return Err(invalid("The filter field is not supported."));
    }
    Ok(filter.text("Value").is_some_and(|value| value.eq_ignore_ascii_case("Inactive")))
}

/// `GET .../users/{id}`: a deleted one too.
pub(crate) fn one(customer: &Customer, call: &Call<'_>) -> Result<Reply, Problem> {
    let user = call.item_id().and_then(|id| customer.users.get(&id));
    let user = user.ok_or_else(|| Problem::new(404, 60_002, "The user was not found."))?;
    Ok(Reply::json(200, &wire::user(customer.id, user)))
}

/// `GET .../subscribedskus`: every SKU that the tenant knows.
pub(crate) fn skus(shared: &Shared, customer: &Customer, query: &Query<'_>) -> Reply {
    let pools = if asks_for_group_one(query) { pool::pools(customer) } else { Default::default() };
    let items: Vec<_> = pools
        .into_iter()
        .filter_map(|(id, pool)| Some(wire::sku(shared.catalog.skus.get(&id)?, pool)))
        .collect();
    let uri = format!("/customers/{}/subscribedskus", customer.id);
    let links = (!shared.world.readings.links_omitted).then(|| Links::itself(uri));
    Reply::json(200, &wire::collection(items, links, None))
}

/// All SKUs of this world are of the first license group, which is also what no parameter means.
pub(crate) fn asks_for_group_one(query: &Query<'_>) -> bool {
    query.get("licenseGroupIds").is_none() || query.0.to_ascii_lowercase().contains("licensegroupids=group1")
}

//! Reading a user's licenses, and reading what an update of them asks for.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::body::{self, invalid};
use super::operation::Call;
use super::paging::Query;
use super::reply::Reply;
use super::users::asks_for_group_one;
use super::wire::{self, Links};
use crate::state::command::{Half, LicenseUpdate};
use crate::state::licenses::live_user;
use crate::state::{Customer, Problem, Shared};

/// `GET .../users/{id}/licenses`.
pub(crate) fn list(
    shared: &Shared,
    customer: &Customer,
    call: &Call<'_>,
    query: &Query<'_>,
) -> Result<Reply, Problem> {
    let readings = &shared.world.readings;
    let user = live_user(customer, user_id(call)?)?;
    let group_one = asks_for_group_one(query);
    let held = user.licenses.iter().filter(|_| group_one);
    let items: Vec<_> = held
        .filter_map(|(sku, held)| {
            Some(wire::license(shared.catalog.skus.get(sku)?, held, readings.disabled_plans))
        })
        .collect();
    let uri = format!("/customers/{}/users/{}/licenses", customer.id, user.id);
    let links = (!readings.links_omitted).then(|| Links::itself(uri));
    Ok(Reply::json(200, &wire::collection(items, links, None)))
}

fn user_id(call: &Call<'_>) -> Result<Uuid, Problem> {
    call.item_id().ok_or_else(|| Problem::new(404, 60_002, format!("The user {} was not found.", call.item)))
}

/// Reads a license update.
pub(crate) fn update(call: &Call<'_>, body: &[u8]) -> Result<LicenseUpdate, Problem> {
    let value: Value = body::parse(body)?;
    let wanted = body::object(&value)?;
    let mut assign = Vec::new();
    for item in wanted.list("licensesToAssign") {
        let item = body::object(item)?;
        let sku = item.get("skuId").ok_or_else(|| invalid("A license to assign has no SKU id."))?;
        let disabled = item.list("excludedPlans").iter().map(id).collect::<Result<BTreeSet<_>, _>>()?;
        assign.push((id(sku)?, disabled));
    }
    let remove = wanted.list("licensesToRemove").iter().map(id).collect::<Result<Vec<_>, _>>()?;
    Ok(LicenseUpdate { user: user_id(call)?, assign, remove, half: Half::Both })
}

fn id(value: &Value) -> Result<Uuid, Problem> {
    let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    id.ok_or_else(|| invalid("An id is not a GUID."))
}

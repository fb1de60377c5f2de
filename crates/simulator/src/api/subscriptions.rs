//! Reading subscriptions, and reading what a PATCH of one asks for.

use http::{HeaderMap, header};
use serde_json::Value;
use uuid::Uuid;

use super::body::{self, Object, invalid};
use super::operation::Call;
use super::paging::Query;
use super::reply::Reply;
use super::wire::{self, Links};
use crate::state::command::Patch;
use crate::state::{Customer, Problem, Shared, Status, Subscription};

/// `GET .../subscriptions`: all of them in one answer, the suspended, expired and deleted ones too. Only `order_id` and
/// `mpn_id` narrow it.
pub(crate) fn list(shared: &Shared, customer: &Customer, query: &Query<'_>) -> Reply {
    let order = query.get("order_id").map(|id| customer.order_called(&id).map(|order| order.id));
    let mpn = query.get("mpn_id");
    let wanted = customer.subscriptions.values().filter(|one| {
        is_shown(shared, one)
            && order.is_none_or(|order| order == Some(one.order))
            && mpn.as_ref().is_none_or(|mpn| one.reseller_mpn.as_ref() == Some(mpn))
    });
    bodies(shared, customer, wanted, format!("/customers/{}/subscriptions", customer.id))
}

/// In one reading of new commerce what was cancelled is gone.
fn is_shown(shared: &Shared, one: &Subscription) -> bool {
    let hides = shared.world.readings.new_commerce.hides_deleted;
    !(hides && one.modern.is_some() && one.status == Status::Deleted)
}

/// `GET .../subscriptions/{id}/addons`.
pub(crate) fn add_ons(shared: &Shared, customer: &Customer, call: &Call<'_>) -> Result<Reply, Problem> {
    let base = find(shared, customer, call)?.id;
    let wanted = customer.subscriptions.values().filter(|one| one.parent == Some(base));
    let uri = format!("/customers/{}/subscriptions/{}/addons", customer.id, call.item);
    Ok(bodies(shared, customer, wanted, uri))
}

fn bodies<'a>(
    shared: &Shared,
    customer: &Customer,
    wanted: impl Iterator<Item = &'a Subscription>,
    uri: String,
) -> Reply {
    let items: Vec<_> = wanted.map(|one| wire::subscription(shared, customer, one)).collect();
    let links = (!shared.world.readings.links_omitted).then(|| Links::itself(uri));
    Reply::json(200, &wire::collection(items, links, None))
}

/// `GET .../subscriptions/{id}`.
pub(crate) fn one(shared: &Shared, customer: &Customer, call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &wire::subscription(shared, customer, find(shared, customer, call)?)))
}

/// `GET .../subscriptions/{id}/provisioningstatus`.
pub(crate) fn provisioning_status(
    shared: &Shared,
    customer: &Customer,
    call: &Call<'_>,
) -> Result<Reply, Problem> {
    let subscription = find(shared, customer, call)?;
    if subscription.status == Status::Deleted {
        return Err(Problem::new(404, 800_007, "The provisioning information was not found."));
    }
    let now = shared.clock.now();
    Ok(Reply::json(200, &wire::provisioning_status(shared, subscription, now)))
}

pub(crate) fn find<'a>(
    shared: &Shared,
    customer: &'a Customer,
    call: &Call<'_>,
) -> Result<&'a Subscription, Problem> {
    let found = call.item_id().and_then(|id| customer.subscriptions.get(&id));
    let found = found.filter(|one| is_shown(shared, one));
    found.ok_or_else(|| Problem::new(404, 20_003, format!("Subscription {} was not found.", call.item)))
}

/// Reads a PATCH. The body must be a full resource: id, offer and quantity have to be there.
pub(crate) fn patch(
    shared: &Shared,
    customer: &Customer,
    call: &Call<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Patch, Problem> {
    let subscription = find(shared, customer, call)?.id;
    let value: Value = body::parse(body)?;
    let resource = body::object(&value)?;
    let missing = |property: &str| Problem::new(400, 3000, format!("The property {property} is invalid."));
    if resource.text("id").and_then(|id| Uuid::parse_str(id).ok()) != Some(subscription) {
        return Err(missing("Id"));
    }
    let offer = resource.text("offerId").ok_or_else(|| missing("OfferId"))?.to_owned();
    let quantity = resource.number("quantity").ok_or_else(|| missing("Quantity"))?;
    let status = status(resource)?;
    Ok(Patch {
        subscription,
        etags: etags(headers, resource),
        offer,
        status,
        quantity,
        auto_renew: resource.flag("autoRenewEnabled"),
        nickname: resource.text("friendlyName").map(str::to_owned),
        billing_cycle: resource.text("billingCycle").map(str::to_owned),
    })
}

fn status(resource: Object<'_>) -> Result<Option<Status>, Problem> {
    let Some(value) = resource.get("status") else { return Ok(None) };
    let known = match value {
        Value::String(name) => Status::named(name),
        Value::Number(number) => number.as_u64().and_then(Status::numbered),
        _ => None,
    };
    known.map(Some).ok_or_else(|| invalid("The subscription status is not known."))
}

/// Etags of the header and of the body: each that was sent has to be fresh.
fn etags(headers: &HeaderMap, resource: Object<'_>) -> Vec<String> {
    let header = headers.get(header::IF_MATCH).and_then(|etag| etag.to_str().ok());
    let header =
        header.map(|etag| etag.trim_start_matches("W/").trim_matches('"')).filter(|etag| *etag != "*");
    let body = resource.object("attributes").and_then(|attributes| attributes.text("etag"));
    header.into_iter().chain(body).filter(|etag| !etag.is_empty()).map(str::to_owned).collect()
}

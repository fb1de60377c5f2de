//! Reading orders, and reading what a new one asks for.

use serde_json::Value;
use uuid::Uuid;

use super::body::{self, Object, invalid};
use super::operation::Call;
use super::reply::Reply;
use super::wire::{self, Links};
use crate::state::command::{NewLine, NewOrder};
use crate::state::{Customer, Order, Problem, Shared};
use crate::world::Triple;

/// `GET .../orders`: those placed long enough ago. A new order takes up to 15 minutes to show here.
pub(crate) fn list(shared: &Shared, customer: &Customer) -> Reply {
    let now = shared.clock.now();
    let listed = customer.orders.iter().filter(|order| order.listed <= now);
    let items: Vec<_> = listed.map(|order| wire::order(shared, customer, order)).collect();
    let uri = format!("/customers/{}/orders", customer.id);
    let links = (!shared.world.readings.links_omitted).then(|| Links::itself(uri));
    Reply::json(200, &wire::collection(items, links, None))
}

/// `GET .../orders/{id}`: at once.
pub(crate) fn one(shared: &Shared, customer: &Customer, call: &Call<'_>) -> Result<Reply, Problem> {
    let order: Option<&Order> = customer.order_called(call.item);
    let order = order.ok_or_else(|| Problem::new(404, 20_000, "The order id was not found."))?;
    Ok(Reply::json(200, &wire::order(shared, customer, order)))
}

/// Reads a new order.
pub(crate) fn new_order(body: &[u8]) -> Result<NewOrder, Problem> {
    let value: Value = body::parse(body)?;
    let order = body::object(&value)?;
    let mut lines = Vec::new();
    for line in order.list("lineItems") {
        lines.push(line_of(body::object(line)?)?);
    }
    let billing_cycle = billing_cycle(order)?;
    lines.iter_mut().for_each(|line: &mut NewLine| line.billing_cycle.clone_from(&billing_cycle));
    Ok(NewOrder { billing_cycle, lines, provisioning_fails: false })
}

fn line_of(line: Object<'_>) -> Result<NewLine, Problem> {
    let parent = line.text("parentSubscriptionId").filter(|parent| !parent.is_empty());
    Ok(NewLine {
        number: line.number("lineItemNumber"),
        offer: line.text("offerId").ok_or_else(|| invalid("A line item has no offer id."))?.to_owned(),
        quantity: line.number("quantity").ok_or_else(|| invalid("A line item has no quantity."))?,
        // The order's, which is read after its lines.
        billing_cycle: String::new(),
        term: line.text("termDuration").filter(|term| !term.is_empty()).map(str::to_owned),
        friendly_name: line.text("friendlyName").filter(|name| !name.is_empty()).map(str::to_owned),
        reseller_mpn: line.text("partnerIdOnRecord").filter(|mpn| !mpn.is_empty()).map(str::to_owned),
        parent: parent.and_then(|parent| Uuid::parse_str(parent).ok()),
    })
}

/// The cycle's name in lower case, `monthly` where none is given. Numbers are those of the .NET SDK.
pub(crate) fn billing_cycle(order: Object<'_>) -> Result<String, Problem> {
    const NUMBERED: [&str; 5] = ["unknown", "monthly", "annual", "none", "one_time"];
    match order.get("billingCycle") {
        None => Ok("monthly".into()),
        Some(Value::String(name)) => Ok(name.to_ascii_lowercase()),
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| NUMBERED.get(usize::try_from(number).ok()?))
            .map(|name| (*name).to_owned())
            .ok_or_else(|| invalid("The billing cycle is not known.")),
        Some(_) => Err(invalid("The billing cycle is not known.")),
    }
}

/// What a try of an order, a cart or a checkout is counted under: what its first line names, so that a repeat is the second
/// try of the same. An availability has another id every day, so of new commerce it is product and SKU.
pub(crate) fn resource(lines: &[NewLine]) -> String {
    let offer = lines.first().map(|line| line.offer.as_str()).unwrap_or_default();
    if let Some(Triple { product, sku, .. }) = Triple::read(offer) {
        return format!("{product}:{sku}").to_ascii_lowercase();
    }
    Uuid::parse_str(offer).map_or_else(|_| offer.to_ascii_lowercase(), |offer| offer.to_string())
}

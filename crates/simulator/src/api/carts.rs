//! Reading carts, and reading what a new one is to hold.

use serde_json::Value;
use uuid::Uuid;

use super::body::{self, Object, invalid};
use super::operation::Call;
use super::orders::billing_cycle;
use super::reply::Reply;
use super::wire;
use crate::state::command::{NewCart, NewLine};
use crate::state::{Customer, Problem, Shared, carts};

/// `GET .../carts/{id}`.
pub(crate) fn one(shared: &Shared, customer: &Customer, call: &Call<'_>) -> Result<Reply, Problem> {
    let cart = carts::find(customer, cart_id(call)?, shared.clock.now())?;
    Ok(Reply::json(200, &wire::cart(shared, customer, cart)))
}

/// The cart's id in the path.
pub(crate) fn cart_id(call: &Call<'_>) -> Result<Uuid, Problem> {
    call.item_id().ok_or_else(|| Problem::new(404, 800_008, "The cart id was not found."))
}

/// Reads the lines of a cart, new or changed.
pub(crate) fn new_cart(body: &[u8]) -> Result<NewCart, Problem> {
    let value: Value = body::parse(body)?;
    let cart = body::object(&value)?;
    let mut lines = Vec::new();
    for (position, line) in cart.list("lineItems").iter().enumerate() {
        lines.push(line_of(body::object(line)?, position)?);
    }
    Ok(NewCart { lines, spoilt: false })
}

fn line_of(line: Object<'_>, position: usize) -> Result<NewLine, Problem> {
    let text = |key: &str| line.text(key).filter(|text| !text.is_empty());
    let offer = line.text("catalogItemId").ok_or_else(|| invalid("A line item has no catalog item id."))?;
    Ok(NewLine {
        number: u64::try_from(position).ok(),
        offer: offer.to_owned(),
        quantity: line.number("quantity").ok_or_else(|| invalid("A line item has no quantity."))?,
        billing_cycle: billing_cycle(line)?,
        term: text("termDuration").map(str::to_owned),
        friendly_name: text("friendlyName").map(str::to_owned),
        reseller_mpn: reseller(line)?,
        parent: None,
    })
}

/// The participant that is the reseller of record. There are other kinds, which concern nobody here.
fn reseller(line: Object<'_>) -> Result<Option<String>, Problem> {
    for participant in line.list("participants") {
        let participant = body::object(participant)?;
        let key = participant.text("key").unwrap_or_default();
        if key.eq_ignore_ascii_case("transaction_reseller") {
            return Ok(participant.text("value").filter(|mpn| !mpn.is_empty()).map(str::to_owned));
        }
    }
    Ok(None)
}

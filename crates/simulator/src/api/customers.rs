//! Reading customers.

use http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::body::{self, invalid};
use super::paging::{self, Query};
use super::reply::Reply;
use super::wire::{self, Link, Links};
use crate::lock;
use crate::state::{Problem, Shared};

/// Page size where none is asked for.
const DEFAULT_PAGE: usize = 100;

/// `GET /customers`: a seek page of all customers, or of those that a filter names.
pub(crate) fn list(shared: &Shared, query: &Query<'_>, headers: &HeaderMap) -> Result<Reply, Problem> {
    let seek = paging::seek(query, headers, DEFAULT_PAGE, 0)?;
    let filter = query.get("filter").map(|text| Filter::read(&text)).transpose()?;
    let rest = match seek.after {
        Some(last) => {
            shared.customers.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded::<Uuid>))
        }
        None => shared.customers.range::<Uuid, _>(..),
    };
    let mut items = Vec::new();
    let (mut last, mut more) = (None, false);
    for (id, customer) in rest {
        let customer = lock(customer);
        if filter.as_ref().is_some_and(|filter| !filter.lets_through(&customer.name, &customer.domain)) {
            continue;
        }
        if items.len() == seek.size {
            more = true;
            break;
        }
        items.push(wire::customer_summary(&customer));
        last = Some(*id);
    }
    let token = last.filter(|_| more).map(|last| paging::token(last, seek.size));
    let links = page_links("/customers", seek.size, token.as_deref(), shared.world.readings.links_omitted);
    Ok(Reply::json(200, &wire::collection(items, links, token)))
}

/// `links` of a page: the way to itself and, where there is one, to the next.
pub(crate) fn page_links(path: &str, size: usize, token: Option<&str>, omitted: bool) -> Option<Links> {
    if token.is_none() && omitted {
        return None;
    }
    let mut links = Links::itself(format!("{path}?size={size}"));
    links.next = token.map(|token| Link::next(format!("{path}?size={size}&seekOperation=Next"), token));
    Some(links)
}

/// `{"Field":"CompanyName","Value":"cont","Operator":"starts_with"}`
struct Filter {
    by_domain: bool,
    value: String,
}

impl Filter {
    fn read(text: &str) -> Result<Self, Problem> {
        let value: Value = body::parse(text.as_bytes())?;
        let filter = body::object(&value)?;
        let by_domain = match filter.text("Field") {
            Some(field) if field.eq_ignore_ascii_case("CompanyName") => false,
            Some(field) if field.eq_ignore_ascii_case("Domain") => true,
            _ => return Err(invalid("The filter field is not supported.")),
        };
        if !filter.text("Operator").is_some_and(|operator| operator.eq_ignore_ascii_case("starts_with")) {
            return Err(invalid("The filter operator is not supported."));
        }
        Ok(Self { by_domain, value: filter.text("Value").unwrap_or_default().to_lowercase() })
    }

    fn lets_through(&self, name: &str, domain: &str) -> bool {
        let field = if self.by_domain { domain } else { name };
        field.to_lowercase().starts_with(&self.value)
    }
}

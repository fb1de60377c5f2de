//! What a careful person would buy instead of a retired subscription: the offer that the recorded catalogue proves, or, where
//! that is no longer sold to this customer, what the refusal would name as its equivalent in new commerce.

use uuid::Uuid;

use super::catalogue::{
    Catalogue, ENGAGEMENT_PLAN_NONPROFIT, ENGAGEMENT_PLAN_TIERS, SALES_PROFESSIONAL_NONPROFIT,
    SALES_PROFESSIONAL_OFFER,
};
use super::name::Family;
use super::{Customer, Item, Offer, Subscription, World, offer_id};

/// The replacement of one subscription.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) sku: Uuid,
    pub(super) maximum_quantity: u32,
    /// It can be bought by this customer when the world begins.
    pub(super) sold: bool,
}

/// None = nobody knows the replacement for this segment.
pub(super) fn target(
    world: &World,
    catalogue: &Catalogue,
    customer: &Customer,
    offer: &Offer,
    old: &Subscription,
    family: Family,
) -> Option<Target> {
    let legacy = legacy(catalogue, customer, offer, old, family)?;
    let withdrawn =
        legacy.withdrawn.iter().find(|end| end.applies(&customer.country, &customer.segment, world.start));
    let Some(withdrawn) = withdrawn else {
        let sold = legacy.on_sale
            && (legacy.countries.is_empty() || legacy.countries.contains(&customer.country))
            && !reaches_its_limit(customer, legacy);
        return Some(Target { sku: legacy.sku, maximum_quantity: legacy.maximum_quantity, sold });
    };
    let equivalent = withdrawn.equivalent.as_deref().and_then(offer_id);
    let item = equivalent.and_then(|id| catalogue.items.get(&id));
    Some(item.map_or(
        Target { sku: legacy.sku, maximum_quantity: legacy.maximum_quantity, sold: false },
        |item| Target {
            sku: item.sku.license_sku,
            maximum_quantity: item.sku.maximum_quantity,
            sold: item.sold_to(&customer.country, &customer.segment) && keeps_the_cycle(item, old),
        },
    ))
}

/// Somebody who pays monthly goes on paying monthly.
fn keeps_the_cycle(item: &Item, old: &Subscription) -> bool {
    item.sku.terms.iter().any(|term| term.duration == "P1Y" && term.billing_cycle == old.billing_cycle)
}

fn reaches_its_limit(customer: &Customer, offer: &Offer) -> bool {
    let held = |lifetime: bool| {
        let of_it = customer.subscriptions.iter().filter(|held| held.offer == offer.id);
        of_it.filter(|held| lifetime || held.status != "deleted").count()
    };
    offer.limit.as_ref().is_some_and(|limit| held(limit.unit == "lifetime") >= limit.count as usize)
}

fn legacy<'a>(
    catalogue: &'a Catalogue,
    customer: &Customer,
    offer: &Offer,
    old: &Subscription,
    family: Family,
) -> Option<&'a Offer> {
    if offer.segment != "commercial" {
        return None;
    }
    let id = match (family, customer.segment.as_str()) {
        (Family::Sales, "commercial") => SALES_PROFESSIONAL_OFFER,
        (Family::Sales, "nonprofit") => SALES_PROFESSIONAL_NONPROFIT,
        (Family::Plan, "commercial") => {
            ENGAGEMENT_PLAN_TIERS.iter().rev().find(|(from, _)| old.quantity >= *from)?.1
        }
        (Family::Plan, "nonprofit") => ENGAGEMENT_PLAN_NONPROFIT,
        _ => return None,
    };
    catalogue.offers.get(&id)
}

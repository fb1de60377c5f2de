//! One customer: from a card to a tenant with everything in it.

use super::Plan;
use super::deck::Card;
use super::tenant::Tenant;
use super::{traps, unrelated};
use crate::world::Customer;
use crate::world::name::Family;
use crate::world::trap::Trap;

/// The one customer in a thousand that is far bigger than the others: the last of each thousand, so that small worlds
/// do without.
const GIANT_EVERY: usize = 1000;
const GIANT: u32 = 5000;

pub(super) fn customer(plan: &mut Plan, index: usize, card: Card) -> Customer {
    let giant = index % GIANT_EVERY == GIANT_EVERY - 1;
    let card = if giant { Card::Sales } else { card };
    let mut tenant = Tenant::new(plan, index);
    tenant.set_segment(card);
    match card {
        Card::Unrelated => tenant.mishaps_of_unrelated_customers(),
        Card::Sales => {
            let users = if giant { GIANT } else { plan.retired_sizes.next() };
            tenant.retired(Family::Sales, users);
        }
        Card::Plan => {
            tenant.retired(Family::Plan, plan.retired_sizes.next());
        }
        Card::SalesAndPlan => {
            tenant.retired(Family::Sales, plan.retired_sizes.next());
            tenant.retired(Family::Plan, plan.retired_sizes.next());
        }
        Card::SeveralPlans => {
            for _ in 0..tenant.draw.between(2, 3) {
                let subscription = tenant.retired(Family::Plan, plan.retired_sizes.next());
                tenant.mark(subscription, Trap::SharedPoolRetired);
            }
        }
        Card::Trap(trap, variant) => traps::lay(&mut tenant, plan, trap, variant),
    }
    unrelated::surround(&mut tenant, plan);
    tenant.finish()
}

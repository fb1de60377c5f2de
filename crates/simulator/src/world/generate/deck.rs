//! Which customer is what: a deck of 100 cards, shuffled anew for every hundred customers.
//!
//! A deck instead of dice, because the promise is about counts: in any 200 customers every kind of trap occurs at least
//! twice, whatever the seed.

use super::draw::Draw;
use crate::world::trap::Trap;

/// What a customer is in this job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    /// Has nothing retired.
    Unrelated,
    /// One retired Sales subscription, nothing special.
    Sales,
    /// One retired Customer Engagement Plan subscription, nothing special.
    Plan,
    /// One of each.
    SalesAndPlan,
    /// Two or three retired Customer Engagement Plan subscriptions in one pool.
    SeveralPlans,
    /// A retired subscription (or what looks like one) that carries this trap. The number tells variants apart.
    Trap(Trap, u8),
}

const DECK: [(Card, usize); 29] = [
    (Card::Unrelated, 35),
    (Card::Sales, 24),
    (Card::Plan, 8),
    (Card::SalesAndPlan, 3),
    (Card::SeveralPlans, 2),
    (Card::Trap(Trap::SharedPoolRetired, 0), 1),
    (Card::Trap(Trap::SharedPoolStaying, 0), 1),
    (Card::Trap(Trap::SharedPoolStaying, 1), 1),
    (Card::Trap(Trap::GroupAssigned, 0), 2),
    (Card::Trap(Trap::MissingUsageLocation, 0), 2),
    (Card::Trap(Trap::ExcludedPlans, 0), 3),
    (Card::Trap(Trap::ExcludedPlans, 1), 1),
    (Card::Trap(Trap::AddOns, 0), 1),
    (Card::Trap(Trap::AddOns, 1), 1),
    (Card::Trap(Trap::TrialInPool, 0), 1),
    (Card::Trap(Trap::MissingAgreement, 0), 1),
    (Card::Trap(Trap::MissingRights, 0), 1),
    (Card::Trap(Trap::MissingRights, 1), 1),
    (Card::Trap(Trap::SuspendedAlready, 0), 1),
    (Card::Trap(Trap::ExpiredAlready, 0), 1),
    (Card::Trap(Trap::EndingTomorrow, 0), 1),
    (Card::Trap(Trap::NoTargetInSegment, 0), 1),
    (Card::Trap(Trap::NoTargetInSegment, 1), 1),
    (Card::Trap(Trap::NoTargetInSegment, 2), 1),
    (Card::Trap(Trap::QuantityFarFromUse, 0), 1),
    (Card::Trap(Trap::QuantityFarFromUse, 1), 1),
    (Card::Trap(Trap::NearMissName, 0), 1),
    (Card::Trap(Trap::NearMissName, 1), 1),
    (Card::Trap(Trap::AutoRenewOn, 0), 1),
];

/// The shuffled cards of every customer of a world.
pub(super) fn deal(seed: u64, customers: usize) -> Vec<Card> {
    let mut draw = Draw::new(seed, DECK_STREAM);
    let mut dealt = Vec::with_capacity(customers + 100);
    while dealt.len() < customers {
        let mut deck: Vec<Card> =
            DECK.iter().flat_map(|(card, count)| std::iter::repeat_n(*card, *count)).collect();
        draw.shuffle(&mut deck);
        dealt.extend(deck);
    }
    dealt.truncate(customers);
    dealt
}

/// Streams below are the customers' own.
const DECK_STREAM: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deck_has_100_cards_and_every_trap_but_the_one_that_plans_carry_by_nature() {
        assert_eq!(DECK.iter().map(|(_, count)| count).sum::<usize>(), 100);
        for trap in Trap::ALL.into_iter().filter(|trap| *trap != Trap::SameSku) {
            assert!(DECK.iter().any(|(card, _)| matches!(card, Card::Trap(t, _) if *t == trap)), "{trap:?}");
        }
    }
}

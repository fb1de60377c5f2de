//! Refusals for good. Drawn for the customer first and for the resource then, so that their number follows the number of
//! customers: a customer of hundreds of users is not hundreds of times as likely to be refused.

use uuid::Uuid;

use super::Try;
use crate::api::operation::Operation;
use crate::state::ids;
use crate::world::{Fault, FaultLevel};

/// What the call is about to do, as far as a refusal depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Order,
    /// Suspension of a subscription that was there when the world began. One that was bought since is never refused, so
    /// that a purchase can always be undone.
    Suspension,
    Licenses,
}

/// The refusal that this customer's resource always meets, if any. It does not depend on the try: it is for good.
pub(crate) fn refused(level: FaultLevel, attempt: &Try<'_>, what: Refused) -> Option<Fault> {
    let customer = attempt.customer?;
    let of_ten_thousand = match level {
        FaultLevel::None => return None,
        FaultLevel::Light => 3,
        FaultLevel::Hostile => 1,
    };
    let drawn = ids::between(attempt.seed, "refusal", customer, 0, 9_999) * of_ten_thousand;
    let fault = |status, code, text: &str| Some(Fault::Refused { status, code, description: text.into() });
    match (what, drawn) {
        (Refused::Order, 0..30) => fault(400, 27_006, "The use limit of the offer is exceeded."),
        (Refused::Order, 30..50) => fault(403, 2085, "The offer is not eligible for purchase."),
        (Refused::Suspension, 50..90) => fault(400, 800_096, "The subscription status cannot be updated."),
        (Refused::Licenses, 90..140) if one_in_four(attempt, customer) => {
            fault(400, 800_002, "License assignment failed because the proxy address is already being used.")
        }
        _ => None,
    }
}

fn one_in_four(attempt: &Try<'_>, customer: Uuid) -> bool {
    debug_assert_eq!(attempt.operation, Operation::UpdateLicenses, "drawn for license updates alone");
    let user = Uuid::parse_str(attempt.resource).unwrap_or(customer);
    ids::between(attempt.seed, "refused user", user, 0, 3) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(customer: u128, what: Refused, n: u32) -> Option<Fault> {
        let customer = Uuid::from_u128(customer);
        let operation = match what {
            Refused::Order => Operation::PlaceOrder,
            Refused::Suspension => Operation::ChangeSubscription,
            Refused::Licenses => Operation::UpdateLicenses,
        };
        let user = Uuid::from_u128(7 + customer.as_u128() * 1000).to_string();
        let attempt = Try { seed: 5, customer: Some(customer), operation, resource: &user, n };
        refused(FaultLevel::Hostile, &attempt, what)
    }

    #[test]
    fn few_customers_meet_one_and_none_meets_two_kinds() {
        let kinds = [Refused::Order, Refused::Suspension, Refused::Licenses];
        let counts = (0..10_000)
            .map(|customer| kinds.iter().filter(|kind| met(customer, **kind, 1).is_some()).count());
        let counts: Vec<usize> = counts.collect();
        assert!(counts.iter().all(|count| *count <= 1));
        assert!((60..200).contains(&counts.iter().sum::<usize>()));
    }

    #[test]
    fn a_refusal_is_for_good() {
        let refused = (0..10_000).filter(|customer| met(*customer, Refused::Order, 1).is_some());
        for customer in refused {
            for n in 2..9 {
                assert_eq!(met(customer, Refused::Order, n), met(customer, Refused::Order, 1));
            }
        }
    }

    #[test]
    fn of_the_users_of_a_customer_some_are_refused_and_most_are_not() {
        let hit = |customer: u128, user: u128| {
            let user = Uuid::from_u128(user).to_string();
            let customer = Some(Uuid::from_u128(customer));
            let attempt =
                Try { seed: 5, customer, operation: Operation::UpdateLicenses, resource: &user, n: 1 };
            refused(FaultLevel::Hostile, &attempt, Refused::Licenses).is_some()
        };
        let customer =
            (0..10_000).find(|customer| (0..20).any(|user| hit(*customer, user))).expect("a refused one");
        let refused = (0..400).filter(|user| hit(customer, *user)).count();
        assert!((50..150).contains(&refused), "{refused} of 400");
    }
}

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

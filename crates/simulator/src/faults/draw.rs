//! The drawn faults: what share of the calls meets which of them.
//!
//! Every third try of one operation at one resource is left alone, so that retrying always ends.

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Try;
use crate::api::operation::Operation;
use crate::state::ids;
use crate::world::{Fault, FaultLevel};

/// The fault of this try, if any. Pure.
pub(crate) fn draw(level: FaultLevel, attempt: &Try<'_>) -> Option<Fault> {
    // Chances below are in ten thousandths of the calls at `hostile`; `light` has a third of each.
    let scale = match level {
        FaultLevel::None => return None,
        FaultLevel::Light => 3,
        FaultLevel::Hostile => 1,
    };
    if attempt.n.is_multiple_of(3) {
        return None;
    }
    if storms(attempt, scale) {
        let retry_after = generator(attempt, b"storm length").random_range(10..=60);
        return Some(Fault::Throttled { retry_after });
    }
    let mut random = generator(attempt, b"fault");
    let mut left = random.random_range(0..10_000_u32);
    for (chance, make) in table(attempt.operation) {
        let chance = chance / scale;
        if left < chance {
            return Some(make(&mut random));
        }
        left -= chance;
    }
    None
}

/// A storm of 429s: two tries in a row at every resource of one operation at one customer, for one in fifty of them.
/// Spared are operations on single users, of which there can be thousands: their throttling is drawn one by one.
fn storms(attempt: &Try<'_>, scale: u32) -> bool {
    use Operation::{GetUser, ListUserLicenses, UpdateLicenses};
    if matches!(attempt.operation, GetUser | ListUserLicenses | UpdateLicenses) || attempt.n > 2 {
        return false;
    }
    let place = Try { resource: "", n: 0, ..*attempt };
    generator(&place, b"storm").random_range(0..50 * scale) == 0
}

/// Whether a swap whose reading is not atomic is torn at this try.
pub(crate) fn swap_is_torn(attempt: &Try<'_>) -> bool {
    !attempt.n.is_multiple_of(3) && generator(attempt, b"swap").random_range(0..10_u32) == 0
}

fn generator(attempt: &Try<'_>, purpose: &[u8]) -> ChaCha8Rng {
    let customer = attempt.customer.unwrap_or_default();
    let parts: [&[u8]; 5] = [
        purpose,
        customer.as_bytes(),
        attempt.operation.name().as_bytes(),
        attempt.resource.as_bytes(),
        &attempt.n.to_le_bytes(),
    ];
    ChaCha8Rng::from_seed(ids::digest(attempt.seed, &parts))
}

type Maker = fn(&mut ChaCha8Rng) -> Fault;

fn table(operation: Operation) -> &'static [(u32, Maker)] {
    match operation {
        Operation::PlaceOrder => &ORDER,
        Operation::ChangeSubscription => &PATCH,
        Operation::UpdateLicenses => &LICENSES,
        Operation::CreateCart | Operation::ChangeCart => &CART,
        Operation::CheckOutCart => &CHECKOUT,
        _ => &READ,
    }
}

/// 16 of a hundred.
static READ: [(u32, Maker); 5] =
    [(750, server_error), (150, gateway_page), (450, slow), (100, throttled), (150, |_| Fault::LostBefore)];

/// 17.7 of a hundred; 5 lose the answer of a change that took or will take effect.
static ORDER: [(u32, Maker); 8] = [
    (600, server_error),
    (100, gateway_page),
    (250, slow),
    (100, throttled),
    (200, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (200, late),
    (20, |_| Fault::ProvisioningFails),
];

/// 29.5 of a hundred, of which ten are 202s that end well.
static PATCH: [(u32, Maker); 9] = [
    (400, server_error),
    (100, gateway_page),
    (250, slow),
    (100, throttled),
    (400, |_| Fault::StaleEtag),
    (200, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (200, late),
    (1000, |random| Fault::Accepted { seconds: random.random_range(5..=120) }),
];

/// 16.5 of a hundred; 4 lose the answer of a change that took or will take effect.
static LICENSES: [(u32, Maker); 7] = [
    (600, server_error),
    (100, gateway_page),
    (250, slow),
    (100, throttled),
    (200, |_| Fault::LostBefore),
    (250, |_| Fault::LostAfter),
    (150, late),
];

/// 17.5 of a hundred; 4 lose the answer of a cart that is or will be there.
static CART: [(u32, Maker); 8] = [
    (600, server_error),
    (100, gateway_page),
    (250, slow),
    (100, throttled),
    (100, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (100, late),
    (200, |_| Fault::LineError),
];

/// 21.2 of a hundred; 5 lose the answer of a checkout that took or will take effect.
static CHECKOUT: [(u32, Maker); 10] = [
    (600, server_error),
    (100, gateway_page),
    (250, slow),
    (100, throttled),
    (200, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (200, late),
    (20, |_| Fault::ProvisioningFails),
    (150, |_| Fault::CartExpired),
    (200, |_| Fault::CatalogueChanged),
];

fn server_error(random: &mut ChaCha8Rng) -> Fault {
    Fault::ServerError { status: pick(random, &[500, 502, 503, 504]) }
}

fn gateway_page(random: &mut ChaCha8Rng) -> Fault {
    Fault::GatewayPage { status: pick(random, &[502, 503, 504]) }
}

fn slow(random: &mut ChaCha8Rng) -> Fault {
    Fault::Slow { seconds: random.random_range(2..=20) }
}

fn throttled(random: &mut ChaCha8Rng) -> Fault {
    Fault::Throttled { retry_after: random.random_range(2..=30) }
}

fn late(random: &mut ChaCha8Rng) -> Fault {
    Fault::LostLate { seconds: random.random_range(5..=240) }
}

fn pick(random: &mut impl Rng, of: &[u16]) -> u16 {
    of[random.random_range(0..of.len())]
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn attempt(resource: &str, n: u32) -> Try<'_> {
        let customer = Some(Uuid::from_u128(1));
        Try { seed: 11, customer, operation: Operation::UpdateLicenses, resource, n }
    }

    #[test]
    fn a_draw_depends_on_what_is_tried_and_on_nothing_else() {
        let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let draws =
            || -> Vec<_> { names.iter().map(|name| draw(FaultLevel::Hostile, &attempt(name, 1))).collect() };
        assert_eq!(draws(), draws());
        assert!(draws().iter().any(Option::is_some) && draws().iter().any(Option::is_none));
    }

    #[test]
    fn every_third_try_is_left_alone_and_none_is_disturbed_at_none() {
        for n in 1..600 {
            let name = n.to_string();
            assert_eq!(draw(FaultLevel::Hostile, &attempt(&name, 3)), None);
            assert_eq!(draw(FaultLevel::None, &attempt(&name, 1)), None);
        }
    }

    #[test]
    fn light_draws_no_fault_where_hostile_draws_none() {
        for n in 0..600 {
            let name = n.to_string();
            let calm = draw(FaultLevel::Hostile, &attempt(&name, 1)).is_none();
            assert!(!calm || draw(FaultLevel::Light, &attempt(&name, 1)).is_none(), "{name}");
        }
    }

    #[test]
    fn a_late_change_lands_within_240_seconds() {
        let late = (0..5000_u32).filter_map(|n| {
            let name = n.to_string();
            match draw(FaultLevel::Hostile, &attempt(&name, 1)) {
                Some(Fault::LostLate { seconds }) => Some(seconds),
                _ => None,
            }
        });
        let late: Vec<u32> = late.collect();
        assert!(late.len() > 20, "{late:?}");
        assert!(late.iter().all(|seconds| (1..=240).contains(seconds)), "{late:?}");
    }

    #[test]
    fn carts_and_checkouts_have_faults_of_their_own_and_share_none() {
        let kinds = |operation| {
            let customer = Some(Uuid::from_u128(1));
            let drawn = (0..3000_u32).filter_map(|n| {
                let resource = n.to_string();
                let attempt = Try { seed: 11, customer, operation, resource: &resource, n: 1 };
                draw(FaultLevel::Hostile, &attempt).map(|fault| crate::faults::inject::kind(&fault))
            });
            drawn.collect::<std::collections::BTreeSet<_>>()
        };
        let cart = kinds(Operation::CreateCart);
        let checkout = kinds(Operation::CheckOutCart);
        let order = kinds(Operation::PlaceOrder);
        assert!(cart.contains("line_error") && !checkout.contains("line_error"));
        for own in ["cart_expired", "catalogue_changed"] {
            assert!(checkout.contains(own) && !cart.contains(own) && !order.contains(own), "{own}");
        }
        assert!(order.is_subset(&checkout), "whatever befalls an order befalls a checkout");
    }

    #[test]
    fn a_storm_hits_two_tries_in_a_row_at_every_resource() {
        let at = |customer: u128, resource, n| {
            let customer = Some(Uuid::from_u128(customer));
            let attempt = Try { seed: 11, customer, operation: Operation::GetSubscription, resource, n };
            matches!(draw(FaultLevel::Hostile, &attempt), Some(Fault::Throttled { .. }))
        };
        let stormy = (0..2000).filter(|customer| {
            ["a", "b", "c"]
                .into_iter()
                .all(|resource| at(*customer, resource, 1) && at(*customer, resource, 2))
        });
        assert!((20..70).contains(&stormy.count()));
    }
}

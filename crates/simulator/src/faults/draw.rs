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
        _ => &READ,
    }
}

/// 15 of a hundred.
static READ: [(u32, Maker); 5] =
    [(600, server_error), (150, gateway_page), (350, slow), (250, throttled), (150, |_| Fault::LostBefore)];

/// 18.2 of a hundred; 5 lose the answer of a change that took or will take effect.
static ORDER: [(u32, Maker); 8] = [
    (500, server_error),
    (100, gateway_page),
    (250, slow),
    (250, throttled),
    (200, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (200, late),
    (20, |_| Fault::ProvisioningFails),
];

/// 31 of a hundred, of which ten are 202s that end well.
static PATCH: [(u32, Maker); 9] = [
    (400, server_error),
    (100, gateway_page),
    (250, slow),
    (250, throttled),
    (400, |_| Fault::StaleEtag),
    (200, |_| Fault::LostBefore),
    (300, |_| Fault::LostAfter),
    (200, late),
    (1000, |random| Fault::Accepted { seconds: random.random_range(5..=120) }),
];

/// 17 of a hundred.
static LICENSES: [(u32, Maker); 7] = [
    (500, server_error),
    (100, gateway_page),
    (250, slow),
    (250, throttled),
    (200, |_| Fault::LostBefore),
    (250, |_| Fault::LostAfter),
    (150, late),
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
    Fault::Throttled { retry_after: random.random_range(2..=60) }
}

fn late(random: &mut ChaCha8Rng) -> Fault {
    Fault::LostLate { seconds: random.random_range(5..=240) }
}

fn pick(random: &mut impl Rng, of: &[u16]) -> u16 {
    of[random.random_range(0..of.len())]
}

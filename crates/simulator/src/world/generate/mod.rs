//! A world made from a seed: customers, subscriptions, users and traps, as skewed and as uneven as real ones.
//!
//! What is promised (a test each): the same seed makes the same world; every kind of trap at least twice in 200 customers;
//! at least 30 % of the retired subscriptions carry one; users per subscription have a median near 6 with one in twenty
//! above 100, and one customer in 1,000 has 5,000; at least half of all users and of all subscriptions have nothing to do
//! with the job. Nothing here is a hint to the engine: names, sizes and dates of trapped customers look like the others'.

mod customers;
mod deck;
mod draw;
mod names;
mod sizes;
mod sold;
mod tenant;
mod traps;
mod unrelated;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::sizes::Sizes;
pub use self::sold::Sold;
use super::{Faults, Lags, Partner, Readings, World, truth};

/// The virtual time at which a generated world begins: two months after the offers were retired, a Friday morning.
const START: &str = "2019-03-01T08:00:00Z";

/// What can be asked of a generated world beside its seed and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How the replacements are sold.
    pub sold: Sold,
}

/// Makes a world of legacy commerce. Faults are `none`; whoever wants others sets `world.faults.level`.
#[must_use]
pub fn generate(seed: u64, customers: usize) -> World {
    generate_with(seed, customers, Options::default())
}

/// Makes a world. The options change what is sold, never who the customers are.
#[must_use]
pub fn generate_with(seed: u64, customers: usize, options: Options) -> World {
    let start: Timestamp = START.parse().expect("a constant");
    // Both kinds of partner occur: an indirect provider must name the reseller of record on its orders.
    let partner = Partner { indirect_provider: seed % 2 == 1, ..Partner::default() };
    let mut plan = Plan {
        seed,
        start,
        indirect: partner.indirect_provider,
        retired_sizes: Sizes::new(seed, u64::MAX - 1),
        other_sizes: Sizes::new(seed, u64::MAX - 2),
    };
    let cards = deck::deal(seed, customers);
    let customers = cards
        .into_iter()
        .enumerate()
        .map(|(index, card)| customers::customer(&mut plan, index, card))
        .collect();
    let (new_commerce, offers) = sold::catalogue(options.sold);
    let mut world = World {
        version: 1,
        seed,
        start,
        partner,
        readings: Readings::default(),
        faults: Faults::default(),
        budgets_per_minute: BTreeMap::new(),
        lags: Lags::default(),
        skus: Vec::new(),
        offers,
        new_commerce,
        customers,
    };
    truth::fill(&mut world);
    world
}

/// What the customers of one world have in common.
#[derive(Debug)]
struct Plan {
    seed: u64,
    start: Timestamp,
    indirect: bool,
    retired_sizes: Sizes,
    other_sizes: Sizes,
}

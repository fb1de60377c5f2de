//! What a generated world promises, and what a world file is told when it is wrong.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_simulator::world::trap::Trap;
use seatshift_simulator::world::{Act, Catalogue, Subscription, World, generate, truth, validate};
use uuid::Uuid;

const SEEDS: [u64; 4] = [1, 2, 42, 20_190_301];

fn subscriptions(world: &World) -> impl Iterator<Item = &Subscription> {
    world.customers.iter().flat_map(|customer| &customer.subscriptions)
}

/// Subscriptions that the job is about: the retired ones and the near misses.
fn of_the_job(world: &World) -> impl Iterator<Item = &Subscription> {
    subscriptions(world).filter(|subscription| subscription.truth.is_some())
}

fn by_trap(world: &World) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for trap in subscriptions(world).flat_map(|subscription| &subscription.traps) {
        *counts.entry(trap.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn every_kind_of_trap_occurs_at_least_twice_in_200_customers() {
    for seed in SEEDS {
        let world = generate(seed, 200);
        let counts = by_trap(&world);
        for trap in Trap::ALL {
            let count = counts.get(trap.name()).copied().unwrap_or_default();
            assert!(count >= 2, "seed {seed}: {} occurs {count} times", trap.name());
        }
    }
}

#[test]
fn at_least_three_retired_subscriptions_in_ten_carry_a_trap() {
    for seed in SEEDS {
        let world = generate(seed, 200);
        let all = of_the_job(&world).count();
        let trapped = of_the_job(&world).filter(|subscription| !subscription.traps.is_empty()).count();
        assert!(trapped * 10 >= all * 3, "seed {seed}: {trapped} of {all}");
        assert!((120..=170).contains(&all), "seed {seed}: {all} retired subscriptions in 200 customers");
    }
}

#[test]
fn users_per_subscription_are_skewed() {
    for seed in SEEDS {
        let mut sizes = Vec::new();
        for customer in &generate(seed, 400).customers {
            let mut seen = BTreeSet::new();
            for subscription in &customer.subscriptions {
                let offer = &Catalogue::shipped().offers[&subscription.offer];
                if offer.add_on || offer.trial || !seen.insert(offer.sku) {
                    continue;
                }
                let holds = |user: &&seatshift_simulator::world::User| {
                    user.licenses.iter().any(|l| l.sku == offer.sku)
                };
                match customer.users.iter().filter(holds).count() {
                    0 => {}
                    users => sizes.push(users),
                }
            }
        }
        sizes.sort_unstable();
        let median = sizes[sizes.len() / 2];
        let above = sizes.iter().filter(|size| **size > 100).count() * 100 / sizes.len();
        assert!((4..=9).contains(&median), "seed {seed}: median {median}");
        assert!((3..=8).contains(&above), "seed {seed}: {above} % above 100");
    }
}

#[test]
fn one_customer_in_a_thousand_has_5000_users_to_move() {
    let world = generate(3, 1000);
    let giants = world.customers.iter().filter(|customer| customer.users.len() >= 10_000).count();
    assert_eq!(giants, 1);
    let giant = world.customers.last().unwrap();
    let retired = giant.subscriptions.iter().find(|subscription| subscription.truth.is_some()).unwrap();
    assert_eq!(retired.truth.as_ref().unwrap().act, Act::Move);
    let sku = Catalogue::shipped().offers[&retired.offer].sku;
    assert_eq!(giant.users.iter().filter(|user| user.licenses.iter().any(|l| l.sku == sku)).count(), 5000);
}

#[test]
fn at_least_half_of_all_users_and_subscriptions_have_nothing_to_do_with_the_job() {
    for (seed, customers) in [(1, 3), (2, 200), (5, 1000)] {
        let world = generate(seed, customers);
        let (mut users, mut related_users) = (0, 0);
        let (mut all, mut related) = (0, 0);
        for customer in &world.customers {
            let catalogue = Catalogue::shipped();
            let skus: BTreeSet<Uuid> = customer
                .subscriptions
                .iter()
                .filter(|subscription| subscription.truth.is_some())
                .map(|subscription| catalogue.offers[&subscription.offer].sku)
                .collect();
            users += customer.users.len();
            related_users += customer
                .users
                .iter()
                .filter(|user| user.licenses.iter().any(|l| skus.contains(&l.sku)))
                .count();
            all += customer.subscriptions.len();
            related += customer
                .subscriptions
                .iter()
                .filter(|s| s.parent.is_some() || skus.contains(&catalogue.offers[&s.offer].sku))
                .count();
        }
        assert!(related_users * 2 <= users, "seed {seed}: {related_users} of {users} users");
        assert!(related * 2 <= all, "seed {seed}: {related} of {all} subscriptions");
    }
}

#[test]
fn the_same_seed_makes_the_same_world_and_another_seed_another() {
    assert_eq!(generate(9, 60), generate(9, 60));
    assert_ne!(generate(9, 60).customers, generate(10, 60).customers);
}

#[test]
fn a_generated_world_has_no_fault() {
    for seed in SEEDS {
        if let Err(error) = validate(&generate(seed, 200)) {
            panic!("seed {seed}: {error}");
        }
    }
}

#[test]
fn every_truth_occurs_and_agrees_with_the_trap_that_was_laid() {
    use Trap::*;
    let leaves = [SuspendedAlready, ExpiredAlready, EndingTomorrow];
    let asks = [
        SharedPoolRetired,
        GroupAssigned,
        MissingUsageLocation,
        AddOns,
        TrialInPool,
        MissingAgreement,
        NoTargetInSegment,
        NearMissName,
    ];
    let moves = [QuantityFarFromUse, AutoRenewOn];
    for seed in SEEDS {
        let world = generate(seed, 200);
        for subscription in of_the_job(&world) {
            let truth = subscription.truth.as_ref().unwrap();
            let carries =
                |traps: &[Trap]| subscription.traps.iter().any(|name| traps.iter().any(|t| t.name() == name));
            // Several Customer Engagement Plans in one pool move one by one: nobody is reassigned.
            let several_plans = carries(&[SharedPoolRetired]) && carries(&[SameSku]);
            let expected = if carries(&leaves) {
                Some(Act::Leave)
            } else if carries(&asks) && !several_plans {
                Some(Act::Ask)
            } else if carries(&moves) || several_plans || subscription.traps.is_empty() {
                Some(Act::Move)
            } else {
                None
            };
            if let Some(expected) = expected {
                assert_eq!(truth.act, expected, "seed {seed}: {:?}: {}", subscription.traps, truth.reason);
            }
        }
        for act in [Act::Move, Act::Leave, Act::Ask] {
            assert!(
                of_the_job(&world).any(|s| s.truth.as_ref().is_some_and(|t| t.act == act)),
                "seed {seed}: {act:?}"
            );
        }
    }
}

#[test]
fn the_truth_is_computed_from_the_world_alone() {
    let world = generate(4, 100);
    for customer in &world.customers {
        for subscription in &customer.subscriptions {
            assert_eq!(truth::of(&world, customer.id, subscription.id), subscription.truth);
        }
    }
}

//! A world as it stands begins again where it stood.

use std::sync::Arc;

use seatshift_simulator::world::{self, World};
use seatshift_simulator::{Simulator, TokioClock};

/// Without what a new beginning changes.
fn comparable(mut world: World) -> World {
    world.seed = 0;
    for subscription in world.customers.iter_mut().flat_map(|customer| &mut customer.subscriptions) {
        subscription.order = None;
        subscription.created = None;
    }
    for customer in &mut world.customers {
        customer.subscriptions.sort_by_key(|one| one.id);
        customer.users.sort_by_key(|one| one.id);
        for user in &mut customer.users {
            user.licenses.sort_by_key(|one| (one.sku, one.group));
            user.licenses.iter_mut().for_each(|license| license.disabled.sort());
        }
    }
    world.customers.sort_by_key(|customer| customer.id);
    world
}

#[tokio::test(start_paused = true)]
async fn a_world_that_nobody_touched_stands_as_it_began() {
    let begin =
        |world: &World| Simulator::new(world.clone(), Arc::new(TokioClock::new(world.start))).unwrap();
    let world = world::generate(3, 60);
    let stands = begin(&world).as_it_stands();
    assert_ne!(stands.seed, world.seed, "new ids must not be those that were given before");
    let orders = |world: &World| {
        let all = world.customers.iter().flat_map(|customer| &customer.subscriptions);
        all.map(|one| (one.id, one.order)).collect::<std::collections::BTreeMap<_, _>>()
    };
    let again = begin(&stands).as_it_stands();
    assert_eq!(orders(&again), orders(&stands), "orders keep their ids");
    assert_eq!(comparable(again), comparable(stands.clone()));
    assert_eq!(comparable(stands), comparable(world));
}

//! What nobody can know of the real service, and what partners set differently, drawn from the seed.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_bus::faults::{Duplicating, Reordering};
use seatshift_bus::{Bus, LocalBus};
use seatshift_messages::{OnRefusal, Policy, SwapMode};
use seatshift_simulator::world::{
    CommerceReadings, DisabledPlans, Fault, Injection, Readings, RepeatedRequestId, Swap, World,
};

use crate::partner::Partner;

struct Draw(ChaCha12Rng);

impl Draw {
    fn of(seed: u64, what: u64) -> Self {
        Draw(ChaCha12Rng::seed_from_u64(seed ^ (what << 32)))
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let len = of.len() as u64;
        of[usize::try_from(self.0.next_u64() % len).unwrap_or(0)].clone()
    }

    fn coin(&mut self) -> bool {
        self.one(&[true, false])
    }
}

/// Draws the readings of a world, and a few refusals for good.
pub(crate) fn world(world: &mut World, seed: u64) {
    let mut draw = Draw::of(seed, 1);
    world.readings = readings(&mut draw);
    let customers: Vec<_> = world.customers.iter().map(|customer| customer.id).collect();
    for _ in 0..2 {
        let customer = draw.one(&customers);
        let (operation, status, code) = draw.one(&[
            ("place_order", 403, 2091),
            ("place_order", 403, 13605),
            ("change_subscription", 400, 800_096),
            ("update_licenses", 400, 800_002),
            ("update_licenses", 403, 900_308),
        ]);
        world.faults.injections.push(Injection {
            customer: Some(customer),
            operation: operation.to_owned(),
            resource: None,
            from_try: draw.one(&[1, 1, 2, 3]),
            times: 0,
            fault: Fault::Refused { status, code, description: "drawn for the trial".to_owned() },
        });
    }
}

fn readings(draw: &mut Draw) -> Readings {
    use RepeatedRequestId::{Conflict, Ignore, Replay};
    Readings {
        repeated_request_id: draw.one(&[Replay, Ignore, Conflict]),
        swap: draw.one(&[Swap::Atomic, Swap::SometimesRemoveOnly, Swap::SometimesAssignOnly]),
        disabled_plans: draw.one(&[DisabledPlans::Missing, DisabledPlans::ListedAsDeleted]),
        reactivation_restores_add_ons: draw.coin(),
        patch_without_etag: draw.coin(),
        stale_etag_is_412: draw.coin(),
        codes_as_strings: draw.coin(),
        graph_audience_accepted: draw.coin(),
        byte_order_mark: draw.coin(),
        users_page_cap: draw.one(&[0, 7]),
        links_omitted: draw.coin(),
        // Where it is not refused nothing at all shows that a license comes from a group: no engine can ask then.
        group_removal_refused: true,
        removing_missing_sku_refused: draw.coin(),
        unknown_excluded_plan_refused: draw.coin(),
        new_commerce: CommerceReadings::default(),
    }
}

/// Draws the policies of a partner. A partner who cannot trust one call to do both halves says so in the configuration.
pub(crate) fn partner(partner: &mut Partner, seed: u64) {
    let mut draw = Draw::of(seed, 2);
    let policies = [OnRefusal::Park, OnRefusal::Rollback];
    let atomic = partner.world.readings.swap == Swap::Atomic;
    partner.settings.policy = Policy {
        on_suspension_refused: draw.one(&policies),
        on_user_refused: draw.one(&policies),
        roll_back_up_to: draw.one(&[0, 2, 25]),
        swap: if atomic && draw.coin() { SwapMode::OneCall } else { SwapMode::AddThenRemove },
    };
    partner.shaky_bus = draw.coin().then_some(seed);
}

/// A bus that repeats every event and mixes up what it delivers.
pub(crate) fn shaky_bus(seed: u64) -> Arc<dyn Bus> {
    let local: Arc<dyn Bus> = Arc::new(LocalBus::new(128));
    Arc::new(Reordering::new(Arc::new(Duplicating::new(local, seed, 1)), seed, 3))
}

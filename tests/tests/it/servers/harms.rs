//! Services are killed while migrations are in flight; then everything must stand as if nothing had been.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_messages::Service;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Operator as _};

use super::wave::{PATIENCE, Wave, assert_clean, in_flight, options};

#[test]
fn services_that_are_killed_lose_nothing_and_repeat_nothing() {
    let mut cluster = Cluster::start(options(31));
    cluster.plan(1);
    let wave = Wave::begin(&cluster, 1);
    for service in Service::ALL {
        cluster.kill_and_restart(service, 0);
    }
    // Both at the same time.
    for service in Service::ALL {
        cluster.replica(service, 0).kill();
        cluster.replica(service, 1).kill();
        cluster.start_replica(service, 0);
        cluster.start_replica(service, 1);
    }
    let mut draw = ChaCha12Rng::seed_from_u64(31);
    let mut calls = cluster.simulated.changing_calls();
    for _ in 0..6 {
        // After some more work each time, so that they fall anywhere.
        let target = calls + 1 + draw.next_u64() % 60;
        until(
            PATIENCE,
            || "more work".to_owned(),
            || {
                calls = cluster.simulated.changing_calls();
                (calls >= target || in_flight(&cluster) == 0).then_some(())
            },
        );
        let service = Service::ALL[(draw.next_u64() % 4) as usize];
        cluster.kill_and_restart(service, (draw.next_u64() % 2) as usize);
    }
    wave.end(&cluster);
    assert_clean(&mut cluster);
}

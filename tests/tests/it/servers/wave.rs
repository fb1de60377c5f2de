//! What the harms have in common: a wave of migrations in flight, and what must hold when it has ended.

use std::process::Child;
use std::time::Duration;

use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Options, Ran};

/// Rows under way at the same time.
const IN_FLIGHT: u64 = 300;
/// So many must have begun before harm is done.
const ENOUGH: u64 = 15;
/// Simulated seconds in a real one.
const SCALE: u32 = 300;
/// For one wave to come to its end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(480);

pub(crate) fn options(seed: u64) -> Options {
    let mut options = Options::new(seed, 200, "hostile");
    // Slow enough that lags and horizons keep many in flight at the same time.
    options.scale = SCALE;
    options
        .with("RUN__MAX_IN_FLIGHT", &IN_FLIGHT.to_string())
        .with("RUN__STOP_AFTER_FIRST", "0")
        .with("RUN__STOP_PERCENT", "0")
}

/// A wave that was begun, and is under way.
pub(crate) struct Wave {
    apply: Child,
}

impl Wave {
    /// Applies the rows of this wave, and waits until many are in the middle of it.
    pub(crate) fn begin(cluster: &Cluster, wave: usize) -> Wave {
        let before = cluster.simulated.changing_calls();
        let apply =
            cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json", "--wave", &wave.to_string()]);
        until(
            PATIENCE,
            || "many migrations in flight".to_owned(),
            || (in_flight(cluster) >= ENOUGH && cluster.simulated.changing_calls() > before).then_some(()),
        );
        Wave { apply }
    }

    /// Waits until nothing more happens by itself.
    pub(crate) fn end(mut self, cluster: &Cluster) {
        until(
            PATIENCE,
            || format!("the end of the wave: {} in flight; {}", in_flight(cluster), cluster.remains()),
            || self.apply.try_wait().expect("a child can be asked for"),
        );
        Ran::of(self.apply.wait_with_output().expect("it has ended")).ends(&[0, 3]);
    }
}

/// Migrations that were requested and have no verdict yet, as control's ledgers say.
pub(crate) fn in_flight(cluster: &Cluster) -> u64 {
    cluster.count("select count(*) from control.ledger where stage::jsonb ->> 'stage' = 'running' or stage::jsonb -> 'stage' ? 'running'")
}

#[track_caller]
pub(crate) fn assert_clean(cluster: &mut Cluster) {
    let judged = cluster.judge();
    eprintln!("verdicts: {:?}", judged.verdicts);
    assert!(judged.verdicts.get("completed").is_some_and(|completed| *completed > 0), "{judged:?}");
    assert!(judged.complaints.is_empty(), "{:#?}", judged.complaints);
}

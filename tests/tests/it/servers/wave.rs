//! What the harms have in common: a wave of migrations in flight, and what must hold when it has ended.

use std::process::Child;
use std::time::Duration;

use seatshift_messages::Service;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Options, Ran};

/// How much is in flight when harm is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sea {
    /// Of the world, for each wave that the plan is cut into. About half of them have something to migrate.
    pub customers: usize,
    /// Simulated seconds in a real one: the slower, the more migrations wait for lags at the same time.
    pub scale: u32,
    /// Rows that may be under way at the same time.
    pub most: u64,
    /// So many must be before harm is done.
    pub enough: u64,
    /// Whether they gather before a service that does not run. The quota lets rows begin at a certain rate, and those that
    /// began first have ended long before so many are under way by themselves.
    pub gathers: bool,
}

/// For every run of the tests, and for a harm that is looked at by hand.
pub(crate) const SMALL: Sea = Sea { customers: 100, scale: 300, most: 300, enough: 15, gathers: false };
/// Hundreds.
pub(crate) const LARGE: Sea = Sea { customers: 600, scale: 150, most: 400, enough: 200, gathers: true };

/// For one wave to come to its end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(480);

impl Sea {
    pub(crate) fn options(self, seed: u64, waves: usize) -> Options {
        let mut options = Options::new(seed, self.customers * waves, "hostile");
        options.scale = self.scale;
        options
            .with("RUN__MAX_IN_FLIGHT", &self.most.to_string())
            .with("RUN__STOP_AFTER_FIRST", "0")
            .with("RUN__STOP_PERCENT", "0")
    }
}

/// A wave that was begun, and is under way.
pub(crate) struct Wave {
    apply: Child,
}

impl Wave {
    /// Applies the rows of this wave.
    pub(crate) fn launch(cluster: &Cluster, wave: usize) -> Wave {
        let wave = wave.to_string();
        Wave { apply: cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json", "--wave", &wave]) }
    }

    /// The same, and waits until many are in the middle of it.
    pub(crate) fn begin(cluster: &mut Cluster, sea: Sea, wave: usize) -> Wave {
        let held: &[usize] = if sea.gathers { &[0, 1] } else { &[] };
        held.iter().for_each(|replica| cluster.replica(Service::Reassignment, *replica).kill());
        let begun = Wave::launch(cluster, wave);
        begun.until_enough(cluster, sea);
        let before = cluster.simulated.changing_calls();
        held.iter().for_each(|replica| cluster.start_replica(Service::Reassignment, *replica));
        until(
            PATIENCE,
            || "a call that changes something".to_owned(),
            || (cluster.simulated.changing_calls() > before).then_some(()),
        );
        eprintln!("wave {wave}: harm begins with {} in flight", in_flight(cluster));
        begun
    }

    pub(crate) fn until_enough(&self, cluster: &Cluster, sea: Sea) {
        until(
            PATIENCE,
            || format!("{} migrations in flight; {} are", sea.enough, in_flight(cluster)),
            || (in_flight(cluster) >= sea.enough).then_some(()),
        );
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

//! Writes the state of this build in the middle of a run, for the builds that come after it to take over.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Operator as _, Options};

/// Takes a snapshot of a running system of this build.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to: `tests/snapshots/<version>`.
    folder: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let mut cluster = Cluster::start(Options::new(61, 12, "light"));
    cluster.plan(1);
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes"]);
    until(
        Duration::from_secs(120),
        || "work".to_owned(),
        || (cluster.simulated.changing_calls() >= 10).then_some(()),
    );
    cluster.take_snapshot(&arguments.folder);
    // It waits for a control that is gone.
    apply.kill().ok();
    apply.wait().ok();
    println!("{}", arguments.folder.display());
}

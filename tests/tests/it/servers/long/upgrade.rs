//! This build takes over what the last released one has left, in the middle of a run.

use std::path::Path;

use seatshift_tests::cluster::{Cluster, Operator as _, Options};

#[test]
fn a_run_that_the_last_release_began_is_brought_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/0.1.0");
    let mut cluster = Cluster::take_over(&folder, Options::new(61, 0, "light"));
    cluster.run(&["apply", "plan.csv", "--yes"]).ends(&[0, 3]);
    let judged = cluster.judge();
    assert!(judged.verdicts.get("completed").is_some_and(|completed| *completed > 3), "{judged:?}");
    assert!(judged.complaints.is_empty(), "{:#?}", judged.complaints);
}

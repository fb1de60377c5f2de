//! This build takes over what the last released one has left, in the middle of a run.

use std::path::{Path, PathBuf};

use seatshift_tests::cluster::{Cluster, Operator as _, Options};

/// The newest of `tests/snapshots`, by version.
fn newest() -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let version = |folder: &PathBuf| -> Vec<u64> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split('.').map(|number| number.parse().expect("a folder is named after its version")).collect()
    };
    let folders =
        std::fs::read_dir(&all).expect("tests/snapshots").map(|entry| entry.expect("an entry").path());
    folders.max_by_key(version).expect("a release has left a snapshot (cargo xtask snapshot)")
}

#[test]
fn a_run_that_the_last_release_began_is_brought_to_its_end() {
    let mut options = Options::new(61, 0, "light");
    options.replicas = 1;
    let mut cluster = Cluster::take_over(&newest(), options);
    cluster.run(&["apply", "plan.csv", "--yes"]).ends(&[0, 3]);
    let judged = cluster.judge();
    assert!(judged.verdicts.get("completed").is_some_and(|completed| *completed > 3), "{judged:?}");
    assert!(judged.complaints.is_empty(), "{:#?}", judged.complaints);
}

//! The house: which room may know which (the table in ARCHITECTURE.md), held over what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may know whom, in normal dependencies. `cli` and `tests` may know all.
const MAY_KNOW: [(&str, &[&str]); 14] = [
    ("messages", &[]),
    ("catalog", &[]),
    ("partner-center", &[]),
    ("simulator", &[]),
    // Private servers for tests and the stack: knows programs of Debian, nothing of ours.
    ("servers", &[]),
    ("xtask", &["servers"]),
    ("store", &["messages"]),
    ("bus", &["messages"]),
    ("host", &["messages", "store", "bus"]),
    ("edge", &["messages", "host", "partner-center", "store"]),
    ("purchase", &["messages", "host", "partner-center", "edge"]),
    ("reassignment", &["messages", "host", "partner-center", "edge"]),
    ("suspension", &["messages", "host", "partner-center", "edge"]),
    // Control also asks the store what stands, for people and other processes, and the broker for its dead letters.
    ("control", &["messages", "host", "partner-center", "catalog", "edge", "store", "bus"]),
];

/// Crates that only one room may use, because everything else goes through that room.
const KEPT_IN: [(&str, &[&str]); 4] = [
    ("lapin", &["bus"]),
    // The command speaks to control's own API.
    ("reqwest", &["partner-center", "cli"]),
    ("sqlx", &["store"]),
    ("backoff", &["partner-center"]),
];

/// Dependencies (not for tests alone) of every package of the workspace.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).expect("cargo speaks JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let packages = told["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let used = all.iter().filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), used.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn every_room_knows_only_the_rooms_it_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    for (package, used) in dependencies() {
        let room =
            package.strip_prefix("seatshift-").expect("every package is named after the project").to_owned();
        if room == "cli" || room == "tests" {
            continue;
        }
        let may =
            rules.get(room.as_str()).unwrap_or_else(|| panic!("{package} has no rule: who may it know?"));
        for other in used.iter().filter_map(|name| name.strip_prefix("seatshift-")) {
            assert!(may.contains(&other), "{package} uses seatshift-{other}");
        }
    }
}

#[test]
fn what_speaks_to_the_outside_is_kept_in_one_room() {
    for (package, used) in dependencies() {
        for (foreign, rooms) in KEPT_IN {
            let room = package.trim_start_matches("seatshift-");
            assert!(!used.contains(foreign) || rooms.contains(&room), "{package} uses {foreign}");
        }
    }
}

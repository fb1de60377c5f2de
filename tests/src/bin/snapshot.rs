//! Writes the state of this build in the middle of a run, for the builds that come after it to take over.

use std::path::PathBuf;

use clap::Parser;
use seatshift_simulator::world::{self, World};
use seatshift_tests::cluster::{Cluster, Operator as _, Options, process};

/// Takes a snapshot of a running system of this build.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to: `tests/snapshots/<version>`.
    folder: PathBuf,
}

/// Customers, and users of each: what is committed stays small.
const CUSTOMERS: usize = 40;
const USERS: usize = 9;

fn main() {
    let arguments = Arguments::parse();
    let mut options =
        Options::new(61, 0, "light").with("RUN__STOP_AFTER_FIRST", "0").with("RUN__STOP_PERCENT", "0");
    options.world = Some(small());
    // Slow, so that there is something to be in the middle of.
    options.scale = 200;
    options.replicas = 1;
    let mut cluster = Cluster::start(options);
    cluster.plan(6);
    cluster.take_snapshot(&arguments.folder);
    println!("{}", arguments.folder.display());
}

/// The small customers of a bigger world.
fn small() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let mut make = process::command("seatshift", folder.path());
    make.args([
        "simulator",
        "--write-world",
        "world.json",
        "--faults",
        "light",
        "--seed",
        "61",
        "--customers",
        "160",
    ]);
    assert!(make.output().expect("the simulator runs").status.success(), "no world");
    let mut world = world::read(&folder.path().join("world.json")).expect("a world");
    world.customers.retain(|customer| customer.users.len() <= USERS);
    world.customers.truncate(CUSTOMERS);
    assert_eq!(world.customers.len(), CUSTOMERS);
    world
}

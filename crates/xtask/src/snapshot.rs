//! `cargo xtask snapshot`: the state of this version in the middle of a run, for the versions after it to take over.

use anyhow::Result;

use crate::run::{cargo, root, succeed};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write it over one of this version that is there.
    #[arg(long)]
    again: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = format!("tests/snapshots/{}", env!("CARGO_PKG_VERSION"));
    if root()?.join(&folder).exists() && !arguments.again {
        anyhow::bail!(
            "{folder} is there already, and what was released does not change; a version that is not released yet is \
             written again with --again"
        );
    }
    let mut snapshot = cargo()?;
    snapshot.args(["run", "--quiet", "--package", "seatshift-tests", "--bin", "snapshot", "--", &folder]);
    succeed(&mut snapshot)
}

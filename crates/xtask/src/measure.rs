//! `cargo xtask bench` and `cargo xtask soak`: what the distributed mode costs, and whether it stays small, on release builds.

use std::path::PathBuf;

use anyhow::Result;
use seatshift_servers::ensure_installed;

use crate::run::{cargo, succeed, target};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the figures go, as JSON [default: `bench.json` or `soak.json` in cargo's target folder].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Handed to the program that measures; `--help` there says what it knows.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds everything for release, then runs the program of this name; its failure is ours.
pub(crate) fn run(program: &str, arguments: &Arguments) -> Result<()> {
    ensure_installed()?;
    // All binaries in one build, so with one set of features: the program starts the others.
    succeed(cargo()?.args(["build", "--release", "--workspace", "--bins"]))?;
    let target = target()?;
    let out = arguments.out.clone().unwrap_or_else(|| target.join(format!("{program}.json")));
    let mut measure = std::process::Command::new(target.join("release").join(program));
    measure.args(&arguments.rest).arg("--out").arg(out).env("SEATSHIFT_BINARIES_ARE_BUILT", "1");
    succeed(&mut measure)
}

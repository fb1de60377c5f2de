//! `cargo xtask check`: what must hold before any test is worth running.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, root, succeed};
use crate::tools::DENY;

pub(crate) fn check() -> Result<()> {
    succeed(cargo()?.args(["fmt", "--all", "--check"]))?;
    succeed(cargo()?.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    let deny = DENY.ready()?;
    let mut rules = Command::new(&deny);
    succeed(rules.current_dir(root()?).args(["check", "bans", "licenses", "sources"]))?;
    match advisory_database() {
        Some(_) => {
            let mut advisories = Command::new(&deny);
            succeed(advisories.current_dir(root()?).args(["check", "--disable-fetch", "advisories"]))
        }
        None => {
            println!(
                "advisories: not checked, there is no advisory database at hand (cargo deny fetch would get one)"
            );
            Ok(())
        }
    }
}

/// Where cargo-deny keeps what it has fetched.
fn advisory_database() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
    let databases = home.join("advisory-dbs");
    std::fs::read_dir(&databases).ok()?.next().is_some().then_some(databases)
}

//! The binaries of a stack, built and found.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{cargo, succeed, target};
use crate::secrets::SERVICES;

/// Builds the services and the `seatshift` command; answers the folder that they are in.
pub(crate) fn binaries(dev: bool) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["build", "--package", "seatshift-cli"]);
    for service in SERVICES {
        build.args(["--package", &format!("seatshift-{service}")]);
    }
    if !dev {
        build.arg("--release");
    }
    succeed(build.arg("--bins"))?;
    Ok(target()?.join(if dev { "debug" } else { "release" }))
}

//! The binaries of a stack, built and found.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::{cargo, succeed};
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

/// Cargo's target folder, wherever it was put.
pub(crate) fn target() -> Result<PathBuf> {
    let told = cargo()?
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cargo metadata")?;
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).context("cargo metadata")?;
    told["target_directory"].as_str().map(PathBuf::from).context("cargo metadata names no target folder")
}

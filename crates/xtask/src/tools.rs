//! Tools that are not part of a Rust toolchain: installed once, pinned, into a cache outside the checkout.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::run::{cargo, succeed};

/// A pinned tool.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

pub(crate) const NEXTEST: Tool = Tool { name: "cargo-nextest", version: "0.9.143" };
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

impl Tool {
    /// The tool in its pinned version, installed if it is not there. `.0`: the program.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let on_path = PathBuf::from(self.name);
        if self.is_version(&on_path) {
            return Ok(on_path);
        }
        let home = cache()?;
        let cached = home.join("bin").join(self.name);
        if self.is_version(&cached) {
            return Ok(cached);
        }
        println!("{} {} is not here; installing it into {}", self.name, self.version, home.display());
        let mut install = cargo()?;
        install
            .args(["install", self.name, "--version", self.version, "--locked", "--force", "--root"])
            .arg(&home);
        succeed(&mut install)?;
        Ok(cached)
    }

    fn is_version(&self, program: &PathBuf) -> bool {
        let words = self.name.strip_prefix("cargo-").unwrap_or(self.name);
        Command::new(program)
            .args([words, "--version"])
            .stderr(Stdio::null())
            .output()
            .is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).contains(self.version))
    }
}

fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place to install tools into")?;
    Ok(base.join("seatshift").join("tools"))
}

//! Starting programs, from the workspace's root, with what was started said when it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The workspace's root: where this program was built.
pub(crate) fn root() -> Result<PathBuf> {
    checkout(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The checkout that this package is in. `cargo xtask` always builds the program of the checkout that it is typed in; one that
/// was kept from somewhere else may have lost its own.
fn checkout(package: &Path) -> Result<PathBuf> {
    let root = package.ancestors().nth(2).unwrap_or(Path::new("/"));
    if !package.join("Cargo.toml").is_file() {
        bail!(
            "this program was built from the checkout in {}, which is not there any more; run `cargo xtask` in a checkout \
             instead: it builds its own",
            root.display()
        );
    }
    Ok(root.to_owned())
}

/// A folder that a person named: from the workspace's root on, unless it is absolute.
pub(crate) fn from_root(dir: &Path) -> Result<PathBuf> {
    if dir.is_absolute() { Ok(dir.to_owned()) } else { Ok(root()?.join(dir)) }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?);
    Ok(command)
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

/// Runs it to its end; anything but success is an error that names it.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("`{}` cannot be started", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let program =
        |word: &std::ffi::OsStr| Path::new(word).file_name().unwrap_or(word).to_string_lossy().into_owned();
    words
        .enumerate()
        .map(|(at, word)| if at == 0 { program(word) } else { word.to_string_lossy().into_owned() })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_lost_its_checkout_says_so() {
        assert!(root().unwrap().join("docker-compose.yml").is_file());
        let said = checkout(Path::new("/nowhere/seatshift/crates/xtask")).unwrap_err().to_string();
        assert!(
            said.contains("/nowhere/seatshift, which is not there") && said.contains("cargo xtask"),
            "{said}"
        );
        assert_eq!(from_root(Path::new("/absolute")).unwrap(), Path::new("/absolute"));
    }
}

//! `cargo xtask test`: every test, in one command.

use anyhow::Result;

use crate::run::{cargo, root, succeed};
use crate::tools::NEXTEST;

pub(crate) fn run(rest: &[String]) -> Result<()> {
    let nextest = NEXTEST.ready()?;
    if rest.is_empty() {
        // First, so that what a person sees last is the summary of all the others.
        succeed(cargo().args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    // The binary that some tests start is built with the tests: one build, one set of features.
    let mut tests = std::process::Command::new(nextest);
    tests.current_dir(root()).args(["nextest", "run", "--workspace"]).args(rest);
    succeed(&mut tests)
}

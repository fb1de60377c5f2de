//! `cargo xtask test`: the tests, in one command, with the servers they need. What takes many minutes has profiles of its own
//! (`.config/nextest.toml`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use seatshift_servers::{SERVERS, Shared, ensure_installed};

use crate::run::{cargo, root, succeed};
use crate::tools::NEXTEST;

/// The profile in `.config/nextest.toml` that leaves out what needs servers.
const WITHOUT_SERVERS: &str = "without-servers";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leaves out the tests that need RabbitMQ and PostgreSQL, and says which.
    #[arg(long)]
    without_servers: bool,
    /// Handed to cargo-nextest: filters and options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let nextest = NEXTEST.ready()?;
    if arguments.without_servers {
        build()?;
        doc_tests(&arguments.rest)?;
        let tested =
            succeed(command(&nextest, "run")?.args(["--profile", WITHOUT_SERVERS]).args(&arguments.rest));
        return left_out(&nextest).and(tested);
    }
    // First of all, so that a machine without them hears it at once and not after minutes of building.
    ensure_installed()
        .context("the tests need RabbitMQ and PostgreSQL (`--without-servers` leaves those tests out)")?;
    // They boot while cargo builds.
    let (servers, built) = std::thread::scope(|scope| {
        let servers = scope.spawn(Servers::get);
        let built = build();
        (servers.join(), built)
    });
    let servers = servers.map_err(|_| anyhow::anyhow!("starting the servers panicked"))??;
    built?;
    doc_tests(&arguments.rest)?;
    succeed(command(&nextest, "run")?.args(&arguments.rest).env(SERVERS, &servers.dir))
}

/// Everything in one build, so with one set of features: the tests, and the binaries that some of them start.
fn build() -> Result<()> {
    succeed(cargo()?.args(["build", "--workspace", "--all-targets"]))
}

/// Before the others, so that what a person sees last is the summary of those.
fn doc_tests(rest: &[String]) -> Result<()> {
    if !rest.is_empty() {
        return Ok(());
    }
    succeed(cargo()?.args(["test", "--workspace", "--doc", "--quiet"]))
}

fn command(nextest: &Path, verb: &str) -> Result<Command> {
    let mut tests = Command::new(nextest);
    tests.current_dir(root()?).args(["nextest", verb, "--workspace"]);
    Ok(tests)
}

/// Says what `--without-servers` did not run.
fn left_out(nextest: &Path) -> Result<()> {
    let mut list = command(nextest, "list")?;
    list.args(["--message-format", "oneline", "-E", "test(/(^|::)servers::/)"]).stderr(Stdio::null());
    let listed = list.output().context("cargo-nextest cannot list the tests")?;
    let names = String::from_utf8_lossy(&listed.stdout);
    println!("\nLeft out, because they need RabbitMQ and PostgreSQL ({} tests):", names.lines().count());
    names.lines().for_each(|name| println!("  {name}"));
    Ok(())
}

/// The pair for this run: the one that is up already, or one of our own that ends with us.
struct Servers {
    dir: PathBuf,
    own: Option<Shared>,
}

impl Servers {
    fn get() -> Result<Servers> {
        if let Some(dir) = std::env::var_os(SERVERS).map(PathBuf::from) {
            Shared::at(&dir).with_context(|| format!("{SERVERS} names {}", dir.display()))?;
            return Ok(Servers { dir, own: None });
        }
        let dir = std::env::temp_dir().join(format!("seatshift-test-servers-{}", std::process::id()));
        let own = Some(Shared::start(&dir)?);
        Ok(Servers { dir, own })
    }
}

/// Also when a test failed.
impl Drop for Servers {
    fn drop(&mut self) {
        if self.own.take().is_some() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

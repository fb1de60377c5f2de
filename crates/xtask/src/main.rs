//! `cargo xtask ...`: what a developer and CI run. Knows nothing of the other crates: it starts programs.

mod campaign;
mod ci;
mod measure;
mod run;
mod secrets;
mod servers;
mod snapshot;
mod stack;
mod test;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tasks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs the tests of the workspace, with a RabbitMQ and a PostgreSQL of their own (Debian's packages are installed where
    /// they are missing and that is permitted; so is cargo-nextest, pinned). `-- --profile harms` and `-- --profile long` run
    /// what harms the servers for minutes.
    Test(test::Arguments),
    /// What CI runs before the tests: format, clippy with warnings denied, cargo-deny (installed once, pinned).
    Check,
    /// The deterministic campaign: many seeds, hostile faults, a crash at a drawn await in each; every figure must be 0.
    Campaign(campaign::Arguments),
    /// What a migration costs in the distributed mode, on real servers, beside the naive setting and this machine's floors:
    /// a table, and JSON in a file. Some minutes; `bench -- --help` has the options.
    Bench(measure::Arguments),
    /// A hundred thousand rows through the distributed mode: whether every service's memory stays small and flat. Up to an
    /// hour; `soak -- --help` has options for less. Fails when it does not.
    Soak(measure::Arguments),
    /// A RabbitMQ and a PostgreSQL for tests, on private loopback ports, that stay until they are stopped.
    Servers(servers::Arguments),
    /// The whole distributed system on this machine, without Docker.
    Stack(stack::Arguments),
    /// Writes down the state of a running system of this version, for the test of the upgrade (`tests/snapshots`). Once for
    /// each release.
    Snapshot(snapshot::Arguments),
    /// Makes the passwords that docker-compose.yml names (in deploy/secrets, which git ignores); those that are there are kept.
    Secrets(secrets::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Check => ci::check(),
        Task::Campaign(arguments) => campaign::run(&arguments),
        Task::Bench(arguments) => measure::run("bench", &arguments),
        Task::Soak(arguments) => measure::run("soak", &arguments),
        Task::Servers(arguments) => servers::run(&arguments),
        Task::Stack(arguments) => stack::run(&arguments),
        Task::Snapshot(arguments) => snapshot::run(&arguments),
        Task::Secrets(arguments) => secrets::run(&arguments),
    }
}

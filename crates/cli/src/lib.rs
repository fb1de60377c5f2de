//! What people touch: the `seatshift` command line, and the process that runs all services when no servers are there.
//!
//! Each command is a file in `commands`. They share the configuration (`settings`), the lock that allows one engine on a
//! store (`lock`), what is printed and how a command ends (`output`, `ending`), and progress (`progress`).
//!
//! What must never happen here: a decision about a migration, a secret in the output, a document on standard output that
//! is not complete.

mod args;
mod commands;
pub mod connection;
mod context;
mod demo;
pub mod embedded;
mod ending;
mod engine;
pub mod lock;
mod output;
mod page;
pub mod plans;
mod progress;
mod reads;
mod remote;
mod reports;
mod signals;
mod simulated;
mod verdicts;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;
pub use seatshift_host::settings;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let format = cli.context.output;
    start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::output::tell!("seatshift: this machine gives no threads ({error})");
            return ExitCode::from(1);
        }
    };
    let ended = runtime.block_on(commands::run(cli));
    // Nothing that blocks may hold the process: what counts is committed.
    runtime.shutdown_background();
    ending::code(ended, format)
}

/// Log lines go to standard error; `RUST_LOG` chooses them.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

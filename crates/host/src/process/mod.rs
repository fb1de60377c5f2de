//! The process of a service: everything around a participant that is the same for all four.
//!
//! ```text
//! arguments ▶ configuration ▶ log ▶ health server ▶ database, broker ▶ assemble ▶ run ... signal ▶ drain ▶ "stopped"
//! ```
//!
//! A service's `main` says who it is and how it is put together ([`Assemble`]); the rest is here, so that all of them start,
//! show themselves and stop alike. Until database and broker are reached the process lives and says what it waits for on
//! `/readyz`; what cannot mend itself (a key that is missing, a schema of a newer version) ends it at once, with the remedy.
//!
//! What must never happen here: a decision about a migration, or an exit with code 0 after something was cut off.

mod api;
mod arguments;
mod assembly;
mod base;
mod check;
mod database;
mod drain;
mod figures;
mod health;
mod readiness;
mod signals;
mod watch;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use seatshift_messages::Service;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use crate::telemetry;
use arguments::{Arguments, Wish};
pub use assembly::Assembly;
pub use base::Base;
use drain::Ended;
pub use readiness::Readiness;

/// Why a service cannot be what it should be: the text says where, why and what to do.
pub type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Which service this is.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    pub service: Service,
    /// One line for `--help`.
    pub about: &'static str,
    /// Of the binary: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// What of the configuration this service needs beyond what all need.
    pub check: fn(&Settings) -> Result<(), Refusal>,
}

/// Runs a service until it is told to stop. `assemble` puts it together once database and broker are there.
pub fn main<F, A>(program: Program, assemble: F) -> ExitCode
where
    F: FnOnce(Base) -> A,
    A: Future<Output = Result<Assembly, Refusal>>,
{
    let arguments = Arguments::parse(program);
    let settings = match Settings::read(arguments.config.as_deref(), std::env::vars()) {
        Ok(settings) => settings,
        Err(error) => return refuse(program, &error),
    };
    match arguments.wish {
        Wish::Run => {}
        Wish::CheckConfiguration => {
            return match check::check(&settings, program) {
                Ok(()) => {
                    println!("the configuration can be used");
                    ExitCode::SUCCESS
                }
                Err(error) => refuse(program, &*error),
            };
        }
        Wish::PrepareDatabase => return database::prepare_and_end(program, &settings),
    }
    if let Err(error) = check::check(&settings, program) {
        return refuse(program, &*error);
    }
    let instance = base::instance();
    if let Err(error) = telemetry::begin(&settings.telemetry, program.service, &instance) {
        return refuse(program, &error);
    }
    install_cryptography();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(program, &error),
    };
    let ended = runtime.block_on(drain::run(program, Arc::new(settings), instance, assemble));
    // Nothing that blocks may hold the process: what counts is committed.
    runtime.shutdown_background();
    match ended {
        Ok(Ended { clean: true }) => ExitCode::SUCCESS,
        Ok(Ended { clean: false }) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "the service cannot run");
            tell(program, &*error);
            ExitCode::FAILURE
        }
    }
}

/// TLS of all clients comes from one library; without this each would choose, and two choices end in a panic.
fn install_cryptography() {
    // Somebody was first: the same one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// Says on standard error what is wrong with the configuration; exit code 2.
fn refuse(program: Program, error: &dyn std::error::Error) -> ExitCode {
    tell(program, error);
    ExitCode::from(2)
}

fn tell(program: Program, error: &dyn std::error::Error) {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    eprintln!("{}: {error}{causes}", arguments::name(program));
}

/// Told to stop, and the second time: at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopping {
    pub(crate) stopping: CancellationToken,
    pub(crate) at_once: CancellationToken,
}

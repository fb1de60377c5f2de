//! `cargo xtask stack`: the whole distributed system on this machine, without Docker.
//!
//! RabbitMQ, PostgreSQL, a simulated Partner Center and the four services, each a process of its own, all on private loopback
//! ports, everything in one folder. What runs is found again by pid files; nothing else is ever signaled.

mod audit;
mod build;
mod chaos;
mod kind;
mod place;
mod prepare;
mod process;
mod services;
mod simulator;
mod status;
mod up;
mod wanted;

use std::path::PathBuf;

use anyhow::Result;

use crate::run::from_root;
use place::Stack;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Starts everything that does not run yet or not as it should, and says what to do next: for a stack that lost a server
    /// or a process too. Servers come back on the ports that they had.
    Up {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        wanted: wanted::Wanted,
    },
    /// Stops everything, by pid: the services first, which finish what they have in hand.
    ///
    /// With the real Partner Center all data stay. A simulated world ends with its simulator: the next `up` begins a new one,
    /// and what was kept about the old one is deleted then.
    Down {
        #[command(flatten)]
        place: Place,
        /// Deletes the folder with all data afterwards; never the record of a real Partner Center.
        #[arg(long)]
        delete: bool,
    },
    /// Each process with its pid and what it answers about its health; fails when one is not ready.
    Status(Place),
    /// What the processes wrote.
    Logs {
        #[command(flatten)]
        place: Place,
        /// A service (all its replicas) or a process such as purchase-2; default: all.
        of: Option<String>,
        /// Goes on with what comes.
        #[arg(short, long)]
        follow: bool,
    },
    /// What the simulator's own books say after a run of this plan: every figure must be 0.
    Audit {
        #[command(flatten)]
        place: Place,
        /// The plan that was applied.
        plan: PathBuf,
    },
    /// Kills drawn processes of the services (SIGKILL) and starts them again, over and over: what nothing may be lost by.
    Kill {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        chaos: chaos::Chaos,
    },
}

/// The folder, unless another one is named.
const DIR: &str = "target/stack";

#[derive(Debug, clap::Args)]
struct Place {
    /// The stack's folder, from the workspace's root on.
    #[arg(long, default_value = DIR)]
    dir: PathBuf,
}

impl Place {
    fn stack(&self) -> Result<Stack> {
        Ok(Stack::at(from_root(&self.dir)?))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.verb {
        Verb::Up { place, wanted } => up::up(&place.stack()?, wanted),
        Verb::Down { place, delete } => up::down(&place.stack()?, *delete),
        Verb::Status(place) => status::status(&place.stack()?),
        Verb::Logs { place, of, follow } => status::logs(&place.stack()?, of.as_deref(), *follow),
        Verb::Audit { place, plan } => audit::audit(&place.stack()?, plan),
        Verb::Kill { place, chaos } => chaos::run(&place.stack()?, chaos),
    }
}

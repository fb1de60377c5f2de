//! `cargo xtask servers`: a RabbitMQ and a PostgreSQL that stay, for running tests again and again.

use std::path::{Path, PathBuf};

use anyhow::Result;
use seatshift_servers::{SERVERS, Shared, ensure_installed};

use crate::run::from_root;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Starts both (installs Debian's packages where they are missing and that is permitted) and leaves them running.
    Up(Place),
    /// Stops what runs there; the data stay.
    Down(Place),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// Where they keep their data.
    #[arg(long, default_value = "target/servers")]
    dir: PathBuf,
}

impl Place {
    fn absolute(&self) -> Result<PathBuf> {
        from_root(&self.dir)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.verb {
        Verb::Up(place) => up(&place.absolute()?),
        Verb::Down(place) => Ok(Shared::stop_at(&place.absolute()?)?),
    }
}

fn up(dir: &Path) -> Result<()> {
    ensure_installed()?;
    Shared::bring_up(dir)?;
    println!("export {SERVERS}={}", dir.display());
    Ok(())
}

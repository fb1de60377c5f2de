//! What `cargo xtask stack up` is asked for, and whether a world that runs already is that.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::kind::Kind;
use super::place::Stack;
use super::process::Line;
use crate::secrets::SERVICES;

#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Replicas of a service, as reassignment=3; may be repeated. Default: as many as there are, at first one of each.
    #[arg(long, value_name = "SERVICE=N", value_parser = replicas)]
    replicas: Vec<(String, u32)>,
    /// The world that the simulator serves (`seatshift simulator --write-world` makes one).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["customers", "seed", "real_partner_center"])]
    world: Option<PathBuf>,
    /// Customers of a world made from the seed [default: 50].
    #[arg(long, value_name = "N", conflicts_with = "real_partner_center")]
    customers: Option<usize>,
    /// Seed of that world, and of its faults [default: 1].
    #[arg(long, value_name = "N", conflicts_with = "real_partner_center")]
    seed: Option<u64>,
    /// How much goes wrong at the simulated Partner Center [default: light].
    #[arg(long, value_parser = ["none", "light", "hostile"], conflicts_with = "real_partner_center")]
    faults: Option<String>,
    /// Simulated seconds in a real one [default: 600].
    #[arg(long, value_name = "N", conflicts_with = "real_partner_center")]
    scale: Option<u32>,
    /// No simulator: the services speak to the Partner Center that --config leads to. The folder (--dir) then holds the record
    /// of real purchases, so it must be none that `cargo clean` deletes.
    #[arg(long, requires = "config")]
    real_partner_center: bool,
    /// A `seatshift.toml` with a filled-in [partner_center], for --real-partner-center.
    #[arg(long, value_name = "FILE", requires = "real_partner_center")]
    config: Option<PathBuf>,
    /// Builds without optimization: faster to build, slower to run.
    #[arg(long)]
    pub(crate) dev: bool,
    /// Builds nothing: the binaries of this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "dev")]
    pub(crate) binaries: Option<PathBuf>,
}

fn replicas(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text.split_once('=').ok_or("write SERVICE=N, such as reassignment=3")?;
    if !SERVICES.contains(&service) {
        return Err(format!("there is no service {service}; there are {}", SERVICES.join(", ")));
    }
    let count = count.parse().map_err(|_| format!("{count} is no number of replicas"))?;
    Ok((service.to_owned(), count))
}

impl Wanted {
    /// How many of a service.
    pub(crate) fn of(&self, service: &str, known: &[Line]) -> u32 {
        let asked = self.replicas.iter().rev().find(|(name, _)| name == service).map(|(_, count)| *count);
        let there = known.iter().filter(|line| line.service() == service).count();
        asked.unwrap_or_else(|| u32::try_from(there.max(1)).unwrap_or(1))
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.real_partner_center { Kind::Real } else { Kind::Simulated }
    }

    /// The configuration that leads to the real Partner Center; none with a simulated one.
    pub(crate) fn config(&self) -> Result<Option<PathBuf>> {
        let Some(file) = &self.config else { return Ok(None) };
        let file = file.canonicalize().with_context(|| file.display().to_string())?;
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        if text.lines().any(|line| line.trim() == "[control]") {
            bail!("{}: leave out its section [control]; the stack writes that of its own", file.display());
        }
        Ok(Some(file))
    }

    /// What of a world was asked for, as the simulator is told it.
    fn asked(&self) -> Result<Vec<(&'static str, String)>> {
        let world = self.world.as_ref().map(|file| absolute(file)).transpose()?;
        let asked = [
            ("--world", world),
            ("--customers", self.customers.map(|it| it.to_string())),
            ("--seed", self.seed.map(|it| it.to_string())),
            ("--faults", self.faults.clone()),
            ("--scale", self.scale.map(|it| it.to_string())),
        ];
        Ok(asked.into_iter().filter_map(|(option, value)| Some((option, value?))).collect())
    }

    /// The arguments for a new world: what was asked for, and the defaults.
    pub(crate) fn world(&self) -> Result<Vec<String>> {
        let mut told = self.asked()?;
        let made = [("--customers", "50"), ("--seed", "1")];
        let always = [("--faults", "light"), ("--scale", "600")];
        let defaults = made.into_iter().filter(|_| self.world.is_none()).chain(always);
        for (option, value) in defaults {
            if told.iter().all(|(other, _)| *other != option) {
                told.push((option, value.to_owned()));
            }
        }
        Ok(told.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect())
    }

    /// Refuses when the world that runs is another one than the one asked for: it cannot be changed, and silence would look
    /// like consent. What was not asked for may be as it is.
    pub(crate) fn is_the_world_of(&self, stack: &Stack, running: &Line) -> Result<()> {
        let other: Vec<String> = self
            .asked()?
            .into_iter()
            .filter_map(|(option, asked)| match running.argument(option) {
                Some(has) if has == asked => None,
                Some(has) => Some(format!("{option} {asked} (it has {has})")),
                None => Some(format!("{option} {asked} (it was made without)")),
            })
            .collect();
        if other.is_empty() {
            return Ok(());
        }
        bail!(
            "the simulated world that runs in {} is another one, and nothing was changed: {}. A world stays as it began. For a \
             new one: `{}`, then `up` with these (what is kept about this world is deleted then); or give the new one a folder \
             of its own with --dir",
            stack.dir().display(),
            other.join(", "),
            stack.command("down")
        )
    }
}

fn absolute(file: &Path) -> Result<String> {
    Ok(file.canonicalize().with_context(|| file.display().to_string())?.display().to_string())
}

//! `cargo xtask campaign`: the deterministic campaign over many seeds.

use anyhow::Result;

use crate::run::{cargo, succeed};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Customers in each world.
    #[arg(long, default_value_t = 12)]
    customers: usize,
    /// Faults: none, light, hostile.
    #[arg(long, default_value = "hostile")]
    faults: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut campaign = cargo()?;
    campaign.args(["run", "--release", "--quiet", "--package", "seatshift-tests", "--bin", "campaign", "--"]);
    campaign.args(["--seeds", &arguments.seeds.to_string(), "--from", &arguments.from.to_string()]);
    campaign.args(["--customers", &arguments.customers.to_string(), "--faults", &arguments.faults]);
    succeed(&mut campaign)
}

//! `demo`: the whole product on a simulated partner.

use std::path::PathBuf;

use seatshift_simulator::world;

use super::simulator::{Level, read_world};
use crate::context::Context;
use crate::demo::{self, Demo};
use crate::ending::Ending;

/// Watch it all on a simulated partner: plan, migrate, kill the engine, verify, audit, report
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift demo
  seatshift demo --customers 1000 --faults hostile --crashes 10
  seatshift demo --world world.json --out my-world

Needs no account, no broker, no database server; nothing leaves this machine. The engine runs as a child process that is \
killed with SIGKILL while migrations are in flight, and goes on. The books of the simulator, which the engine cannot \
touch, say whether a customer was harmed. The state stays in the folder, to be tried with the other commands.")]
pub(crate) struct Args {
    /// Customers of the simulated partner
    #[arg(long, default_value_t = 200, value_name = "N")]
    customers: usize,
    /// Seed of the world, its faults and the kills
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use the world in this file
    #[arg(long, value_name = "FILE", conflicts_with = "customers")]
    world: Option<PathBuf>,
    /// How much goes wrong; default: light, or what the world file says
    #[arg(long, value_enum, value_name = "LEVEL")]
    faults: Option<Level>,
    /// How often the engine is killed
    #[arg(long, default_value_t = 2, value_name = "K")]
    crashes: usize,
    /// Where to leave the state; an earlier demo there is replaced
    #[arg(long, default_value = "seatshift-demo", value_name = "DIR")]
    out: PathBuf,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let mut world = match &args.world {
        Some(file) => read_world(file)?,
        None => world::generate(args.seed, args.customers),
    };
    let level = args.faults.or_else(|| args.world.is_none().then_some(Level::Light));
    if let Some(level) = level {
        world.faults.level = level.into();
    }
    let demo = Demo { world, crashes: args.crashes, folder: args.out, seed: args.seed };
    let outcome = Box::pin(demo::run(demo)).await?;
    context.output.show(&outcome.report_json, || outcome.text())?;
    Ok(outcome.ending())
}

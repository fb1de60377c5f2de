//! `simulator`: the simulated Partner Center as a server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use seatshift_simulator::world::{self, FaultLevel, World};
use seatshift_simulator::{ScaledClock, Simulator};
use serde_json::json;

use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::signals::asked_to_stop;

/// Serve a simulated Partner Center: customers, licenses, orders, faults and books of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift simulator --customers 50 --listen 127.0.0.1:8080
  seatshift simulator --seed 7 --write-world world.json      (edit it, then:)
  seatshift simulator --world world.json --faults hostile

It prints one JSON document with its addresses and ids, then serves until it is stopped.")]
pub(crate) struct Args {
    /// Read the world from this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "customers"])]
    world: Option<PathBuf>,
    /// Write the world to this file; then end, unless --listen is given
    #[arg(long, value_name = "FILE")]
    write_world: Option<PathBuf>,
    /// Seed of the world, and of its faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Customers of a world made from the seed
    #[arg(long, default_value_t = 200, value_name = "N")]
    customers: usize,
    /// How much goes wrong; default: what the world says
    #[arg(long, value_enum, value_name = "LEVEL")]
    faults: Option<Level>,
    /// Simulated seconds in a real one
    #[arg(long, default_value_t = 600, value_name = "N")]
    scale: u32,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    None,
    Light,
    Hostile,
}

impl From<Level> for FaultLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::None => FaultLevel::None,
            Level::Light => FaultLevel::Light,
            Level::Hostile => FaultLevel::Hostile,
        }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let mut world = match &args.world {
        Some(file) => read_world(file)?,
        None => world::generate(args.seed, args.customers),
    };
    if let Some(level) = args.faults {
        world.faults.level = level.into();
    }
    if let Some(file) = &args.write_world {
        world::write(&world, file)
            .with_context(|| format!("{}: the world cannot be written", file.display()))?;
        if args.listen.is_none() {
            let (name, customers) = (file.display().to_string(), world.customers.len());
            context.output.show(&json!({ "written": name, "customers": customers }), || {
                format!("{name} holds a world of {customers} customers.\n")
            })?;
            return Ok(Ending::Fine);
        }
    }
    let listen = args.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    serve(world, args.scale, listen, context).await
}

/// Reads a world; a bad customer is told and left out, the good rest goes on.
pub(crate) fn read_world(file: &Path) -> anyhow::Result<World> {
    let (world, problems) = world::read_good_rest(file).map_err(|error| Usage::new(error.to_string()))?;
    for problem in problems {
        eprintln!("{}: {problem} (this customer is left out)", file.display());
    }
    Ok(world)
}

async fn serve(world: World, scale: u32, listen: SocketAddr, context: &Context) -> anyhow::Result<Ending> {
    let clock = ScaledClock::starting_now(world.start, scale);
    let epoch_ms = clock.epoch_ms();
    let simulator = Simulator::new(world, Arc::new(clock)).map_err(|error| Usage::new(error.to_string()))?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen}: cannot be listened on; choose another address with --listen"))?;
    let mut startup = simulator.startup(&format!("http://{}", listener.local_addr()?));
    startup["epoch_ms"] = json!(epoch_ms);
    context.output.show(&startup, || format!("{startup:#}"))?;
    seatshift_simulator::serve(simulator, listener, asked_to_stop()).await?;
    Ok(Ending::Fine)
}

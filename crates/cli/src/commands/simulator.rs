//! `simulator`: the simulated Partner Center as a server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use seatshift_control::planning::{KnownOffers, read_plan, read_users};
use seatshift_control::tables::write_private;
use seatshift_simulator::world::{self, FaultLevel, Partner, World};
use seatshift_simulator::{ScaledClock, Simulator};
use serde_json::json;

use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::plans::{Plans, users_file};
use crate::reports;
use crate::settings::ClockSettings;
use crate::signals::asked_to_stop;

/// Serve a simulated Partner Center: customers, licenses, orders, faults and books of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift simulator --customers 50 --listen 127.0.0.1:8080
  seatshift simulator --seed 7 --write-world world.json      (edit it, then:)
  seatshift simulator --world world.json --faults hostile --write-config try/seatshift.toml
  seatshift --config try/seatshift.toml plan                 (in another terminal)

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
    /// Also write a configuration that leads to it: for `seatshift --config FILE ...` in another terminal
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// Print what the books must know of this plan (to be posted to /_simulator/intent), and end
    #[arg(long, value_name = "PLAN", requires = "world")]
    intent: Option<PathBuf>,
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
    if let Some(plan) = &args.intent {
        return intent(&world, plan, context);
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
    serve(world, &args, listen, context).await
}

fn intent(world: &World, plan: &Path, context: &Context) -> anyhow::Result<Ending> {
    let beside = users_file(plan);
    let plans = Plans {
        plan: read_plan(plan, &KnownOffers::default()).with_context(|| plan.display().to_string())?,
        users: read_users(&beside).with_context(|| beside.display().to_string())?,
    };
    let intent = crate::demo::intent(world, &plans);
    context.output.show(&intent, || serde_json::to_string(&intent).unwrap_or_default())?;
    Ok(Ending::Fine)
}

/// Reads a world; a bad customer is told and left out, the good rest goes on.
pub(crate) fn read_world(file: &Path) -> anyhow::Result<World> {
    let (world, problems) = world::read_good_rest(file).map_err(|error| Usage::new(error.to_string()))?;
    for problem in problems {
        crate::output::tell!("{}: {problem} (this customer is left out)", file.display());
    }
    Ok(world)
}

async fn serve(world: World, args: &Args, listen: SocketAddr, context: &Context) -> anyhow::Result<Ending> {
    let clock = ScaledClock::starting_now(world.start, args.scale);
    let epoch_ms = clock.epoch_ms();
    let (partner, start) = (world.partner.clone(), world.start);
    let simulator = Simulator::new(world, Arc::new(clock)).map_err(|error| Usage::new(error.to_string()))?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen}: cannot be listened on; choose another address with --listen"))?;
    let mut startup = simulator.startup(&format!("http://{}", listener.local_addr()?));
    startup["epoch_ms"] = json!(epoch_ms);
    if let Some(file) = &args.write_config {
        let clock = ClockSettings { start, epoch: Timestamp::from_millisecond(epoch_ms)?, scale: args.scale };
        write_config(file, &format!("http://{}", listener.local_addr()?), &partner, clock)?;
    }
    context.output.show(&startup, || format!("{startup:#}"))?;
    seatshift_simulator::serve(simulator, listener, asked_to_stop()).await?;
    Ok(Ending::Fine)
}

/// A configuration that leads to this simulator, with its secrets in files of their own beside it.
fn write_config(file: &Path, address: &str, partner: &Partner, clock: ClockSettings) -> anyhow::Result<()> {
    reports::make_folder(file)?;
    let text = format!(
        "# Leads to a simulated Partner Center that runs at this address, on its clock.\n\
         allow_changes = true\nstate_dir = \"state\"\n\n\
         [partner_center]\napi = \"{address}\"\nauthority = \"{address}\"\ntenant = \"{}\"\nclient_id = \"{}\"\n\
         client_secret_file = \"client-secret\"\nrefresh_token_file = \"refresh-token\"\nindirect_provider = {}\n\n\
         [clock]\nstart = \"{}\"\nepoch = \"{}\"\nscale = {}\n",
        partner.tenant_id,
        partner.client_id,
        partner.indirect_provider,
        clock.start,
        clock.epoch,
        clock.scale
    );
    let beside = |name: &str| file.with_file_name(name);
    for (path, text) in [
        (file.to_path_buf(), text),
        (beside("client-secret"), partner.client_secret.clone()),
        (beside("refresh-token"), partner.refresh_token.clone()),
    ] {
        write_private(&path, text.as_bytes()).with_context(|| reports::not_written(&path))?;
    }
    Ok(())
}

//! Starting and stopping a stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use seatshift_servers::{Ports, Process, Shared, free_ports};

use super::place::Stack;
use super::process::Line;
use super::{build, prepare, status};
use crate::secrets::{SERVICES, Secrets};

/// How long the services may take until they are ready.
const READY: Duration = Duration::from_secs(60);
/// How long a service may take to finish what it has in hand: its own limit and some.
const DRAINED: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// Replicas of a service, as reassignment=3; may be repeated. Default: one of each.
    #[arg(long, value_name = "SERVICE=N", value_parser = replicas)]
    replicas: Vec<(String, u32)>,
    /// The world that the simulator serves (`seatshift simulator --write-world` makes one).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["customers", "seed"])]
    world: Option<PathBuf>,
    /// Customers of a world made from the seed.
    #[arg(long, default_value_t = 50)]
    customers: usize,
    /// Seed of that world, and of its faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much goes wrong at the simulated Partner Center: none, light, hostile.
    #[arg(long, default_value = "light")]
    faults: String,
    /// Simulated seconds in a real one.
    #[arg(long, default_value_t = 600)]
    scale: u32,
    /// No simulator: the services speak to the Partner Center that --config leads to.
    #[arg(long, requires = "config")]
    real_partner_center: bool,
    /// A `seatshift.toml` with a filled-in [partner_center], for --real-partner-center.
    #[arg(long, value_name = "FILE", requires = "real_partner_center")]
    config: Option<PathBuf>,
    /// Builds without optimization: faster to build, slower to run.
    #[arg(long)]
    dev: bool,
    /// Builds nothing: the binaries of this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "dev")]
    binaries: Option<PathBuf>,
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
    fn of(&self, service: &str) -> u32 {
        self.replicas.iter().rev().find(|(name, _)| name == service).map_or(1, |(_, count)| *count)
    }
}

pub(crate) fn up(stack: &Stack, wanted: &Wanted) -> Result<()> {
    let binaries = match &wanted.binaries {
        Some(dir) => dir.canonicalize().with_context(|| dir.display().to_string())?,
        None => build::binaries(wanted.dev)?,
    };
    let stack = &stack.made()?;
    let servers = prepare::servers(stack)?;
    let secrets = Secrets::made(&stack.secrets())?;
    let base = match &wanted.config {
        Some(file) => file.canonicalize().with_context(|| file.display().to_string())?,
        None => simulator(stack, wanted, &binaries, &servers)?,
    };
    prepare::broker(&servers.rabbit, &secrets)?;
    prepare::database(&servers.postgres, &secrets, &binaries.join("seatshift-control"), &base)?;
    let lines = services(stack, wanted, &binaries, &servers, &secrets, &base)?;
    for line in &lines {
        line.wait_ready(stack, READY)?;
    }
    for_commands(stack, &lines, &secrets, &base)?;
    status::told(stack, &servers, &binaries)
}

/// The simulated Partner Center, running; answers the configuration that leads to it.
fn simulator(stack: &Stack, wanted: &Wanted, binaries: &Path, servers: &Shared) -> Result<PathBuf> {
    let config = stack.partner_center();
    let running = Line::all(stack)?.into_iter().find(|line| line.name == "simulator");
    if running.is_some_and(|line| line.process(stack).pid().is_some()) {
        return Ok(config);
    }
    // Its world ended with it, and with the world what was remembered about it.
    stop(stack, |_| true)?;
    prepare::forget(servers)?;
    let _ = fs::remove_file(&config);
    let (_held, port) = port()?;
    let mut arguments = vec!["simulator".to_owned()];
    // Kept, so that its books can be told later what a plan wanted.
    arguments.extend(["--write-world".to_owned(), stack.world().display().to_string()]);
    match &wanted.world {
        Some(file) => {
            let file = file.canonicalize().with_context(|| file.display().to_string())?;
            arguments.extend(["--world".to_owned(), file.display().to_string()]);
        }
        None => {
            arguments.extend(["--customers".to_owned(), wanted.customers.to_string()]);
            arguments.extend(["--seed".to_owned(), wanted.seed.to_string()]);
        }
    }
    arguments.extend([
        "--faults".to_owned(),
        wanted.faults.clone(),
        "--scale".to_owned(),
        wanted.scale.to_string(),
    ]);
    arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
    arguments.extend(["--write-config".to_owned(), config.display().to_string()]);
    let line = Line {
        name: "simulator".to_owned(),
        program: binaries.join("seatshift"),
        arguments,
        environment: BTreeMap::new(),
        port,
        health: "/_simulator/startup".to_owned(),
    };
    drop(_held);
    line.start(stack)?;
    line.wait_ready(stack, READY)?;
    Ok(config)
}

/// The services, as many of each as wanted; those that run already stay.
fn services(
    stack: &Stack,
    wanted: &Wanted,
    binaries: &Path,
    servers: &Shared,
    secrets: &Secrets,
    base: &Path,
) -> Result<Vec<Line>> {
    let names: Vec<(String, &str)> = SERVICES
        .iter()
        .flat_map(|service| (1..=wanted.of(service)).map(move |at| (format!("{service}-{at}"), *service)))
        .collect();
    let known = Line::all(stack)?;
    stop(stack, |line| line.name != "simulator" && names.iter().all(|(name, _)| *name != line.name))?;
    let mut lines = Vec::new();
    for (name, service) in names {
        if let Some(line) = known.iter().find(|line| line.name == name && line.process(stack).pid().is_some())
        {
            lines.push(line.clone());
            continue;
        }
        let (held, port) = port()?;
        let (api_held, api) = self::port()?;
        let line = Line {
            name,
            program: binaries.join(format!("seatshift-{service}")),
            arguments: vec!["--config".to_owned(), base.display().to_string()],
            environment: environment(service, servers, secrets, wanted.config.is_none(), [port, api]),
            port,
            health: "/readyz".to_owned(),
        };
        drop((held, api_held));
        line.start(stack)?;
        lines.push(line);
    }
    Ok(lines)
}

/// What a service is told beside the common configuration.
fn environment(
    service: &str,
    servers: &Shared,
    secrets: &Secrets,
    simulated: bool,
    [port, api]: [u16; 2],
) -> BTreeMap<String, String> {
    let name = prepare::NAME;
    let (database, broker) = (servers.postgres.port(), servers.rabbit.port());
    let secret = |what: &str| secrets.file(what).display().to_string();
    let mut told = vec![
        ("DATABASE__URL", format!("postgres://seatshift_{service}@127.0.0.1:{database}/{name}")),
        ("DATABASE__PASSWORD_FILE", secret(&format!("{service}-database-password"))),
        ("BROKER__URL", format!("amqp://seatshift_{service}@127.0.0.1:{broker}/{name}")),
        ("BROKER__PASSWORD_FILE", secret(&format!("{service}-broker-password"))),
        ("SERVICE__LISTEN", format!("127.0.0.1:{port}")),
    ];
    if simulated {
        // It answers at once. The lease of work in hand follows the longest call: what a killed process had is taken up
        // again after two minutes, and not after nine.
        told.push(("PARTNER_CENTER__CALL_SECONDS", "10".to_owned()));
    }
    if service == "control" {
        told.push(("CONTROL__LISTEN", format!("127.0.0.1:{api}")));
        told.push(("CONTROL__TOKEN_FILE", secret("control-token")));
    }
    told.into_iter().map(|(key, value)| (format!("SEATSHIFT__{key}"), value)).collect()
}

/// The configuration for the person's commands: the common one, and where control listens.
fn for_commands(stack: &Stack, lines: &[Line], secrets: &Secrets, base: &Path) -> Result<()> {
    let control = lines.iter().find(|line| line.service() == "control").context("no control is wanted")?;
    let Some(listen) = control.environment.get("SEATSHIFT__CONTROL__LISTEN") else {
        bail!("{} does not say where it listens", control.name);
    };
    let common = fs::read_to_string(base).with_context(|| base.display().to_string())?;
    let folder = base.parent().unwrap_or(stack.dir());
    if common.lines().any(|line| line.trim() == "[control]") {
        bail!(
            "{}: leave out its section [control]; the stack's own control is written there",
            base.display()
        );
    }
    let common: String = common.lines().map(|line| absolute(line, folder) + "\n").collect();
    let token = secrets.file("control-token");
    let text =
        format!("{common}\n[control]\nurl = \"http://{listen}\"\ntoken_file = \"{}\"\n", token.display());
    let file = stack.for_commands();
    fs::write(&file, text).with_context(|| file.display().to_string())
}

/// A line of a configuration with its file from this folder, so that the line may stand in another one.
fn absolute(line: &str, folder: &Path) -> String {
    match line.split_once("_file = \"") {
        Some((key, file)) if !line.starts_with('#') => {
            format!("{key}_file = \"{}", folder.join(file).display())
        }
        _ => line.to_owned(),
    }
}

pub(crate) fn down(stack: &Stack, delete: bool) -> Result<()> {
    let Ok(dir) = stack.dir().canonicalize() else {
        println!("there is no stack in {}", stack.dir().display());
        return Ok(());
    };
    let stack = &Stack::at(dir);
    stop(stack, |line| line.name != "simulator")?;
    stop(stack, |_| true)?;
    Shared::stop_at(stack.dir())?;
    if delete {
        Shared::delete_at(stack.dir())?;
        fs::remove_dir_all(stack.dir()).with_context(|| stack.dir().display().to_string())?;
    }
    println!("everything in {} is stopped", stack.dir().display());
    Ok(())
}

/// Stops some processes, side by side: told first, waited for afterwards. They are not part of the stack any more.
fn stop(stack: &Stack, which: impl Fn(&Line) -> bool) -> Result<()> {
    let lines: Vec<Line> = Line::all(stack)?.into_iter().filter(which).collect();
    let mut running: Vec<(&Line, Process)> = lines.iter().map(|line| (line, line.process(stack))).collect();
    running.iter().for_each(|(_, process)| process.signal("TERM"));
    for (line, process) in &mut running {
        // Not asked again: a second signal means "at once".
        process.finish(DRAINED);
        line.forget(stack);
    }
    Ok(())
}

/// A free port, held until the first value is dropped.
fn port() -> Result<(Ports, u16)> {
    let held = free_ports(1)?;
    let number = held.numbers().first().copied().context("no free port")?;
    Ok((held, number))
}

#[expect(clippy::disallowed_methods, reason = "waiting for processes, in a program that does nothing else")]
pub(crate) fn rest(duration: Duration) {
    std::thread::sleep(duration);
}

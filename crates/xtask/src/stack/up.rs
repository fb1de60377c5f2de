//! Starting and stopping a stack.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use seatshift_servers::{Ports, Process, Shared, free_ports};

use super::kind::Kind;
use super::place::Stack;
use super::process::Line;
use super::services::{API, Common};
use super::wanted::Wanted;
use super::{build, prepare, services, simulator, status};
use crate::secrets::Secrets;

/// How long the services may take until they are ready.
pub(super) const READY: Duration = Duration::from_secs(60);
/// How long a service may take to finish what it has in hand: its own limit and some.
const DRAINED: Duration = Duration::from_secs(30);

pub(crate) fn up(stack: &Stack, wanted: &Wanted) -> Result<()> {
    let stack = &stack.made()?;
    // What is asked for is judged before anything is built, started or changed.
    let real = wanted.config()?;
    wanted.kind().settle(stack)?;
    if let Some(running) = simulator::running(stack)? {
        wanted.is_the_world_of(stack, &running)?;
    }
    let binaries = match &wanted.binaries {
        Some(dir) => dir.canonicalize().with_context(|| dir.display().to_string())?,
        None => build::binaries(wanted.dev)?,
    };
    let servers = prepare::servers(stack)?;
    let secrets = Secrets::made(&stack.secrets())?;
    let simulated = real.is_none();
    let config = match real {
        Some(file) => file,
        None => simulator::up(stack, wanted, &binaries, &servers)?,
    };
    prepare::broker(&servers.rabbit, &secrets)?;
    prepare::database(&servers.postgres, &secrets, &binaries.join("seatshift-control"), &config)?;
    let common =
        Common { binaries: &binaries, servers: &servers, secrets: &secrets, config: &config, simulated };
    let lines = services::up(stack, wanted, &common)?;
    for line in &lines {
        line.wait_ready(stack, READY)?;
    }
    for_commands(stack, &lines, &secrets, &config)?;
    status::told(stack, &servers, &binaries)
}

/// The configuration for the person's commands: the common one, and where control listens.
fn for_commands(stack: &Stack, lines: &[Line], secrets: &Secrets, base: &Path) -> Result<()> {
    let control = lines.iter().find(|line| line.service() == "control").context("no control is wanted")?;
    let listen = control.environment.get(API).context("control does not say where it listens")?;
    let common = fs::read_to_string(base).with_context(|| base.display().to_string())?;
    let folder = base.parent().unwrap_or(stack.dir());
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
    if delete {
        Kind::may_be_deleted(stack)?;
    }
    let world = simulator::running(stack)?;
    stop(stack, |line| line.name != "simulator")?;
    stop(stack, |_| true)?;
    Shared::stop_at(stack.dir())?;
    if delete {
        Shared::delete_at(stack.dir())?;
        fs::remove_dir_all(stack.dir()).with_context(|| stack.dir().display().to_string())?;
    }
    println!("everything in {} is stopped", stack.dir().display());
    if world.is_some() && !delete {
        println!("the simulated world ended with its simulator; the next `up` begins a new one");
    }
    Ok(())
}

/// Stops some processes, side by side: told first, waited for afterwards. They are not part of the stack any more.
pub(super) fn stop(stack: &Stack, which: impl Fn(&Line) -> bool) -> Result<()> {
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
pub(super) fn port() -> Result<(Ports, u16)> {
    let held = free_ports(1)?;
    let number = held.numbers().first().copied().context("no free port")?;
    Ok((held, number))
}

#[expect(clippy::disallowed_methods, reason = "waiting for processes, in a program that does nothing else")]
pub(crate) fn rest(duration: Duration) {
    std::thread::sleep(duration);
}

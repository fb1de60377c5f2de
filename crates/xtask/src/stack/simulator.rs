//! The simulated Partner Center of a stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use seatshift_servers::Shared;

use super::place::Stack;
use super::process::Line;
use super::up::{READY, port, stop};
use super::wanted::Wanted;
use super::{kind::Kind, prepare};

/// The one that runs.
pub(crate) fn running(stack: &Stack) -> Result<Option<Line>> {
    let line = Line::all(stack)?.into_iter().find(|line| line.name == "simulator");
    Ok(line.filter(|line| line.process(stack).pid().is_some()))
}

/// The simulated Partner Center, running; answers the configuration that leads to it.
pub(crate) fn up(stack: &Stack, wanted: &Wanted, binaries: &Path, servers: &Shared) -> Result<PathBuf> {
    let config = stack.partner_center();
    if let Some(running) = running(stack)? {
        if running.is_outdated() {
            println!(
                "the simulator stays as it is, although its program was built anew: its world would end with it"
            );
        }
        return Ok(config);
    }
    // Its world ended with it, and with the world what was remembered about it. Asked once more, next to the deletion.
    Kind::Simulated.settle(stack)?;
    stop(stack, |_| true)?;
    if prepare::forget(servers)? {
        println!(
            "the simulated world ended with its simulator: what was kept about it is deleted, a new one begins"
        );
    }
    let _ = fs::remove_file(&config);
    let (held, port) = port()?;
    let mut arguments = vec!["simulator".to_owned()];
    // Kept, so that its books can be told later what a plan wanted.
    arguments.extend(["--write-world".to_owned(), stack.world().display().to_string()]);
    arguments.extend(wanted.world()?);
    arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
    arguments.extend(["--write-config".to_owned(), config.display().to_string()]);
    let line = Line {
        name: "simulator".to_owned(),
        program: binaries.join("seatshift"),
        arguments,
        environment: BTreeMap::new(),
        port,
        health: "/_simulator/startup".to_owned(),
        made_of: String::new(),
    };
    drop(held);
    line.start(stack)?;
    line.wait_ready(stack, READY)?;
    Ok(config)
}

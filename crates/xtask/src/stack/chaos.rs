//! `cargo xtask stack kill`: one drawn process after the other is killed and started again.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use seatshift_servers::random_hex;

use super::place::Stack;
use super::process::Line;
use super::up::rest;

#[derive(Debug, clap::Args)]
pub(crate) struct Chaos {
    /// Only processes of this service, or this process; default: all services.
    of: Option<String>,
    /// For so many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// One kill in so many seconds.
    #[arg(long, default_value_t = 5)]
    every: u64,
}

pub(crate) fn run(stack: &Stack, chaos: &Chaos) -> Result<()> {
    let stack = &stack.made()?;
    let wanted = |line: &Line| chaos.of.as_deref().is_none_or(|of| of == line.name || of == line.service());
    let lines: Vec<Line> =
        Line::all(stack)?.into_iter().filter(|line| line.name != "simulator" && wanted(line)).collect();
    if lines.is_empty() {
        bail!("no such process in {}", stack.dir().display());
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(chaos.seconds) {
        let line = &lines[usize::from_str_radix(&random_hex::<4>()?, 16)? % lines.len()];
        line.process(stack).end("KILL", Duration::from_secs(10));
        // As a container's restart policy would.
        rest(Duration::from_millis(500));
        let started = line.start(stack)?;
        println!(
            "{:>4} s  killed {}, started again as {}",
            begun.elapsed().as_secs(),
            line.name,
            started.pid().unwrap_or_default()
        );
        rest(Duration::from_secs(chaos.every));
    }
    for line in &lines {
        line.wait_ready(stack, Duration::from_secs(60))?;
    }
    println!("all are ready again");
    Ok(())
}

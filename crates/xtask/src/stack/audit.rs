//! `cargo xtask stack audit`: the judgment of the simulator's books, which share nothing with what they judge.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use seatshift_servers::{get, post};
use serde_json::Value;

use super::place::Stack;
use super::process::Line;

pub(crate) fn audit(stack: &Stack, plan: &Path) -> Result<()> {
    let line = Line::all(stack)?.into_iter().find(|line| line.name == "simulator");
    let simulator = line.context("this stack has no simulator")?;
    let mut intended = Command::new(&simulator.program);
    intended.args(["--output", "json", "simulator", "--world"]).arg(stack.world()).arg("--intent").arg(plan);
    let intended = intended.output().context("the simulator's program does not run")?;
    if !intended.status.success() {
        bail!("{}: {}", plan.display(), String::from_utf8_lossy(&intended.stderr));
    }
    let (status, answer) =
        post(simulator.port, "/_simulator/intent", &String::from_utf8_lossy(&intended.stdout))?;
    if status != 204 {
        bail!("the simulator does not take this plan: {answer}");
    }
    let (_, figures) = get(simulator.port, "/_simulator/audit")?;
    let figures: Value = serde_json::from_str(&figures).context("the simulator's audit is no JSON")?;
    println!("{:#}", figures["figures"]);
    println!("examined: {}", figures["examined"]);
    let harms = figures["figures"].as_object().context("the audit has no figures")?;
    let bad: Vec<&String> =
        harms.iter().filter(|(_, figure)| figure.as_u64() != Some(0)).map(|(name, _)| name).collect();
    for name in &bad {
        let findings = figures["details"][name.as_str()]["findings"].as_array().into_iter().flatten();
        findings.for_each(|finding| println!("{name}: {finding}"));
    }
    if !bad.is_empty() {
        bail!("not every figure is 0");
    }
    Ok(())
}

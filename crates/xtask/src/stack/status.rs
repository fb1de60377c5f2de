//! What a stack says about itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use seatshift_servers::{Postgres, Rabbit, Shared};

use super::place::Stack;
use super::process::Line;
use crate::run::succeed;

pub(crate) fn status(stack: &Stack) -> Result<()> {
    let dir = stack.dir().canonicalize().unwrap_or(stack.dir().to_owned());
    let stack = &Stack::at(dir);
    let mut bad = 0;
    let mut row = |name: &str, pid: Option<u32>, health: Result<(), String>| {
        let (pid, health) = match pid {
            Some(pid) => (pid.to_string(), health.err()),
            None => ("-".to_owned(), Some("does not run".to_owned())),
        };
        bad += usize::from(health.is_some());
        println!("{name:<16} {pid:>8}  {}", health.unwrap_or_else(|| "ready".to_owned()));
    };
    // Each for itself: one that is down says nothing about the other.
    let (rabbit, postgres) = Shared::each_at(stack.dir());
    let answers = |answer: Result<String, seatshift_servers::Error>| {
        answer.map(|_| ()).map_err(|error| error.to_string())
    };
    let alarms = rabbit.as_ref().map(|rabbit| rabbit.api("GET", "/api/health/checks/local-alarms", ""));
    row("rabbitmq", rabbit.as_ref().ok().and_then(Rabbit::pid), alarms.map_or(Ok(()), answers));
    let selected = postgres.as_ref().map(|postgres| postgres.query("postgres", "select 1"));
    row("postgresql", postgres.as_ref().ok().and_then(Postgres::pid), selected.map_or(Ok(()), answers));
    let lines = Line::all(stack)?;
    for line in &lines {
        row(&line.name, line.process(stack).pid(), line.ready());
    }
    if lines.is_empty() || bad > 0 {
        bail!(
            "not everything is ready ({} of {} processes); `{}` starts what does not run",
            lines.len() + 2 - bad,
            lines.len() + 2,
            stack.command("up")
        );
    }
    Ok(())
}

pub(crate) fn logs(stack: &Stack, of: Option<&str>, follow: bool) -> Result<()> {
    let lines = Line::all(stack)?;
    let wanted = lines.iter().filter(|line| of.is_none_or(|of| of == line.name || of == line.service()));
    let files: Vec<_> = wanted.map(|line| stack.processes().join(format!("{}.out", line.name))).collect();
    if files.is_empty() {
        bail!(
            "no process of that name; there are: {}",
            lines.iter().map(|line| &*line.name).collect::<Vec<_>>().join(", ")
        );
    }
    let mut tail = Command::new("tail");
    tail.args(["-n", "200"]).args(follow.then_some("-F")).args(&files);
    succeed(&mut tail)
}

/// The end of `up`: addresses, credentials, and what to run next.
pub(crate) fn told(stack: &Stack, servers: &Shared, binaries: &Path) -> Result<()> {
    println!("\nEverything runs. Its folder: {}\n", stack.dir().display());
    for line in Line::all(stack)? {
        let api = line.environment.get("SEATSHIFT__CONTROL__LISTEN");
        let api = api.map(|listen| format!("   API http://{listen}")).unwrap_or_default();
        let health = if line.service() == "simulator" { "" } else { "/readyz, /livez, /metrics" };
        println!("  {:<16} http://127.0.0.1:{} {health}{api}", line.name, line.port);
    }
    println!("  {:<16} {}", "RabbitMQ", servers.rabbit.management_url());
    println!("  {:<16} {}", "", servers.rabbit.admin_url(super::prepare::NAME));
    println!("  {:<16} {}", "PostgreSQL", servers.postgres.admin_url(super::prepare::NAME));
    println!(
        "  {:<16} {}",
        "control's token",
        fs::canonicalize(stack.secrets().join("control-token"))?.display()
    );
    let seatshift =
        format!("{} --config {}", binaries.join("seatshift").display(), stack.for_commands().display());
    println!(
        "\nNext:\n  \
         {seatshift} plan --approve-ready    (or plan, and decide each row of plan.csv yourself)\n  \
         {seatshift} apply plan.csv\n  \
         {seatshift} status\n  \
         {}\n  \
         (instead of status: logs [SERVICE] [-f] | kill | audit plan.csv | down)",
        stack.command("status")
    );
    Ok(())
}

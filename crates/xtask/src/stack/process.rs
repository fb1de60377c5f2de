//! One of our processes in a stack: how it was started is kept in a file, so that it can be started again the same way.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use seatshift_servers::{Process, get};
use serde_json::{Value, json};

use super::place::Stack;

/// How a process is started, and where it listens. Secrets are not in it, only the names of their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `purchase-2`, `simulator`.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Where `health` is asked for.
    pub(crate) port: u16,
    /// The path that answers 200 when it is ready.
    pub(crate) health: String,
    /// Of which state of its program and configuration it was started; empty before.
    pub(crate) made_of: String,
}

impl Line {
    /// Starts it; its log goes on where an earlier one of that name ended in `<name>.before.out`.
    pub(crate) fn start(&self, stack: &Stack) -> Result<Process> {
        let dir = stack.processes();
        let kept = json!({
            "program": self.program, "arguments": self.arguments, "environment": self.environment,
            "port": self.port, "health": self.health, "made_of": self.files(),
        });
        let file = dir.join(format!("{}.json", self.name));
        fs::write(&file, format!("{kept:#}\n")).with_context(|| file.display().to_string())?;
        keep_log(&dir, &self.name);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(&self.environment).current_dir(stack.dir());
        Ok(Process::start(&dir, &self.name, &mut command)?)
    }

    /// All that were started in this stack, running or not.
    pub(crate) fn all(stack: &Stack) -> Result<Vec<Line>> {
        let entries = fs::read_dir(stack.processes()).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| Line::read(file).with_context(|| file.display().to_string())).collect()
    }

    fn read(file: &Path) -> Result<Line> {
        let kept: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not a text");
        let environment = kept["environment"].as_object().context("no environment")?;
        Ok(Line {
            name: file.file_stem().and_then(|name| name.to_str()).context("no name")?.to_owned(),
            program: PathBuf::from(text(&kept["program"])?),
            arguments: kept["arguments"]
                .as_array()
                .context("no arguments")?
                .iter()
                .map(text)
                .collect::<Result<_>>()?,
            environment: environment
                .iter()
                .map(|(key, value)| Ok((key.clone(), text(value)?)))
                .collect::<Result<_>>()?,
            port: kept["port"].as_u64().and_then(|port| port.try_into().ok()).context("no port")?,
            health: text(&kept["health"])?,
            made_of: kept["made_of"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// The value of one of its options.
    pub(crate) fn argument(&self, option: &str) -> Option<&str> {
        let at = self.arguments.iter().position(|argument| argument == option)?;
        self.arguments.get(at + 1).map(String::as_str)
    }

    /// Whether this one, which runs, is what `wanted` would start.
    pub(crate) fn is_as(&self, wanted: &Line) -> bool {
        let told = |line: &Line| (line.program.clone(), line.arguments.clone(), line.environment.clone());
        told(self) == told(wanted) && !self.is_outdated()
    }

    /// Whether its program or its configuration was written anew since it was started.
    pub(crate) fn is_outdated(&self) -> bool {
        self.made_of != self.files()
    }

    /// The state of its program and of its configuration, as far as it need be known to see that one is another.
    fn files(&self) -> String {
        let configuration = self.argument("--config").map(PathBuf::from);
        let state = |file: &PathBuf| {
            let found =
                fs::metadata(file).map(|it| format!("{}.{:09} {}", it.mtime(), it.mtime_nsec(), it.len()));
            found.unwrap_or_default()
        };
        [Some(self.program.clone()), configuration].iter().flatten().map(state).collect::<Vec<_>>().join(", ")
    }

    /// Forgotten: it is not part of the stack any more.
    pub(crate) fn forget(&self, stack: &Stack) {
        let _ = fs::remove_file(stack.processes().join(format!("{}.json", self.name)));
    }

    pub(crate) fn process(&self, stack: &Stack) -> Process {
        Process::found(&stack.processes(), &self.name)
    }

    /// The service that it is a replica of.
    pub(crate) fn service(&self) -> &str {
        self.name.split_once('-').map_or(&self.name, |(service, _)| service)
    }

    /// `Ok` when ready, otherwise why not.
    pub(crate) fn ready(&self) -> Result<(), String> {
        match get(self.port, &self.health) {
            Ok((200, _)) => Ok(()),
            Ok((status, body)) => Err(format!("{} answers {status}: {}", self.health, body.trim())),
            Err(_) => Err(format!("does not answer on port {}", self.port)),
        }
    }

    /// Waits until it is ready.
    pub(crate) fn wait_ready(&self, stack: &Stack, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let Err(why) = self.ready() else { return Ok(()) };
            let gone = self.process(stack).pid().is_none();
            if gone || begun.elapsed() > patience {
                let log = stack.processes().join(format!("{}.out", self.name));
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let end = lines[lines.len().saturating_sub(8)..].join("\n");
                let what = if gone { "has ended".to_owned() } else { format!("is not ready: {why}") };
                bail!("{} {what}. The end of {}:\n{end}", self.name, log.display());
            }
            super::up::rest(Duration::from_millis(50));
        }
    }
}

/// Keeps what an earlier process of that name wrote: a killed one is what somebody will want to read about.
fn keep_log(dir: &Path, name: &str) {
    let (log, before) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.before.out")));
    let Ok(text) = fs::read(&log) else { return };
    let opened = fs::OpenOptions::new().append(true).create(true).open(before);
    if let Ok(mut before) = opened {
        let _ = std::io::Write::write_all(&mut before, &text);
    }
}

//! Child processes of this very executable, pointed at the demo's simulator.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::settings::PREFIX;
use crate::simulated::Simulated;

/// How children are started.
#[derive(Debug)]
pub(crate) struct Children {
    executable: PathBuf,
    config: PathBuf,
    environment: Vec<(String, String)>,
}

/// A child that has ended: its exit code (none = killed), and the document it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) document: Value,
}

impl Children {
    /// Children that work on this configuration and call this simulator.
    pub(crate) fn of(simulated: &Simulated, config: &Path) -> anyhow::Result<Children> {
        let executable = std::env::current_exe().context("this program cannot be found to start it again")?;
        let address = format!("http://127.0.0.1:{}", simulated.port);
        let partner = &simulated.world.partner;
        let clock = simulated.clock;
        let set = [
            ("PARTNER_CENTER__API", address.clone()),
            ("PARTNER_CENTER__AUTHORITY", address),
            ("PARTNER_CENTER__TENANT", partner.tenant_id.to_string()),
            ("PARTNER_CENTER__CLIENT_ID", partner.client_id.to_string()),
            ("PARTNER_CENTER__CLIENT_SECRET", partner.client_secret.clone()),
            ("PARTNER_CENTER__REFRESH_TOKEN", partner.refresh_token.clone()),
            ("PARTNER_CENTER__INDIRECT_PROVIDER", partner.indirect_provider.to_string()),
            ("CLOCK__START", clock.start.to_string()),
            ("CLOCK__EPOCH", clock.epoch.to_string()),
            ("CLOCK__SCALE", clock.scale.to_string()),
        ];
        let environment = set.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)).collect();
        Ok(Children { executable, config: config.to_path_buf(), environment })
    }

    /// Starts one. What it says goes to our standard error, what it prints is kept.
    pub(crate) fn start(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.executable);
        command.arg("--config").arg(&self.config).args(["--output", "json"]).args(arguments);
        // Settings of whoever started us must not get into the demo.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn().with_context(|| format!("{}: cannot be started", self.executable.display()))
    }

    /// Runs one to its end. Exit codes 0 and 3 are good ones.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        let child = self.start(arguments)?;
        ended(child).await
    }

    /// Runs one that must end well.
    pub(crate) async fn must(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let ended = self.run(arguments).await?;
        match ended.code {
            Some(0 | 3) => Ok(ended.document),
            code => {
                bail!("`seatshift {}` ended with {code:?}; what it said stands above", arguments.join(" "))
            }
        }
    }
}

/// Waits for the end of a child, and reads what it printed.
pub(crate) async fn ended(mut child: Child) -> anyhow::Result<Ended> {
    let mut printed = Vec::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_end(&mut printed).await?;
    }
    let status = child.wait().await?;
    // A child that was killed has printed nothing, or half of something.
    let document = serde_json::from_slice(&printed).unwrap_or(Value::Null);
    Ok(Ended { code: status.code(), document })
}

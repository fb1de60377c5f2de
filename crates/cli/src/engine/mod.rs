//! Who carries out what a command asks for: the engine in this process, or control's replicas, which run anyway.
//!
//! Both take plans and orders and say when nothing more happens by itself. They differ in one thing: what runs here ends
//! with the command, what runs there goes on.

mod here;

use std::sync::Arc;

use seatshift_control::api::InStore;
use seatshift_control::commands::{Answered, Command};
use seatshift_control::{Applied, Progress as Far, ReviewedPlan, RunOptions, Settled};
use seatshift_store::Store;

use crate::progress::Progress;
use crate::remote::There;
use crate::settings::Settings;
use here::Here;

/// Whoever does the work.
#[derive(Debug)]
pub(crate) enum Engine {
    Here(Box<Here>),
    There(Box<There>),
}

/// Why waiting for an engine has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing more happens by itself.
    Settled(Settled),
    /// Somebody pressed Ctrl-C or sent SIGTERM; the engine has stopped in good order.
    Asked,
    /// The same, and the work goes on without being watched.
    Unwatched,
}

/// Why nothing is changed, and what to do.
pub(crate) fn not_allowed(settings: &Settings) -> String {
    let file = settings.file.as_ref().map_or_else(
        || format!("write a configuration (`seatshift init`) and set it in {}", crate::settings::FILE_NAME),
        |file| format!("set `allow_changes = true` in {}", file.display()),
    );
    format!(
        "nothing may be changed at Microsoft yet: `allow_changes` is false. When you have read the plan, {file} \
         (or SEATSHIFT__ALLOW_CHANGES=true)"
    )
}

impl Engine {
    /// Starts what the store remembers here, or finds control.
    pub(crate) async fn start(settings: &Settings, doing: &str) -> anyhow::Result<Engine> {
        if settings.control.url.is_some() {
            return Ok(Engine::There(Box::new(There::find(settings).await?)));
        }
        Ok(Engine::Here(Box::new(Here::begin(settings, doing, false).await?)))
    }

    /// Starts it here with the gate closed: no changing call is made before somebody opens it.
    pub(crate) async fn start_closed(settings: &Settings, doing: &str) -> anyhow::Result<Engine> {
        Ok(Engine::Here(Box::new(Here::begin(settings, doing, true).await?)))
    }

    /// Takes the rows of a plan into a run. The same plan again goes on with its run.
    pub(crate) async fn apply(
        &mut self,
        plan: &ReviewedPlan,
        options: RunOptions,
    ) -> anyhow::Result<Applied> {
        match self {
            Engine::Here(here) => Ok(here.control().apply(plan, options).await?),
            Engine::There(there) => there.apply(plan, options).await,
        }
    }

    /// Carries out an operator's command.
    pub(crate) async fn command(&mut self, command: Command) -> anyhow::Result<Answered> {
        match self {
            Engine::Here(here) => Ok(here.control().command(command).await?),
            Engine::There(there) => there.command(&command).await,
        }
    }

    /// What it remembers.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Engine::Here(here) => here.store(),
            Engine::There(there) => there.store(),
        }
    }

    /// Dead letters of the engine here.
    pub(crate) fn dead_letters(&self) -> Option<InStore> {
        match self {
            Engine::Here(here) => Some(here.dead_letters()),
            Engine::There(_) => None,
        }
    }

    /// Shows progress until nothing more happens by itself, or somebody asks to stop.
    pub(crate) async fn until_settled(&mut self, title: &str) -> anyhow::Result<Ended> {
        match self {
            Engine::Here(here) => here.until_settled(title).await,
            Engine::There(there) => there.until_settled(title).await,
        }
    }

    /// Stops what runs here, in good order.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Engine::Here(here) => here.stop().await,
            Engine::There(_) => Ok(()),
        }
    }
}

/// Shows how far it is; `calls` = made so far, where that is known.
pub(crate) fn show(progress: &Progress, far: &Far, calls: Option<u64>) {
    let done: usize = far.verdicts.values().sum();
    // One row can have one user or thousands: the forecast follows rows and users.
    let weight = (done as u64 + far.users_moved, far.rows as u64 + far.users.max(far.users_moved));
    let paused = if far.paused.is_some() { ", paused" } else { "" };
    let calls = calls.map(|calls| format!(", {calls} calls")).unwrap_or_default();
    let about = format!("{} running, {} of {} users{calls}{paused}", far.running, far.users_moved, far.users);
    progress.show_weighed(done as u64, far.rows as u64, weight, &about);
}

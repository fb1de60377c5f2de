//! The engine of one command: connection, lock and all services, started together and stopped together.

use std::time::Duration;

use anyhow::{Context as _, bail};
use seatshift_control::{Config, Control, Progress as Far, Settled, StopRule};
use seatshift_store::Store;
use std::sync::Arc;
use tokio::task::JoinHandle;

use crate::connection::Connection;
use crate::embedded::{Embedded, EmbeddedParts, EmbeddedSettings, alone};
use crate::ending::locked;
use crate::lock::Lock;
use crate::plans;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::signals::Wishes;

/// A running engine. Dropping it without [`Engine::stop`] is a crash, and loses nothing that was committed.
#[derive(Debug)]
pub(crate) struct Engine {
    // Stopped and let go of in this order.
    running: JoinHandle<()>,
    embedded: Embedded,
    connection: Connection,
    wishes: Wishes,
    _lock: Lock,
}

/// Why waiting for an engine has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing more happens by itself.
    Settled(Settled),
    /// Somebody pressed Ctrl-C or sent SIGTERM; the engine has stopped in good order.
    Asked,
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
    /// Starts what the store remembers, and everything else that is asked of it from then on.
    pub(crate) async fn start(settings: &Settings, doing: &str) -> anyhow::Result<Engine> {
        Engine::begin(settings, doing, false).await
    }

    /// The same with the gate closed: no changing call is made before somebody opens it.
    pub(crate) async fn start_closed(settings: &Settings, doing: &str) -> anyhow::Result<Engine> {
        Engine::begin(settings, doing, true).await
    }

    async fn begin(settings: &Settings, doing: &str, closed: bool) -> anyhow::Result<Engine> {
        let wishes = Wishes::listen().context("signals of this process cannot be listened to")?;
        let lock = Lock::take(&settings.state_dir, doing).map_err(locked)?;
        let connection = Connection::open(settings).await?;
        connection.sign_in().await?;
        if closed {
            connection.gate.pause();
        }
        let parts = EmbeddedParts {
            store: connection.base.store.clone() as Arc<dyn Store>,
            clock: connection.base.clock.clone(),
            ids: connection.base.ids.clone(),
            client: connection.client.clone(),
            gate: connection.gate.clone(),
            settings: embedded_settings(settings, &connection)?,
        };
        let (embedded, running) = Embedded::start(parts).await.context("the engine cannot start")?;
        Ok(Engine { running: tokio::spawn(running), embedded, connection, wishes, _lock: lock })
    }

    pub(crate) fn control(&self) -> &Control {
        &self.embedded.control
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.connection.base.store.clone()
    }

    /// Shows progress until nothing more happens by itself, or somebody asks to stop.
    pub(crate) async fn until_settled(&mut self, title: &str) -> anyhow::Result<Ended> {
        let progress = Progress::new(title);
        let control = self.embedded.control.clone();
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let settled = control.settled();
        tokio::pin!(settled);
        let ended = loop {
            tokio::select! {
                biased;
                asked = self.wishes.next() => {
                    asked?;
                    break Ended::Asked;
                }
                settled = &mut settled => break Ended::Settled(settled),
                _ = &mut self.running => bail!("the engine has ended by itself; RUST_LOG=info shows more"),
                _ = tick.tick() => self.show(&progress),
            }
        };
        self.show(&progress);
        if matches!(ended, Ended::Asked) {
            progress
                .say("stopping: what is under way is finished or written down; Ctrl-C again stops at once");
            self.finish_services().await?;
        }
        progress.finish();
        Ok(ended)
    }

    fn show(&self, progress: &Progress) {
        let far = self.embedded.control.progress();
        let done: usize = far.verdicts.values().sum();
        // One row can have one user or thousands: the forecast follows rows and users.
        let weight = (done as u64 + far.users_moved, far.rows as u64 + far.users.max(far.users_moved));
        let (done, of) = (done as u64, far.rows as u64);
        progress.show_weighed(done, of, weight, &about(&far, self.connection.gate.granted()));
    }

    async fn finish_services(&mut self) -> anyhow::Result<()> {
        self.embedded.stop();
        tokio::select! {
            biased;
            ended = &mut self.running => Ok(ended?),
            again = self.wishes.next() => {
                again?;
                bail!("stopped at once; nothing that was committed is lost")
            }
        }
    }

    /// Stops in good order.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if !self.running.is_finished() {
            self.finish_services().await?;
        }
        let Engine { embedded, connection, _lock, .. } = self;
        drop(embedded);
        connection.close().await
    }
}

fn about(far: &Far, calls: u64) -> String {
    let paused = if far.paused.is_some() { ", paused" } else { "" };
    format!("{} running, {} of {} users, {calls} calls{paused}", far.running, far.users_moved, far.users)
}

fn embedded_settings(settings: &Settings, connection: &Connection) -> anyhow::Result<EmbeddedSettings> {
    let run = settings.run;
    let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // The engine reckons in its clock's time, calls take real time.
    Ok(EmbeddedSettings {
        planning: plans::options(settings)?,
        control: Config {
            max_in_flight: small(run.max_in_flight),
            stop: StopRule {
                enabled: run.stop_after_first > 0 || run.stop_percent > 0,
                first_bad: if run.stop_after_first == 0 { usize::MAX } else { small(run.stop_after_first) },
                later_percent: if run.stop_percent == 0 { usize::MAX } else { small(run.stop_percent) },
                ..StopRule::default()
            },
            ..Config::default()
        },
        limits: alone(connection.longest_call.saturating_mul(connection.scale)),
        ..EmbeddedSettings::default()
    })
}

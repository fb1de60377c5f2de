//! The engine in this process: connection, lock and all services, started together and stopped together.

use std::time::Duration;

use anyhow::{Context as _, bail};
use seatshift_control::api::InStore;
use seatshift_control::{Config, Control, StopRule};
use seatshift_store::Store;
use std::sync::Arc;
use tokio::task::JoinHandle;

use super::Ended;
use crate::connection::{Base, Connection};
use crate::embedded::{Embedded, EmbeddedParts, EmbeddedSettings, alone};
use crate::ending::locked;
use crate::lock::Lock;
use crate::plans;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::signals::Wishes;

/// A running engine. Dropping it without [`Here::stop`] is a crash, and loses nothing that was committed.
#[derive(Debug)]
pub(crate) struct Here {
    // Stopped and let go of in this order.
    running: JoinHandle<()>,
    embedded: Embedded,
    connection: Connection,
    wishes: Wishes,
    _lock: Lock,
}

impl Here {
    /// Starts what the store remembers, and everything else that is asked of it from then on; `closed`: with the gate closed,
    /// so that no changing call is made before somebody opens it.
    pub(crate) async fn begin(settings: &Settings, doing: &str, closed: bool) -> anyhow::Result<Here> {
        let wishes = Wishes::listen().context("signals of this process cannot be listened to")?;
        let lock = Lock::take(&settings.state_dir, doing).map_err(locked)?;
        let (connection, own) = Connection::own(settings).await?;
        connection.sign_in().await?;
        if closed {
            own.gate.pause();
        }
        let parts = EmbeddedParts {
            store: connection.base.store.clone(),
            clock: connection.base.clock.clone(),
            ids: connection.base.ids.clone(),
            client: own.client,
            gate: own.gate,
            settings: embedded_settings(settings, own.longest_call.saturating_mul(own.scale))?,
        };
        let (embedded, running) = Embedded::start(parts).await.context("the engine cannot start")?;
        Ok(Here { running: tokio::spawn(running), embedded, connection, wishes, _lock: lock })
    }

    pub(crate) fn control(&self) -> &Control {
        &self.embedded.control
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.connection.base.store.clone()
    }

    /// Dead letters, which are sent back over the bus of this engine.
    pub(crate) fn dead_letters(&self) -> InStore {
        let Base { clock, ids, store, .. } = self.connection.base.clone();
        InStore { store, bus: self.embedded.bus.clone(), clock, ids }
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
        super::show(progress, &self.embedded.control.progress(), Some(self.connection.calls.made()));
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
        let Here { embedded, connection, _lock, .. } = self;
        drop(embedded);
        connection.close().await
    }
}

fn embedded_settings(settings: &Settings, longest_call: Duration) -> anyhow::Result<EmbeddedSettings> {
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
        limits: alone(longest_call),
        ..EmbeddedSettings::default()
    })
}

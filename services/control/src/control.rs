//! Control, running: its host, admission, checks and commands; and the handle by which a process drives it.

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use jiff::SignedDuration;
use seatshift_host::{Clock, Handle, Ids, Parts};
use seatshift_messages::{CustomerId, MigrationId, Service};
use seatshift_store::{Committed, Store, StoreError, Unit};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Progress, Settled};
use crate::pause::{Pause, Valve};
use crate::run::{Applied, Recheck, ReviewedPlan, RunOptions};
use crate::stop::StopRule;
use crate::tracker::{Fact, Ledger, News};
use crate::{Controlling, admission, apply, checks, commands, restart};

/// What can be set about control at run time.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Migrations under way at the same time; parked ones do not count.
    pub max_in_flight: usize,
    /// Rows whose facts are read again at the same time.
    pub checks_at_once: usize,
    pub stop: StopRule,
    /// How often commands of other processes are looked for, in the clock's own time; none = only this process gives any.
    pub look_for_commands: Option<SignedDuration>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_in_flight: 64,
            checks_at_once: 16,
            stop: StopRule::default(),
            look_for_commands: Some(SignedDuration::from_millis(500)),
        }
    }
}

/// What control runs on, beside its host's parts.
#[derive(Debug, Clone)]
pub struct Setup {
    pub parts: Parts,
    pub recheck: Arc<dyn Recheck>,
    pub valve: Arc<dyn Valve>,
    pub config: Config,
}

/// Everything that control's loops share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) host: Handle<Controlling>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) board: Arc<Board>,
    pub(crate) recheck: Arc<dyn Recheck>,
    pub(crate) valve: Arc<dyn Valve>,
    pub(crate) config: Config,
    /// A command was given in this process.
    pub(crate) bell: Notify,
    /// A command was answered.
    pub(crate) answered: Notify,
    /// Pause and resume, one at a time.
    pub(crate) pausing: tokio::sync::Mutex<()>,
}

/// The handle of a running control.
#[derive(Debug, Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

/// Prepares control from what the store remembers. The handle works as soon as the returned future is polled; the future
/// runs until `stopping`. Dropping it is a crash, and loses nothing that was committed.
pub async fn start(
    setup: Setup,
    stopping: CancellationToken,
) -> Result<(Control, impl Future<Output = ()> + Send), StoreError> {
    let Setup { parts, recheck, valve, config } = setup;
    let board = Arc::new(Board::new(config.stop));
    let unfinished = restart::read(&*parts.store, &board).await?;
    if let Some(pause) = board.pause() {
        valve.pause(pause.drain);
    }
    let participant = Arc::new(Controlling::new(parts.clock.clone(), board.clone()));
    let (host, running) = seatshift_host::start(participant, parts.clone(), stopping);
    let inner = Arc::new(Inner {
        host,
        store: parts.store,
        clock: parts.clock,
        ids: parts.ids,
        board,
        recheck,
        valve,
        config,
        bell: Notify::new(),
        answered: Notify::new(),
        pausing: tokio::sync::Mutex::default(),
    });
    let control = Control { inner: inner.clone() };
    let all = async move {
        let loops = async {
            restart::finish(&inner, unfinished).await;
            futures::join!(admission::run(&inner), checks::run(&inner), commands::run(&inner));
        };
        tokio::select! {
            biased;
            () = running => {}
            () = loops => {}
        }
    };
    Ok((control, all))
}

impl Control {
    /// Takes the rows of a plan into a run. The same plan again goes on with its run; nothing is taken twice.
    pub async fn apply(&self, plan: &ReviewedPlan, options: RunOptions) -> Result<Applied, StoreError> {
        apply::apply(&self.inner, plan, options).await
    }

    /// Waits until nothing more happens by itself.
    pub async fn settled(&self) -> Settled {
        let mut changes = self.inner.board.watch();
        loop {
            changes.borrow_and_update();
            if let Some(settled) = self.inner.board.settled() {
                return settled;
            }
            // The board lives as long as this handle.
            changes.changed().await.ok();
        }
    }

    /// How far the whole is, now.
    pub fn progress(&self) -> Progress {
        self.inner.board.progress()
    }

    /// Wakes at every change of what [`Control::progress`] shows.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.board.watch()
    }

    /// The standing pause.
    pub fn paused(&self) -> Option<Pause> {
        self.inner.board.pause()
    }

    /// Carries out an operator's command, and returns what became of it.
    pub async fn command(&self, command: commands::Command) -> Result<commands::Answered, StoreError> {
        commands::carry_out_here(&self.inner, command).await
    }

    /// Where one migration stands.
    pub async fn ledger(&self, migration: MigrationId) -> Ledger {
        self.inner.host.stage(migration).await
    }
}

impl Inner {
    pub(crate) async fn tell(&self, migration: MigrationId, fact: Fact) -> Committed {
        self.tell_of(migration, None, fact).await
    }

    pub(crate) async fn tell_of(
        &self,
        migration: MigrationId,
        customer: Option<CustomerId>,
        fact: Fact,
    ) -> Committed {
        self.host.tell(migration, customer, None, News::new(self.clock.now(), fact)).await
    }

    /// Tells many at the same time, so that they share commits.
    pub(crate) async fn tell_all(&self, facts: Vec<(MigrationId, Option<CustomerId>, Fact)>) {
        const AT_ONCE: usize = 64;
        futures::stream::iter(facts)
            .for_each_concurrent(AT_ONCE, async |(migration, customer, fact)| {
                self.tell_of(migration, customer, fact).await;
            })
            .await;
    }

    /// Writes records, and perhaps events, of no migration.
    pub(crate) async fn write(&self, change: impl FnOnce(&mut Unit)) -> Committed {
        let mut unit = Unit::new(Service::Control);
        change(&mut unit);
        self.host.write(unit).await
    }
}

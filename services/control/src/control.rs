//! Control, running: its host, admission, checks and commands; and the handle by which a process drives it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::Bus;
use seatshift_host::{Clock, Handle, Ids, Parts};
use seatshift_messages::{CustomerId, MigrationId, Service};
use seatshift_store::{Committed, Store, StoreError, Unit};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::applies::{ApplyAnswered, ApplyAsked};
use crate::board::{Board, Progress, Settled};
use crate::commands::{Answered, Command};
use crate::pause::{Pause, Valve};
use crate::run::{Applied, Recheck, ReviewedPlan, RunOptions};
use crate::shared::Shared;
use crate::silence::{History, SilenceLimits, SilentMigration};
use crate::stop::StopRule;
use crate::tracker::{Fact, Ledger, News};
use crate::{Controlling, acting, applies, commands, follow, restart};

/// Between two looks whether the clock is right again.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(1);

/// What a person does while control admits nothing because its clock cannot be relied on.
pub const WHAT_TO_DO_ABOUT_THE_CLOCK: &str = "the clock of this replica of control differs from the database's: it admits nothing, and carries out no command but `pause`, \
     until they agree. Set the wrong one right; `/readyz` of the replica says by how much";

/// What can be set about control at run time.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Nothing is begun while this is false.
    pub allow_changes: bool,
    /// Migrations under way at the same time; parked ones do not count.
    pub max_in_flight: usize,
    /// Rows whose facts are read again at the same time.
    pub checks_at_once: usize,
    pub stop: StopRule,
    /// How often commands of other processes are looked for, in the clock's own time; none = only this process gives any.
    /// Replicas look in real time, several times a second.
    pub look_for_commands: Option<SignedDuration>,
    /// A migration under way of which nothing is heard for longer than its step may take raises an alarm.
    pub silence: SilenceLimits,
    /// Rows that are not at their end this long before their old subscription's are counted as at risk.
    pub risk: SignedDuration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            allow_changes: true,
            max_in_flight: 64,
            checks_at_once: 16,
            stop: StopRule::default(),
            look_for_commands: Some(SignedDuration::from_millis(500)),
            silence: SilenceLimits::default(),
            risk: SignedDuration::from_hours(14 * 24),
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
    /// None: nothing that was published can miss its reader.
    pub history: Option<Arc<dyn History>>,
    /// None: this process is alone on its store.
    pub shared: Option<Arc<dyn Shared>>,
}

/// Everything that control's loops share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) host: Handle<Controlling>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) board: Arc<Board>,
    pub(crate) recheck: Arc<dyn Recheck>,
    pub(crate) valve: Arc<dyn Valve>,
    pub(crate) config: Config,
    pub(crate) history: Option<Arc<dyn History>>,
    /// There are replicas.
    pub(crate) shared: bool,
    /// A command or an apply was given in this process.
    pub(crate) bell: Notify,
    pub(crate) apply_bell: Notify,
    /// One of them was answered in this process.
    pub(crate) answered: Notify,
    /// Pause and resume, one at a time.
    pub(crate) pausing: tokio::sync::Mutex<()>,
    /// One plan at a time.
    pub(crate) applying: tokio::sync::Mutex<()>,
    pub(crate) following: tokio::sync::Mutex<()>,
}

/// The handle of a running control.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) inner: Arc<Inner>,
    shared: Option<Arc<dyn Shared>>,
}

/// Prepares control from what the store remembers. The handle works as soon as the returned future is polled; the future
/// runs until `stopping`. Dropping it is a crash, and loses nothing that was committed.
pub async fn start(
    setup: Setup,
    stopping: CancellationToken,
) -> Result<(Control, impl Future<Output = ()> + Send), StoreError> {
    let Setup { parts, recheck, valve, config, history, shared } = setup;
    let board = Arc::new(Board::new(config.stop));
    if shared.is_none() {
        restart::read(&*parts.store, &board).await?;
        if let Some(pause) = board.pause() {
            valve.pause(pause.drain).await;
        }
    }
    let participant = Arc::new(Controlling::new(parts.clock.clone(), board.clone()));
    let (host, running) = seatshift_host::start(participant, parts.clone(), stopping);
    let inner = Arc::new(Inner {
        host,
        store: parts.store,
        bus: parts.bus,
        clock: parts.clock,
        ids: parts.ids,
        board,
        recheck,
        valve,
        config,
        history,
        shared: shared.is_some(),
        bell: Notify::new(),
        apply_bell: Notify::new(),
        answered: Notify::new(),
        pausing: tokio::sync::Mutex::default(),
        applying: tokio::sync::Mutex::default(),
        following: tokio::sync::Mutex::default(),
    });
    if let Some(shared) = &shared {
        follow::once(&inner, &**shared).await?;
    }
    let control = Control { inner: inner.clone(), shared: shared.clone() };
    let all = async move {
        let loops = async {
            match &shared {
                None => Box::pin(acting::act(&inner)).await,
                Some(shared) => {
                    futures::join!(follow::run(&inner, &**shared), acting::run(&inner, &**shared));
                }
            }
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
        if !self.inner.shared {
            return applies::apply_here(&self.inner, plan, options).await;
        }
        let asked = applies::upload(&self.inner, plan, options).await?;
        let id = self.ask_apply(asked).await?;
        loop {
            match self.apply_answered(&id).await? {
                Some(ApplyAnswered::Applied(applied)) => return Ok(applied),
                Some(ApplyAnswered::Incomplete { text }) => {
                    return Err(StoreError::Damaged { what: "plan on its way", source: text.into() });
                }
                None => self.a_moment().await,
            }
        }
    }

    /// An id under which the pages of a plan are uploaded.
    pub fn new_upload(&self) -> String {
        self.inner.ids.event(self.inner.clock.now()).to_string()
    }

    /// Keeps one page of a plan that is on its way. The same page again takes the place of the one before.
    pub async fn put_page(
        &self,
        upload: &str,
        page: u32,
        rows: &[crate::PlannedRow],
    ) -> Result<(), StoreError> {
        applies::put_page(&self.inner, upload, page, rows).await
    }

    /// Asks for an uploaded plan to be applied by whoever acts; [`Control::apply_answered`] says what became of it.
    pub async fn ask_apply(&self, asked: ApplyAsked) -> Result<String, StoreError> {
        applies::ask(&self.inner, asked).await
    }

    /// What became of an apply; none while it is not carried out.
    pub async fn apply_answered(&self, id: &str) -> Result<Option<ApplyAnswered>, StoreError> {
        applies::answered(&*self.inner.store, id).await
    }

    /// Waits until nothing more happens by itself.
    pub async fn settled(&self) -> Settled {
        let from = self.last_change().await.unwrap_or_default();
        let mut changes = self.inner.board.watch();
        loop {
            changes.borrow_and_update();
            // Not before this replica has seen what was committed when it was asked.
            let seen = self.inner.board.position() >= from;
            if let Some(settled) = self.inner.board.settled().filter(|_| seen) {
                return settled;
            }
            // The board lives as long as this handle.
            changes.changed().await.ok();
        }
    }

    /// Whether nothing more happens by itself, as far as this replica sees.
    pub fn settled_now(&self) -> Option<Settled> {
        self.inner.board.settled()
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

    /// Migrations under way of which nothing was heard for longer than their step may take, longest first.
    /// None while the clock is not right: nobody knows then how long it has been.
    pub fn silent(&self) -> Vec<SilentMigration> {
        if !self.clock_is_right() {
            return Vec::new();
        }
        self.inner.board.silent(self.inner.clock.now(), &self.inner.config.silence)
    }

    /// How many ledgers of control cannot be read; their customers wait.
    pub fn unreadable(&self) -> usize {
        self.inner.board.unreadable()
    }

    /// Customers with an old subscription that ends soon and from which they are not moved.
    pub fn customers_at_risk(&self) -> usize {
        self.inner.board.customers_at_risk(self.inner.clock.now(), self.inner.config.risk)
    }

    /// The last change that anybody has committed, of which [`Control::position`] says whether this replica has seen it.
    pub async fn last_change(&self) -> Result<u64, StoreError> {
        match &self.shared {
            Some(shared) => shared.last_change().await,
            None => Ok(0),
        }
    }

    /// Up to which change this replica's picture is whole.
    pub fn position(&self) -> u64 {
        self.inner.board.position()
    }

    /// Carries out an operator's command, and returns what became of it.
    pub async fn command(&self, command: Command) -> Result<Answered, StoreError> {
        let id = self.give(command).await?;
        loop {
            let answered = self.inner.answered.notified();
            tokio::pin!(answered);
            // Registered before the look, so that an answer in between is not missed.
            answered.as_mut().enable();
            if let Some(answered) = self.answer(&id).await? {
                return Ok(answered);
            }
            self.inner.bell.notify_one();
            if self.inner.shared {
                // Another replica may be the one that answers.
                tokio::select! {
                    biased;
                    () = answered => {}
                    () = self.a_moment() => {}
                }
            } else {
                answered.await;
            }
        }
    }

    /// Hands a command to whoever acts; [`Control::answer`] says what became of it.
    pub async fn give(&self, command: Command) -> Result<String, StoreError> {
        commands::give(&self.inner, command).await
    }

    /// What became of a command; none while it is not carried out.
    pub async fn answer(&self, id: &str) -> Result<Option<Answered>, StoreError> {
        commands::answer(&*self.inner.store, id).await
    }

    /// Takes a command back that nobody has taken up.
    pub async fn withdraw(&self, id: &str) -> Result<(), StoreError> {
        commands::withdraw(&*self.inner.store, id).await
    }

    /// What a command would do, without doing it.
    pub async fn preview(&self, command: &Command) -> Result<Answered, StoreError> {
        commands::preview(&*self.inner.store, &*self.inner.clock, command).await
    }

    /// Whether this process's clock agrees with the others'. While it does not, nothing is admitted here.
    pub fn clock_is_right(&self) -> bool {
        self.inner.clock.is_right()
    }

    /// What time it is for the engine.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Where one migration stands.
    pub async fn ledger(&self, migration: MigrationId) -> Ledger {
        self.inner.host.stage(migration).await
    }

    /// What it remembers.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// A tenth of a second of real time: between two looks at what another replica does.
    pub async fn a_moment(&self) {
        crate::shared::pause(Duration::from_millis(100)).await;
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

    /// Tells many at the same time, so that they share commits; answers in their order.
    pub(crate) async fn tell_all(
        &self,
        facts: Vec<(MigrationId, Option<CustomerId>, Fact)>,
    ) -> Vec<Committed> {
        const AT_ONCE: usize = 64;
        futures::stream::iter(facts)
            .map(|(migration, customer, fact)| self.tell_of(migration, customer, fact))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// Writes records, and perhaps events, of no migration.
    pub(crate) async fn write(&self, change: impl FnOnce(&mut Unit)) -> Committed {
        let mut unit = Unit::new(Service::Control);
        change(&mut unit);
        self.host.write(unit).await
    }

    /// Until this process's clock can be relied on: whatever begins by time, or writes down when something was, waits for that.
    pub(crate) async fn right_time(&self) {
        while !self.clock.is_right() {
            self.clock.pause(LOOK_AT_THE_CLOCK).await;
        }
    }

    /// Until it is time to look again for what other processes have asked for.
    pub(crate) async fn next_look(&self) {
        match (self.shared, self.config.look_for_commands) {
            (true, _) => crate::shared::pause(Duration::from_millis(200)).await,
            (false, Some(wait)) => self.clock.sleep(wait).await,
            (false, None) => std::future::pending().await,
        }
    }
}

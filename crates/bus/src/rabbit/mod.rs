//! RabbitMQ: two supervised connections, one to publish and one to consume, each with a loop of its own.
//!
//! ```text
//! publish() ─▶ Outbound ─▶ session: send a round, await its confirmations ─▶ broker      (connection 1)
//! receive() ◀─ Shelf    ◀─ session: take deliveries, tell what is settled ◀▶ broker      (connection 2)
//!                          supervisor of each: connect, declare, run; when it breaks, wait with jitter, again
//! ```
//!
//! Two connections, because a broker that is short of memory or disk blocks those that publish, and then reads nothing from
//! them, not even acknowledgments. What a session has obtained (channels, tags) dies with it; only ids live on. lapin's own
//! recovery is off: it does not see closed channels, and a batch in progress silently loses its acknowledgments.

mod acks;
mod backoff;
mod connect;
mod declare;
mod definitions;
mod error;
mod inbound;
pub(crate) mod message;
mod options;
pub(crate) mod outbound;
mod shelf;
mod state;
pub mod topology;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use lapin::options::QueueDeclareOptions;
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use seatshift_messages::Service;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::{Buried, Bus, Confirm, Delivery, Outgoing};
use backoff::Jitter;
use connect::open;
pub(crate) use connect::{Line, open_any, read_tls};
pub use definitions::{Rights, definitions, rights};
pub use error::RabbitError;
pub use options::{BrokerUrl, Declare, RabbitOptions, Tls};
pub use state::{BusState, Declared};

/// A session that lived so long was a good one: the next wait is short again.
const GOOD_SESSION: Duration = Duration::from_secs(30);
/// For looking at a queue.
const GLANCE: Duration = Duration::from_secs(5);

/// Publishing to RabbitMQ, and receiving from one service's queue.
pub struct RabbitBus {
    shared: Arc<Shared>,
}

/// What the parts of a bus share.
pub(crate) struct Shared {
    options: RabbitOptions,
    tls: OwnedTLSConfig,
    outbound: outbound::Outbound,
    shelf: Arc<shelf::Shelf>,
    board: state::Board,
    phase: watch::Sender<Phase>,
    drained: watch::Sender<bool>,
    ended: watch::Sender<bool>,
    /// The connection to consume, to look at the queue over.
    line: Mutex<Option<Weak<lapin::Connection>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// No further deliveries.
    Draining,
    /// Tell what is settled, publish what waits, and end.
    Closing,
}

/// What waits in a queue, and who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that are ready; those with a reader are not counted.
    pub ready: u32,
    pub consumers: u32,
    /// Messages that could not be handled, in the queue of dead letters.
    pub dead: u32,
}

impl RabbitBus {
    /// The bus, and the future in which its sessions live: connect, declare, publish, receive, and again when something
    /// breaks. It ends only after [`RabbitBus::close`]; dropping it is an end without a goodbye, after which what is
    /// unconfirmed is unknown and what is unsettled is delivered again. Nothing is connected when this returns.
    pub fn start(
        options: RabbitOptions,
    ) -> Result<(Arc<RabbitBus>, impl Future<Output = ()> + Send + 'static), RabbitError> {
        if options.urls.is_empty() {
            return Err(RabbitError::NoUrl);
        }
        let shared = Arc::new(Shared {
            tls: read_tls(&options.tls)?,
            options,
            outbound: outbound::Outbound::default(),
            shelf: Arc::default(),
            board: state::Board::default(),
            phase: watch::Sender::new(Phase::Running),
            drained: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            line: Mutex::default(),
        });
        let running = Running(Arc::clone(&shared));
        let run = async move {
            let publishing = Box::pin(supervise(&running.0, Role::Publish));
            let consuming = Box::pin(supervise(&running.0, Role::Consume));
            tokio::join!(biased; publishing, consuming);
        };
        Ok((Arc::new(RabbitBus { shared }), run))
    }

    /// How it stands.
    pub fn state(&self) -> BusState {
        let mut state = self.shared.board.note().clone();
        state.unconfirmed = self.shared.outbound.unconfirmed();
        state.unsettled = self.shared.shelf.out() as u64;
        state
    }

    /// No further deliveries: asks the broker for no more and gives back what nobody has taken. Those that are out can
    /// still be settled, and publishing goes on. Returns when it is done; only while the future of
    /// [`RabbitBus::start`] runs.
    pub async fn drain(&self) {
        self.shared.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Draining;
            }
            running
        });
        reached(&self.shared.drained).await;
    }

    /// Drains, tells the broker what has been settled, publishes what still waits, says goodbye, and lets the future of
    /// [`RabbitBus::start`] end. What is still unsettled is delivered again. Waits as long as the broker lets it: set a
    /// limit around it.
    pub async fn close(&self) {
        self.drain().await;
        self.shared.phase.send_replace(Phase::Closing);
        reached(&self.shared.ended).await;
    }

    /// What waits in this service's queue. None while there is no connection.
    pub async fn queue_depth(&self) -> Option<QueueDepth> {
        let line = self.shared.line.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()?;
        let service = self.shared.options.service;
        let looking = async {
            let channel = line.create_channel().await.ok()?;
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let look = async |queue: String| {
                channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.ok()
            };
            let found = look(topology::work_queue(service)).await?;
            let dead = look(topology::dead_queue(service)).await?.message_count();
            let _ = channel.close(200, "".into()).await;
            Some(QueueDepth { ready: found.message_count(), consumers: found.consumer_count(), dead })
        };
        timeout(GLANCE, looking).await.ok().flatten()
    }
}

#[async_trait]
impl Bus for RabbitBus {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        let address = message::event(outgoing.id, &outgoing.bytes, self.shared.options.service);
        self.shared.outbound.publish(address, outgoing.bytes, self.shared.options.confirm_timeout)
    }

    /// Only for the service of the options: another one's queue is never read, and asking for it waits for ever.
    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        if service != self.shared.options.service {
            tracing::error!(%service, reads = %self.shared.options.service, "this bus does not read that queue");
            return std::future::pending().await;
        }
        self.shared.shelf.take(limit, self.shared.options.prefetch.max(1).into()).await
    }

    async fn bury(&self, service: Service, bytes: Arc<[u8]>, reason: &str) -> Buried {
        let address = message::dead_letter(service, &bytes, reason);
        match self.shared.outbound.publish(address, bytes, self.shared.options.confirm_timeout).await {
            Confirm::Safe => Buried::Kept,
            Confirm::Unknown => Buried::NotNow,
        }
    }
}

impl fmt::Debug for RabbitBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitBus").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

async fn reached(mark: &watch::Sender<bool>) {
    // The sender is the one we hold: it cannot be gone.
    let _ = mark.subscribe().wait_for(|reached| *reached).await;
}

/// The sessions live; when this goes, nobody answers any more.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.outbound.give_up();
        self.0.drained.send_replace(true);
        self.0.ended.send_replace(true);
        let mut board = self.0.board.note();
        board.publishing = false;
        board.consuming = false;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Publish,
    Consume,
}

impl Role {
    fn purpose(self) -> &'static str {
        match self {
            Role::Publish => "publish",
            Role::Consume => "consume",
        }
    }

    /// Nothing is left for a new session of this role to do.
    fn is_over(self, phase: Phase, shared: &Shared) -> bool {
        match self {
            Role::Publish => phase == Phase::Closing && shared.outbound.is_empty(),
            // What was out belonged to the session that died.
            Role::Consume => phase >= Phase::Draining,
        }
    }

    async fn over(self, phase: &mut watch::Receiver<Phase>, shared: &Shared) {
        // The sender is in what is shared: it cannot be gone.
        let _ = phase.wait_for(|phase| self.is_over(*phase, shared)).await;
    }
}

/// One session after the other, until the bus is closed.
async fn supervise(shared: &Shared, role: Role) {
    let options = &shared.options;
    let seed = options.seed.wrapping_mul(2).wrapping_add(u64::from(role == Role::Consume));
    let mut jitter = Jitter::new(seed, options.backoff);
    let mut phase = shared.phase.subscribe();
    let nodes = options.urls.len() as u64;
    for attempt in 0_u64.. {
        if role.is_over(*phase.borrow(), shared) {
            break;
        }
        let place = options.seed.wrapping_add(attempt) % nodes;
        let url = &options.urls[usize::try_from(place).unwrap_or_default()];
        let began = Instant::now();
        let connecting = open(url, &shared.tls, options, role.purpose());
        let ended = tokio::select! {
            biased;
            () = role.over(&mut phase, shared) => break,
            line = connecting => match line {
                Ok(line) => Box::pin(session(shared, role, url, line)).await,
                Err(error) => Err(error),
            },
        };
        let lived = began.elapsed();
        left(shared, role);
        let Err(error) = ended else { break };
        let wait = if lived > GOOD_SESSION {
            jitter.reset();
            options.backoff.0
        } else {
            jitter.next()
        };
        complain(shared, role, url, &error, wait);
        tokio::select! {
            biased;
            () = role.over(&mut phase, shared) => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    if role == Role::Consume {
        shared.board.note().drained = true;
        shared.drained.send_replace(true);
    }
}

async fn session(shared: &Shared, role: Role, url: &BrokerUrl, line: Line) -> Result<(), RabbitError> {
    tracing::info!(broker = %url, purpose = role.purpose(), "connected to the broker");
    match role {
        Role::Publish => outbound::session(shared, line).await,
        Role::Consume => inbound::session(shared, line).await,
    }
}

fn left(shared: &Shared, role: Role) {
    let mut board = shared.board.note();
    match role {
        Role::Publish => {
            board.publishing = false;
            board.blocked = None;
        }
        Role::Consume => board.consuming = false,
    }
}

fn complain(shared: &Shared, role: Role, url: &BrokerUrl, error: &RabbitError, wait: Duration) {
    let reason = error.chain();
    tracing::warn!(
        broker = %url, purpose = role.purpose(), error = reason, wait_ms = wait.as_millis(),
        "no connection to the broker; trying again"
    );
    let mut board = shared.board.note();
    board.reconnects += 1;
    if matches!(error, RabbitError::Missing { .. } | RabbitError::Differs { .. }) {
        board.declared = Declared::Failed { reason: reason.clone() };
    }
    board.last_error = Some(reason);
}

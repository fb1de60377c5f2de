//! From the outbox to the bus: publish what waits, many at a time, and clear what is safe.
//!
//! A row leaves the outbox only after the bus has said that the event cannot be lost. Whatever is in between at a crash is
//! published again, with the same id. Any number of relays may work on one outbox; what one holds and does not publish is
//! free again when its lease has run out. Clearing rides with the next claim, so that a busy relay asks the store once for
//! each batch.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::SignedDuration;
use seatshift_bus::{Bus, Confirm, Outgoing};
use seatshift_messages::Service;
use seatshift_store::{OutboxRow, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, later};
use crate::committer::Bells;
use crate::ids::Ids;
use crate::limits::Limits;
use crate::meters::{Meters, Pulse};
use crate::patience::Patience;

/// What a relay works with.
pub(crate) struct Relay {
    pub(crate) service: Service,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) meters: Meters,
    pub(crate) limits: Limits,
}

/// Most events that may be unconfirmed at a time, as batches.
const WINDOWS: usize = 8;

/// No more are taken while so many bytes are unconfirmed: an event can be a megabyte.
const MOST_BYTES: usize = 8 << 20;
/// As long as nothing is known of the events here, they are taken to be so long.
const FIRST_GUESS: usize = MOST_BYTES / 16;

/// What is safe leaves the outbox within this, also when nothing else is to be published. Real time.
const CLEAR_WITHIN: Duration = Duration::from_millis(100);

/// Events that the bus has and has not confirmed.
struct Unconfirmed {
    events: FuturesUnordered<BoxFuture<'static, Confirmed>>,
    bytes: usize,
    /// As long as the longest of the last ones.
    length: usize,
}

/// An event's place and length, and what the bus said.
type Confirmed = (u64, usize, Confirm);

impl Unconfirmed {
    fn new() -> Self {
        Unconfirmed { events: FuturesUnordered::new(), bytes: 0, length: FIRST_GUESS }
    }

    /// How many more of the length of the last ones are not too much; one always, when there is nothing.
    fn room(&self) -> usize {
        let room = MOST_BYTES.saturating_sub(self.bytes) / self.length.max(1);
        if self.events.is_empty() { room.max(1) } else { room }
    }

    fn push(&mut self, position: u64, bytes: usize, confirm: BoxFuture<'static, Confirm>) {
        self.bytes += bytes;
        self.events.push(async move { (position, bytes, confirm.await) }.boxed());
    }

    /// Such lengths have come; longer ones before are forgotten by and by.
    fn have_come(&mut self, longest: usize) {
        self.length = longest.max(self.length / 2);
    }
}

/// What the bus has answered and the store has not been told yet.
#[derive(Default)]
struct Settled {
    safe: Vec<u64>,
    unknown: Vec<u64>,
}

impl Settled {
    fn is_empty(&self) -> bool {
        self.safe.is_empty() && self.unknown.is_empty()
    }
}

impl Relay {
    /// Until `flushing`; then it ends as soon as nothing is left that it could publish, or the bus does not take it.
    pub(crate) async fn run(self, flushing: CancellationToken) {
        let pulse = self.meters.pulse("relay");
        let mut unconfirmed = Unconfirmed::new();
        let mut settled = Settled::default();
        let mut patience = Patience::new();
        loop {
            pulse.beat();
            let refused = !settled.unknown.is_empty();
            if refused && flushing.is_cancelled() {
                // They stay in the outbox: whoever comes next publishes them.
                self.exchange(&mut settled, 0, &pulse).await;
                return;
            }
            if refused {
                patience.wait(&*self.clock, &self.ids).await;
            } else if !settled.safe.is_empty() {
                patience.restored();
            }
            let room = self.window().saturating_sub(unconfirmed.events.len());
            // What is taken is leased, and by a wrong clock nobody knows until when.
            let room = if self.clock.is_right() { room } else { 0 };
            let room = room.min(self.limits.batch.max(1)).min(unconfirmed.room());
            let rows = self.exchange(&mut settled, room, &pulse).await;
            let more = room > 0 && rows.len() == room;
            self.publish(rows, &mut unconfirmed);
            if more {
                continue;
            }
            if flushing.is_cancelled() && unconfirmed.events.is_empty() && settled.is_empty() {
                return;
            }
            pulse.rest();
            self.until_something_happens(&mut unconfirmed, &mut settled, &flushing).await;
        }
    }

    /// One at a time where nothing is to be done in batches.
    fn window(&self) -> usize {
        if self.limits.batch <= 1 { 1 } else { WINDOWS * self.limits.batch }
    }

    fn publish(&self, rows: Vec<OutboxRow>, unconfirmed: &mut Unconfirmed) {
        let own = self.meters.own();
        own.published.inc_by(rows.len() as u64);
        if let Some(longest) = rows.iter().map(|row| row.bytes.len()).max() {
            unconfirmed.have_come(longest);
        }
        for row in rows {
            let length = row.bytes.len();
            let confirm = self.bus.publish(Outgoing { id: row.id, bytes: row.bytes });
            unconfirmed.push(row.position, length, confirm);
        }
        own.unconfirmed.set(unconfirmed.events.len() as f64);
    }

    /// Waits for answers of the bus, for something to publish, or for the time to look what others have left.
    async fn until_something_happens(
        &self,
        unconfirmed: &mut Unconfirmed,
        settled: &mut Settled,
        flushing: &CancellationToken,
    ) {
        let look_again = async {
            match self.limits.look_again {
                Some(wait) => self.clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(look_again);
        let clear = self.clock.pause(CLEAR_WITHIN);
        tokio::pin!(clear);
        loop {
            tokio::select! {
                biased;
                Some(confirmed) = unconfirmed.events.next() => {
                    let full = unconfirmed.room() == 0;
                    self.take(confirmed, unconfirmed, settled);
                    while let Some(Some(confirmed)) = unconfirmed.events.next().now_or_never() {
                        self.take(confirmed, unconfirmed, settled);
                    }
                    self.meters.own().unconfirmed.set(unconfirmed.events.len() as f64);
                    let room_again = full && unconfirmed.room() > 0;
                    if self.is_to_be_told(settled) || room_again || flushing.is_cancelled() {
                        return;
                    }
                }
                () = self.bells.outbox.notified() => return,
                () = flushing.cancelled(), if unconfirmed.events.is_empty() => return,
                () = &mut look_again => return,
                () = &mut clear, if !settled.is_empty() => return,
            }
        }
    }

    /// Whether the store is to be told at once what the bus has answered. Alone on a store that is near it costs nothing;
    /// over a network what is safe waits for the next claim, which takes it along.
    fn is_to_be_told(&self, settled: &Settled) -> bool {
        self.limits.gather.is_zero() || !settled.unknown.is_empty() || settled.safe.len() >= self.limits.batch
    }

    fn take(&self, confirmed: Confirmed, unconfirmed: &mut Unconfirmed, settled: &mut Settled) {
        let (position, bytes, confirm) = confirmed;
        unconfirmed.bytes -= bytes;
        let own = self.meters.own();
        match confirm {
            Confirm::Safe => {
                own.confirmed.count("safe");
                settled.safe.push(position);
            }
            Confirm::Unknown => {
                own.confirmed.count("unknown");
                settled.unknown.push(position);
            }
        }
    }

    /// Tells the store what became of the events before, and takes the next. Tried until the store answers.
    async fn exchange(&self, settled: &mut Settled, room: usize, pulse: &Pulse) -> Vec<OutboxRow> {
        if room == 0 && settled.is_empty() {
            return Vec::new();
        }
        let mut patience = Patience::new();
        loop {
            let now = self.clock.now();
            let lease: SignedDuration = self.limits.outbox_lease.unwrap_or(self.limits.lease);
            let told = seatshift_store::Settled { clear: &settled.safe, release: &settled.unknown };
            match self.store.exchange_outbox(self.service, told, now, later(now, lease), room).await {
                Ok(rows) => {
                    *settled = Settled::default();
                    return rows;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "could not read the outbox; trying again"
                    );
                    patience.wait(&*self.clock, &self.ids).await;
                    pulse.beat();
                }
            }
        }
    }
}

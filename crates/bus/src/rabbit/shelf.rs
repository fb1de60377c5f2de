//! Between a session and its readers: deliveries that nobody has taken yet, and what is settled and not told yet.
//!
//! The shelf outlives the sessions, so that no more than the prefetch is ever out, also right after a reconnection; the desk
//! is one session's. No lock here is held over an await or over anything that can panic.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::acks::AckTracker;
use crate::{Delivery, Settled};

/// What waits to be taken by this process, over all its sessions.
#[derive(Default)]
pub(crate) struct Shelf {
    stock: Mutex<Stock>,
    /// Something was put there, or room was made under the prefetch. Keeps one signal, so none is missed.
    changed: Notify,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Stock {
    parcels: VecDeque<Parcel>,
    /// Deliveries that are out and not settled, also those of sessions that are gone.
    out: usize,
}

/// A delivery that nobody has taken yet.
pub(crate) struct Parcel {
    pub(crate) tag: u64,
    pub(crate) bytes: Arc<[u8]>,
    /// How often the broker had delivered it before.
    pub(crate) deliveries: u32,
    pub(crate) desk: Arc<Desk>,
}

impl Shelf {
    /// At least one, at most `limit`, and not more than `prefetch` unsettled.
    pub(crate) async fn take(self: &Arc<Self>, limit: usize, prefetch: usize) -> Vec<Delivery> {
        // Receivers are served in the order in which they came.
        let _turn = self.turn.lock().await;
        loop {
            let taken = self.take_now(limit.max(1), prefetch);
            if !taken.is_empty() {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    fn take_now(self: &Arc<Self>, limit: usize, prefetch: usize) -> Vec<Delivery> {
        let parcels: Vec<Parcel> = {
            let mut stock = self.stock();
            let count = limit.min(prefetch.saturating_sub(stock.out)).min(stock.parcels.len());
            stock.out += count;
            stock.parcels.drain(..count).collect()
        };
        parcels.into_iter().map(|parcel| self.hand_out(parcel)).collect()
    }

    fn hand_out(self: &Arc<Self>, Parcel { tag, bytes, deliveries, desk }: Parcel) -> Delivery {
        let shelf = Arc::clone(self);
        Delivery::new(bytes, move |settled| {
            shelf.stock().out -= 1;
            shelf.changed.notify_one();
            desk.settle(tag, deliveries, settled);
        })
    }

    pub(crate) fn put(&self, parcel: Parcel) {
        self.stock().parcels.push_back(parcel);
        self.changed.notify_one();
    }

    /// Takes away what nobody has taken. It is the broker's again, or will be.
    pub(crate) fn clear(&self) -> Vec<u64> {
        self.stock().parcels.drain(..).map(|parcel| parcel.tag).collect()
    }

    pub(crate) fn out(&self) -> usize {
        self.stock().out
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the deliveries of one session are settled.
#[derive(Default)]
pub(crate) struct Desk {
    books: Mutex<Books>,
    /// Something was settled.
    pub(crate) changed: Notify,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) acks: AckTracker,
    pub(crate) given_back: Vec<Back>,
    pub(crate) acknowledged: u64,
}

/// A delivery that was given back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back {
    pub(crate) tag: u64,
    /// How often it had been delivered before.
    pub(crate) deliveries: u32,
    /// The reason lies with the message.
    pub(crate) failed: bool,
}

impl Desk {
    pub(crate) fn settle(&self, tag: u64, deliveries: u32, settled: Settled) {
        {
            let mut books = self.books();
            match settled {
                Settled::Acknowledged => {
                    books.acknowledged += 1;
                    books.acks.done(tag);
                }
                Settled::GivenBack | Settled::Failed => {
                    let failed = settled == Settled::Failed;
                    books.given_back.push(Back { tag, deliveries, failed });
                }
            }
        }
        self.changed.notify_one();
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

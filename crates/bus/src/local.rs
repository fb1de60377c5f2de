//! The bus of the embedded mode: one queue for each service, in memory, inside one process.
//!
//! Durable all the same: an event is confirmed, and so leaves its outbox, only when every service it is for has
//! acknowledged it. What is lost with the process was never confirmed, and is published again from the outbox.
//!
//! What must never happen: a confirmation before the last acknowledgment, or a lock held over an await.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use seatshift_messages::{Envelope, Event, EventId, Service, Unreadable};
use tokio::sync::{Notify, oneshot};

use crate::{Bus, Confirm, Delivery, Outgoing, Settled};

/// In-process publishing and receiving.
#[derive(Debug)]
pub struct LocalBus {
    queues: Arc<BTreeMap<Service, Queue>>,
    prefetch: usize,
}

impl LocalBus {
    /// `prefetch`: how many unsettled deliveries each service may have out at a time; at least one.
    pub fn new(prefetch: usize) -> Self {
        let queues = Service::ALL.into_iter().map(|service| (service, Queue::default())).collect();
        LocalBus { queues: Arc::new(queues), prefetch: prefetch.max(1) }
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        let readers = readers(outgoing.id, &outgoing.bytes);
        if readers.is_empty() {
            return futures::future::ready(Confirm::Safe).boxed();
        }
        let (told, confirmed) = oneshot::channel();
        let parcel = Arc::new(Parcel {
            bytes: outgoing.bytes,
            waiting: Mutex::new(Waiting { readers: readers.len(), told: Some(told) }),
        });
        for reader in readers {
            self.queues[reader].push(Arc::clone(&parcel));
        }
        // The sender goes away unused only with the bus itself.
        confirmed.map(|told| told.unwrap_or(Confirm::Unknown)).boxed()
    }

    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        let queue = &self.queues[&service];
        // A turnstile: receivers are served in the order in which they came. It also counts against tokio's budget, so
        // that a receiver who always finds something does not starve the other tasks.
        let _turn = queue.turn.lock().await;
        loop {
            let taken = queue.take(limit.max(1), self.prefetch);
            if !taken.is_empty() {
                return taken.into_iter().map(|parcel| self.hand_out(service, parcel)).collect();
            }
            queue.changed.notified().await;
        }
    }
}

impl LocalBus {
    fn hand_out(&self, service: Service, parcel: Arc<Parcel>) -> Delivery {
        let queues = Arc::clone(&self.queues);
        Delivery::new(Arc::clone(&parcel.bytes), move |settled| queues[&service].settle(parcel, settled))
    }
}

/// Who an event is for. What cannot be read goes to control, whose host keeps it as a dead letter with the reason.
fn readers(id: EventId, bytes: &[u8]) -> &'static [Service] {
    match read(bytes) {
        Ok(event) => event.heard_by(),
        Err(unreadable) => {
            tracing::warn!(%id, error = %unreadable, "an event that cannot be read goes to control");
            &[Service::Control]
        }
    }
}

fn read(bytes: &[u8]) -> Result<Event, Unreadable> {
    Event::read(&Envelope::from_bytes(bytes)?)
}

/// What waits for one service.
#[derive(Debug, Default)]
struct Queue {
    shelf: Mutex<Shelf>,
    /// Something was put on the shelf, or room was made under the prefetch. Keeps one signal, so none is missed.
    changed: Notify,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Shelf {
    parcels: VecDeque<Arc<Parcel>>,
    /// Deliveries that are out and not settled.
    out: usize,
}

impl Queue {
    fn push(&self, parcel: Arc<Parcel>) {
        unpoisoned(&self.shelf).parcels.push_back(parcel);
        self.changed.notify_one();
    }

    fn take(&self, limit: usize, prefetch: usize) -> Vec<Arc<Parcel>> {
        let mut shelf = unpoisoned(&self.shelf);
        let count = limit.min(prefetch.saturating_sub(shelf.out)).min(shelf.parcels.len());
        shelf.out += count;
        shelf.parcels.drain(..count).collect()
    }

    fn settle(&self, parcel: Arc<Parcel>, settled: Settled) {
        {
            let mut shelf = unpoisoned(&self.shelf);
            shelf.out -= 1;
            if settled != Settled::Acknowledged {
                shelf.parcels.push_back(Arc::clone(&parcel));
            }
        }
        self.changed.notify_one();
        if settled == Settled::Acknowledged {
            parcel.acknowledged();
        }
    }
}

/// One published event on its way to one or more services.
#[derive(Debug)]
struct Parcel {
    bytes: Arc<[u8]>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// Services that have not acknowledged it.
    readers: usize,
    told: Option<oneshot::Sender<Confirm>>,
}

impl Parcel {
    fn acknowledged(&self) {
        let mut waiting = unpoisoned(&self.waiting);
        waiting.readers -= 1;
        if waiting.readers == 0
            && let Some(told) = waiting.told.take()
        {
            // Nobody waits for the answer when the relay was stopped: it publishes the event again, readers drop it.
            let _ = told.send(Confirm::Safe);
        }
    }
}

/// No lock here is held over anything that can panic, so a poisoned one guards sound data.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

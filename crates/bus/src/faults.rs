//! A bus that does what a broker may do: deliver twice, deliver in another order. For tests and campaigns.
//!
//! Draws come from the seed and the event itself, never from the order of arrival, so that two runs over the same events
//! meet the same faults. What must never happen here: a fault that at-least-once delivery does not allow, such as a loss.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use seatshift_messages::Service;

use crate::{Buried, Bus, Confirm, Delivery, Outgoing};

/// Publishes one in so many events twice.
#[derive(Debug)]
pub struct Duplicating {
    bus: Arc<dyn Bus>,
    seed: u64,
    one_in: u64,
}

impl Duplicating {
    /// `one_in` = 1 duplicates every event.
    pub fn new(bus: Arc<dyn Bus>, seed: u64, one_in: u64) -> Self {
        Duplicating { bus, seed, one_in: one_in.max(1) }
    }
}

#[async_trait]
impl Bus for Duplicating {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        let (high, low) = outgoing.id.0.as_u64_pair();
        let twice = draw(&[self.seed, high, low]).is_multiple_of(self.one_in);
        let first = self.bus.publish(outgoing.clone());
        if twice {
            // Its confirmation is nobody's: the copy arrives whenever it does, also after the first is settled.
            drop(self.bus.publish(outgoing));
        }
        first.boxed()
    }

    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        self.bus.receive(service, limit).await
    }

    async fn bury(&self, service: Service, bytes: Arc<[u8]>, reason: &str) -> Buried {
        self.bus.bury(service, bytes, reason).await
    }
}

/// Sends one in so many deliveries to the back of the queue, and shuffles what comes together.
#[derive(Debug)]
pub struct Reordering {
    bus: Arc<dyn Bus>,
    seed: u64,
    one_in: u64,
    /// How often each event was drawn for, by service and content.
    draws: Mutex<BTreeMap<(Service, u64), u64>>,
}

impl Reordering {
    /// `one_in` must be at least 2, else nothing would ever arrive.
    pub fn new(bus: Arc<dyn Bus>, seed: u64, one_in: u64) -> Self {
        Reordering { bus, seed, one_in: one_in.max(2), draws: Mutex::default() }
    }

    /// None = to the back of the queue; else its place among those that arrive together.
    fn place(&self, service: Service, delivery: &Delivery) -> Option<u64> {
        let content = draw_bytes(self.seed, &delivery.bytes);
        let mut draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = draws.entry((service, content)).or_default();
        *nth += 1;
        let drawn = draw(&[content, *nth]);
        (!drawn.is_multiple_of(self.one_in)).then_some(drawn)
    }
}

#[async_trait]
impl Bus for Reordering {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        self.bus.publish(outgoing)
    }

    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        loop {
            let mut kept = Vec::new();
            for delivery in self.bus.receive(service, limit).await {
                match self.place(service, &delivery) {
                    Some(place) => kept.push((place, delivery)),
                    None => delivery.give_back(),
                }
            }
            if !kept.is_empty() {
                kept.sort_by_key(|(place, _)| *place);
                return kept.into_iter().map(|(_, delivery)| delivery).collect();
            }
        }
    }

    async fn bury(&self, service: Service, bytes: Arc<[u8]>, reason: &str) -> Buried {
        self.bus.bury(service, bytes, reason).await
    }
}

/// A number that depends on all of these and on nothing else (SplitMix64's finishing step over each).
pub(crate) fn draw(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, part| {
        let mut z = (state ^ part).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

fn draw_bytes(seed: u64, bytes: &[u8]) -> u64 {
    // FNV-1a over the bytes, then mixed with the seed.
    let sum = bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    draw(&[seed, sum])
}

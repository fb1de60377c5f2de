//! Moving events between services: one trait, one conformance suite.
//!
//! The bus carries bytes and forgets. Durability is the outbox's: an event leaves it only when the bus has confirmed, and
//! the bus confirms only when the event cannot be lost any more. For a broker that is when a quorum of it has the event;
//! in one process it is when every service that the event is for has *acknowledged* it, so that a killed process finds
//! everything unfinished still in its outbox and publishes it again.
//!
//! At-least-once, in no particular order: readers drop what they have seen and decide by state, not by arrival.
//!
//! [`LocalBus`] is the one of a single process. [`RabbitBus`] is RabbitMQ, the only code here that knows of a broker; what
//! lies in it is laid out in [`topology`], and people reach what lies dead or past through [`dead_letters`] and
//! [`history`].

pub mod dead_letters;
mod delivery;
pub mod faults;
pub mod history;
mod local;
mod rabbit;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use seatshift_messages::{EventId, Service};

pub use delivery::{Delivery, Settled};
pub use local::LocalBus;
pub use rabbit::{
    BrokerUrl, BusState, Declare, Declared, QueueDepth, RabbitBus, RabbitError, RabbitOptions, Rights, Tls,
    definitions, rights, topology,
};

/// An event on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub id: EventId,
    pub bytes: Arc<[u8]>,
}

/// What the bus says about one published event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// It cannot be lost any more.
    Safe,
    /// Not known; publish it again later.
    Unknown,
}

/// What became of a message that nobody can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buried {
    /// It lies in the service's dead-letter queue, with the reason. It cannot be lost any more.
    Kept,
    /// It keeps dead letters, and could not now: give the message back, it comes again.
    NotNow,
    /// This bus keeps no dead letters: whoever asked must keep it.
    NotKept,
}

/// Publishing and receiving.
#[async_trait]
pub trait Bus: Send + Sync + Debug {
    /// Publishes one event. The answer comes when the bus knows; publish many before awaiting the first (pipelining).
    ///
    /// The event is on its way when this returns, whether the answer is awaited or not. An event that is for nobody is
    /// safe at once.
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm>;

    /// What is ready for this service: at least one delivery (waits for it), at most `limit`; never waits to fill up.
    /// At most the prefetch of unsettled deliveries are out at a time. Dropping the future loses nothing.
    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery>;

    /// Puts a message that `service` cannot read among its dead letters, with the reason. The delivery it came in is
    /// still to be acknowledged, after this has answered [`Buried::Kept`].
    async fn bury(&self, service: Service, bytes: Arc<[u8]>, reason: &str) -> Buried {
        let _ = (service, bytes, reason);
        Buried::NotKept
    }
}

//! One event in the hands of one service.
//!
//! Settling is a value, not a flag: whoever holds a [`Delivery`] owes an answer, and forgetting it (a panic, a dropped
//! task) answers "give back". What must never happen: a delivery that is acknowledged because nobody looked.

use std::fmt;
use std::sync::Arc;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Its effects are committed: never again, please.
    Acknowledged,
    /// Deliver it again, to whoever asks.
    GivenBack,
    /// The same; but it could not be handled for a reason of its own, and a broker that counts such tries counts this one.
    Failed,
}

/// The bus's half of a delivery.
type Settle = Box<dyn FnOnce(Settled) + Send + Sync>;

/// One event handed to one service. Must be settled; dropping it is the same as [`Delivery::give_back`].
#[must_use = "a delivery that is dropped is given back"]
pub struct Delivery {
    pub bytes: Arc<[u8]>,
    settle: Option<Settle>,
}

impl Delivery {
    /// For the engines of a bus: `settle` is called exactly once.
    pub fn new(bytes: Arc<[u8]>, settle: impl FnOnce(Settled) + Send + Sync + 'static) -> Self {
        Delivery { bytes, settle: Some(Box::new(settle)) }
    }

    /// What it led to is committed.
    pub fn ack(mut self) {
        self.settle(Settled::Acknowledged);
    }

    /// It could not be handled now. It comes again, behind what waits already.
    pub fn give_back(mut self) {
        self.settle(Settled::GivenBack);
    }

    /// It could not be handled, and the reason lies with it. It comes again like one that was given back; one to which this
    /// happens again and again ends among the dead letters, where the bus has such.
    pub fn fail(mut self) {
        self.settle(Settled::Failed);
    }

    fn settle(&mut self, settled: Settled) {
        if let Some(settle) = self.settle.take() {
            settle(settled);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.settle(Settled::GivenBack);
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

//! How a bus stands, for readiness, metrics and people.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What a session found out about the topology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// No session has come so far yet.
    #[default]
    NotYet,
    /// It is there, so far as it can be checked.
    Done {
        /// What could not be checked, in words; empty when everything was declared.
        unchecked: Vec<String>,
    },
    /// It is not; nothing is published or received until it is.
    Failed { reason: String },
}

/// A snapshot. Counters count since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BusState {
    /// The connection to publish is up.
    pub publishing: bool,
    /// The connection to consume is up, and its consumer registered.
    pub consuming: bool,
    /// The broker takes no messages now, and says why (memory, disk).
    pub blocked: Option<String>,
    pub declared: Declared,
    /// Nothing more is delivered: [`crate::RabbitBus::drain`] was called and is done.
    pub drained: bool,
    /// Events that wait to be sent or confirmed.
    pub unconfirmed: u64,
    /// Deliveries that are out and not settled.
    pub unsettled: u64,
    /// Sessions that ended in an error.
    pub reconnects: u64,
    /// Why the last one did.
    pub last_error: Option<String>,
    /// Events that the broker has confirmed.
    pub confirmed: u64,
    /// Events that it refused (a full queue).
    pub refused: u64,
    /// Events that it could not route.
    pub returned: u64,
    /// Deliveries that the broker has sent for this service.
    pub delivered: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, given back.
    pub given_back: u64,
}

impl BusState {
    /// Events can be published and received.
    pub fn is_ready(&self) -> bool {
        self.publishing
            && self.consuming
            && self.blocked.is_none()
            && matches!(self.declared, Declared::Done { .. })
    }
}

/// Where the parts of a bus note how they stand.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<BusState>);

impl Board {
    pub(crate) fn note(&self) -> MutexGuard<'_, BusState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of a round of events.
    pub(crate) fn settled(&self, safe: u64, refused: u64, returned: u64) {
        let mut state = self.note();
        state.confirmed += safe;
        state.refused += refused;
        state.returned += returned;
    }
}

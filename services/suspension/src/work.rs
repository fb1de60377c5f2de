//! The pieces of work that suspension queues, with what each must remember over a crash.

use jiff::Timestamp;
use seatshift_host::Sent;
use seatshift_messages::Cause;
use serde::{Deserialize, Serialize};

/// One row of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Suspending(Change),
    Reactivating(Change),
}

/// Changing the old subscription's status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The change that has not been answered.
    pub sent: Option<Sent>,
    /// A definite refusal while an earlier try was unsettled: it counts once a later look has shown nothing.
    #[serde(default)]
    pub refused: Option<Cause>,
    #[serde(default)]
    pub tries: u32,
    /// When the wait for assignable seats, or for seats that cover the holders, began.
    #[serde(default)]
    pub began: Option<Timestamp>,
}

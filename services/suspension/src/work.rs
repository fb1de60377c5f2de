//! The pieces of work that suspension queues, with what each must remember over a crash.

use jiff::Timestamp;
use seatshift_edge::StatusChange;
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
    pub change: StatusChange,
    /// When the wait for assignable seats, or for seats that cover the holders, began.
    #[serde(default)]
    pub began: Option<Timestamp>,
    #[serde(default)]
    pub looks: u32,
}

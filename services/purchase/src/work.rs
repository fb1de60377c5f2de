//! The pieces of work that purchase queues, with what each must remember over a crash.

use jiff::Timestamp;
use seatshift_edge::StatusChange;
use seatshift_host::Sent;
use seatshift_messages::Cause;
use serde::{Deserialize, Serialize};

use crate::decide::Bought;

/// One row of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Ordering(Ordering),
    Provisioning(Provisioning),
    Reverting(Reverting),
}

/// Placing the order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ordering {
    /// The order that has not been answered. While it stands no other is placed.
    pub sent: Option<Sent>,
    /// Orders whose answer we lost, counted over all repeats.
    #[serde(default)]
    pub lost: u32,
    /// A definite refusal of a repeat: it counts once a further look has shown nothing.
    #[serde(default)]
    pub refused: Option<Cause>,
    /// Answers "not yet".
    #[serde(default)]
    pub tries: u32,
    /// Calls in a row that did not come through; spaces them out.
    #[serde(default)]
    pub outages: u32,
}

/// Waiting for assignable seats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provisioning {
    pub bought: Bought,
    pub began: Option<Timestamp>,
    pub looks: u32,
}

impl Provisioning {
    pub fn of(bought: Bought) -> Self {
        Provisioning { bought, began: None, looks: 0 }
    }
}

/// Suspending what was bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reverting {
    pub bought: Bought,
    pub change: StatusChange,
    /// When the wait for the subscription to appear began.
    #[serde(default)]
    pub began: Option<Timestamp>,
    #[serde(default)]
    pub looks: u32,
}

impl Reverting {
    pub fn of(bought: Bought) -> Self {
        Reverting { bought, change: StatusChange::default(), began: None, looks: 0 }
    }
}

//! The pause: a record that outlives the process, and the valve that stops the calls.

use std::fmt::Debug;

use jiff::Timestamp;
use seatshift_messages::{AskedBy, Cause};
use serde::{Deserialize, Serialize};

/// Stops calls that change something, before they are sent. Implemented over the quota gate; control only turns it.
pub trait Valve: Send + Sync + Debug {
    /// Returns when no further changing call starts. `drain`: what has begun may finish, nothing new starts.
    fn pause(&self, drain: bool);
    fn resume(&self);
}

/// A standing pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub drain: bool,
    pub at: Timestamp,
    pub asked: AskedBy,
    /// `operator` or `stop_rule`, with the text for people.
    pub cause: Cause,
}

/// Cause of a pause by rule.
pub const STOP_RULE: &str = "stop_rule";

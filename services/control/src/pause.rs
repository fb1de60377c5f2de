//! The pause: a record that outlives the process, and the valve that stops the calls.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use seatshift_messages::{AskedBy, Cause};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Stops calls that change something, before they are sent. Implemented over the quota gate; control only turns it.
#[async_trait]
pub trait Valve: Send + Sync + Debug {
    /// Returns when it is certain that within a second no further changing call starts, in whatever process. `drain`:
    /// what has begun may finish, nothing new starts. Tried until it is done: there is nothing else to be done.
    async fn pause(&self, drain: bool);
    async fn resume(&self);
    /// How it stands; none while that is not known.
    fn stands(&self) -> Option<Turned>;
}

/// What a valve lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Everything.
    Open,
    /// What belongs to what has begun.
    Draining,
    /// No changing call.
    Shut,
}

/// A standing pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pause {
    pub drain: bool,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub asked: AskedBy,
    /// `operator` or `stop_rule`, with the text for people.
    pub cause: Cause,
}

impl Pause {
    /// How the valve stands while this pause does.
    pub fn turned(&self) -> Turned {
        if self.drain { Turned::Draining } else { Turned::Shut }
    }
}

/// Cause of a pause by rule.
pub const STOP_RULE: &str = "stop_rule";

//! The settle horizon: how long a call without an answer may still take effect.
//!
//! One read that shows nothing proves nothing: the lost call may land a moment later, on a customer whose users have been
//! moved back meanwhile (protocol trace M2). So an unknown outcome is closed by *finding it done*, by time, or, for a
//! subscription, by a later successful change that makes the lost call's etag stale. Until then a step only reads; it does
//! not conclude "not done", begin the opposite change, or say *refused*.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::later;

/// How long to wait, by family. Nothing of this is documented by Microsoft; the figures are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizons {
    /// An order can take 15 minutes to show in the customer's list (wire contract 7.5).
    pub orders: SignedDuration,
    pub subscriptions: SignedDuration,
    pub licenses: SignedDuration,
}

impl Default for Horizons {
    fn default() -> Self {
        Horizons {
            orders: SignedDuration::from_mins(20),
            subscriptions: SignedDuration::from_mins(5),
            licenses: SignedDuration::from_mins(5),
        }
    }
}

/// A call that was sent, or was about to be, and has not been answered: written down before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Every repeat carries the same, until an answer has come.
    pub request_id: Uuid,
    /// When we last had reason to think that it is on its way: sent, given up, or taken over from a process that died.
    pub at: Timestamp,
}

impl Sent {
    pub fn new(request_id: Uuid, at: Timestamp) -> Self {
        Sent { request_id, at }
    }

    /// A process that died held it, or we have just given up waiting: its horizon begins now.
    pub fn begins_anew(&mut self, now: Timestamp) {
        self.at = self.at.max(now);
    }

    /// When it can be called settled, if no read has shown it done before.
    pub fn settles(&self, horizon: SignedDuration) -> Timestamp {
        later(self.at, horizon)
    }

    /// Whether "a read shows nothing" means "it was not done, and will not be".
    pub fn is_settled(&self, now: Timestamp, horizon: SignedDuration) -> bool {
        now >= self.settles(horizon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_551_427_200 + seconds).unwrap()
    }

    #[test]
    fn an_unanswered_call_is_not_settled_before_its_horizon() {
        let sent = Sent::new(Uuid::nil(), at(0));
        let horizon = Horizons::default().licenses;
        assert!(!sent.is_settled(at(299), horizon));
        assert!(sent.is_settled(at(300), horizon));
    }

    #[test]
    fn a_taken_over_call_begins_its_horizon_anew() {
        let mut sent = Sent::new(Uuid::nil(), at(0));
        sent.begins_anew(at(200));
        assert!(!sent.is_settled(at(300), SignedDuration::from_mins(5)));
        assert!(sent.is_settled(at(500), SignedDuration::from_mins(5)));
    }
}

//! How much a host takes on at a time, and what it must expect of others.

use std::time::Duration;

use jiff::SignedDuration;

/// Bounds of one host. None of them changes what is decided, only how much is in hand at a time.
///
/// Durations are in the clock's own time, but for `gather`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decisions in one transaction, deliveries taken at a time, events published at a time.
    pub batch: usize,
    /// Pieces of work that make calls at the same time; with replicas some more are held ready, or are being saved.
    pub parallel: usize,
    /// How long a piece of work may be held. Outlives every call it may make.
    pub lease: SignedDuration,
    /// The longest that one call can take.
    pub call_deadline: SignedDuration,
    /// Others work on the same rows: what a dead one has left is looked for at least this often. None = alone on the
    /// store, and every change to it is our own.
    pub look_again: Option<SignedDuration>,
    /// How long events may be held for publication; none = as long as work. Published twice does no harm, so others need
    /// not wait as long for a dead one's.
    pub outbox_lease: Option<SignedDuration>,
    /// How long at most, in real time, what is to be written waits for more that is written with it; zero = never. A
    /// transaction costs the same for one decision as for many, and a call to Microsoft takes far longer than this.
    pub gather: Duration,
    /// What is heard goes to our own event log: for control, where the services do not share one log.
    pub log_heard: bool,
    /// A protection that is taken away, to see whether a test notices; none but for that.
    pub sabotage: Option<Sabotage>,
}

/// What a host can be made to do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// What was heard before is heard again.
    InboxOff,
    /// A delivery is acknowledged before what it leads to is committed.
    AckBeforeCommit,
}

impl Limits {
    /// Whether other processes work on the same rows.
    pub fn replicated(&self) -> bool {
        self.look_again.is_some()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch: 64,
            parallel: 128,
            lease: SignedDuration::from_hours(1),
            call_deadline: SignedDuration::from_secs(60),
            look_again: None,
            outbox_lease: None,
            gather: Duration::ZERO,
            log_heard: false,
            sabotage: None,
        }
    }
}

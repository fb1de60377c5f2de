//! The clock the client waits on.
//!
//! A trait of this crate, so that the whole of it can run on a virtual or compressed clock: quota, pauses between
//! tries and the age of tokens follow it. Timeouts of a call do not: they belong to the [`crate::Transport`] and are
//! real time, because the network does not run faster when the clock does.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

/// Reads the time and waits.
pub trait Timer: Send + Sync + Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// Ends when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Whether the time it shows can be relied on. No changing call is made while it cannot.
    fn is_right(&self) -> bool {
        true
    }
}

/// The moment `duration` after `moment`; the end of time when there is none.
pub(crate) fn later(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long from `from` until `to`; zero when `to` is not later.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

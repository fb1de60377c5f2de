//! Virtual time: the one place where the simulator learns what time it is and waits.
//!
//! The simulated world lives on a clock of its own, so that a deletion after ninety days can be watched in a minute and
//! so that a campaign can be replayed to the instant. Nothing else in the crate may ask the operating system.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};

/// A boxed future, as the `futures` crate names it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where virtual time comes from.
pub trait Clock: Send + Sync + Debug {
    /// The virtual time.
    fn now(&self) -> Timestamp;
    /// Completes when this much virtual time has passed; at once for zero or less.
    fn sleep(&self, duration: SignedDuration) -> BoxFuture<'static, ()>;
    /// Virtual seconds in a real one.
    fn scale(&self) -> u32 {
        1
    }
}

/// Compressed time: virtual = `start` + (real - `epoch`) x `scale`. Two processes that are given the same three numbers
/// agree on the time.
#[derive(Debug, Clone)]
pub struct ScaledClock {
    start: Timestamp,
    /// Real time at which virtual time was `start`, in milliseconds since the Unix epoch.
    epoch_ms: i64,
    /// Virtual seconds in a real one.
    scale: u32,
}

impl ScaledClock {
    /// `epoch_ms` in real milliseconds since 1970; a `scale` of 0 counts as 1.
    #[must_use]
    pub fn new(start: Timestamp, epoch_ms: i64, scale: u32) -> Self {
        Self { start, epoch_ms, scale: scale.max(1) }
    }

    /// A clock that shows `start` right now.
    #[must_use]
    pub fn starting_now(start: Timestamp, scale: u32) -> Self {
        Self::new(start, i64::try_from(real_now().as_millis()).unwrap_or(i64::MAX), scale)
    }

    /// Real milliseconds since 1970 at which virtual time was `start`.
    #[must_use]
    pub fn epoch_ms(&self) -> i64 {
        self.epoch_ms
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the seam: compressed time is computed from real time, here alone"
)]
fn real_now() -> Duration {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        let real_us = i64::try_from(real_now().as_micros()).unwrap_or(i64::MAX);
        let passed_us = real_us.saturating_sub(self.epoch_ms.saturating_mul(1000));
        let passed = SignedDuration::from_micros(passed_us.saturating_mul(i64::from(self.scale)));
        self.start.saturating_add(passed).unwrap_or(self.start)
    }

    fn sleep(&self, duration: SignedDuration) -> BoxFuture<'static, ()> {
        let virtual_time = Duration::try_from(duration).unwrap_or_default();
        Box::pin(tokio::time::sleep(virtual_time / self.scale))
    }

    fn scale(&self) -> u32 {
        self.scale
    }
}

/// Time as the tokio runtime has it: real in a running program, paused and advanced by the runtime itself in tests and
/// campaigns.
#[derive(Debug, Clone)]
pub struct TokioClock {
    start: Timestamp,
    origin: tokio::time::Instant,
}

impl TokioClock {
    /// Shows `start` now. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { start, origin: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(passed).unwrap_or(self.start)
    }

    fn sleep(&self, duration: SignedDuration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::try_from(duration).unwrap_or_default()))
    }
}

//! Time. Everything that waits or stamps does it through one [`Clock`], so that a whole migration of weeks can be run in
//! minutes, or stepped in a test, without any duration in the engine being shortened.
//!
//! This is the only module of the engine that may read the system's clock.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

/// What time it is, and how to wait.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Timestamp;
    /// Resolves once `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;

    /// Resolves after this much **real** time: for trouble with a server of ours, which no compressed clock makes shorter.
    fn pause(&self, real: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(real))
    }
}

impl dyn Clock + '_ {
    /// Resolves after this much of the clock's own time.
    pub fn sleep(&self, wait: SignedDuration) -> BoxFuture<'static, ()> {
        self.sleep_until(later(self.now(), wait))
    }
}

/// `at + wait`, at most the end of time.
pub fn later(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The system's clock, possibly compressed: at scale 600 an hour passes in six seconds.
#[derive(Debug, Clone)]
pub struct ScaledClock {
    start: Timestamp,
    /// Real time at which the clock shows `start`.
    epoch: Timestamp,
    scale: u32,
    /// The monotonic clock at construction, with the clock's own time then: a step of the system's clock does not show.
    anchor: (std::time::Instant, Timestamp),
}

impl ScaledClock {
    /// Real time.
    pub fn real() -> Self {
        let now = system_now();
        ScaledClock { start: now, epoch: now, scale: 1, anchor: (std::time::Instant::now(), now) }
    }

    /// Shows `start` at the real moment `epoch`, and runs `scale` times as fast as real time. Every process given the
    /// same three shows the same time.
    pub fn compressed(start: Timestamp, epoch: Timestamp, scale: u32) -> Self {
        let scale = scale.max(1);
        let passed = system_now().duration_since(epoch);
        let now = later(start, passed.saturating_mul(scale as i32));
        ScaledClock { start, epoch, scale, anchor: (std::time::Instant::now(), now) }
    }

    /// Shows `now` now, and runs so many times as fast as real time: another process's clock, as it was told.
    pub fn showing(now: Timestamp, scale: u32) -> Self {
        ScaledClock::compressed(now, system_now(), scale)
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }
    pub fn epoch(&self) -> Timestamp {
        self.epoch
    }
    pub fn scale(&self) -> u32 {
        self.scale
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where real time enters")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        let passed = self.anchor.0.elapsed().saturating_mul(self.scale);
        later(self.anchor.1, SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        // One microsecond on top, so that rounding cannot wake a sleeper just before its time.
        let real = wait / self.scale + Duration::from_micros(1);
        Box::pin(tokio::time::sleep(real))
    }
}

/// The runtime's clock: paused in tests, it jumps to the next thing that anybody waits for.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    start: Timestamp,
    epoch: tokio::time::Instant,
}

impl VirtualClock {
    /// Shows `start` now. Must be made inside a runtime.
    pub fn starting(start: Timestamp) -> Self {
        VirtualClock { start, epoch: tokio::time::Instant::now() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.epoch.elapsed()).unwrap_or(SignedDuration::MAX);
        later(self.start, passed)
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        Box::pin(tokio::time::sleep(wait))
    }
}

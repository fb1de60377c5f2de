//! Time. Everything that waits or stamps does it through one [`Clock`], so that a whole migration of weeks can be run in
//! minutes, or stepped in a test, without any duration in the engine being shortened.
//!
//! This is the only module of the engine that may read the system's clock.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

/// What time it is, and how to wait.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Timestamp;
    /// Resolves once `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;

    /// Whether what it shows can be relied on. A replica whose clock differs from the others' takes up nothing, sends
    /// nothing and puts nothing off: leases and settle horizons are compared with what others have written down.
    fn is_right(&self) -> bool {
        true
    }

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

/// The system's clock, possibly compressed: at scale 600 an hour passes in six seconds. Clones are one clock.
///
/// It runs on the monotonic clock from where the system's stood at construction, so that a step of the system's does not
/// show. Nor does the time in which the machine slept: [`ScaledClock::follow_the_system`] makes up for that.
#[derive(Debug, Clone)]
pub struct ScaledClock {
    start: Timestamp,
    /// Real time at which the clock shows `start`.
    epoch: Timestamp,
    scale: u32,
    /// The monotonic clock at construction, with the system's time then.
    anchor: (Instant, Timestamp),
    hands: Arc<Hands>,
}

/// What can be set of a clock.
#[derive(Debug)]
struct Hands {
    /// Nanoseconds by which it was set forward since it was made.
    forward: AtomicI64,
    wrong: AtomicBool,
    /// Nanoseconds by which the system's clock was ahead when this one was last found right; [`UNSEEN`]: nobody looks.
    ahead: AtomicI64,
}

const UNSEEN: i64 = i64::MIN;
/// By so many nanoseconds the system's clock has gone on without this one: the machine slept. Less than a stop may take to
/// hold.
const SLEPT: u64 = 900_000_000;

impl Default for Hands {
    fn default() -> Self {
        Hands { forward: AtomicI64::new(0), wrong: AtomicBool::new(false), ahead: AtomicI64::new(UNSEEN) }
    }
}

impl ScaledClock {
    /// Real time.
    pub fn real() -> Self {
        let now = system_now();
        Self::anchored(now, now, 1, now)
    }

    /// Shows `start` at the real moment `epoch`, and runs `scale` times as fast as real time. Every process given the
    /// same three shows the same time.
    pub fn compressed(start: Timestamp, epoch: Timestamp, scale: u32) -> Self {
        Self::anchored(start, epoch, scale, system_now())
    }

    fn anchored(start: Timestamp, epoch: Timestamp, scale: u32, now: Timestamp) -> Self {
        ScaledClock {
            start,
            epoch,
            scale: scale.max(1),
            anchor: (Instant::now(), now),
            hands: Arc::default(),
        }
    }

    /// Real time, by this clock: what it shows is this, possibly compressed.
    pub fn real_now(&self) -> Timestamp {
        let (since, then) = self.anchor;
        let passed = SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX);
        let forward = SignedDuration::from_nanos(self.hands.forward.load(Ordering::Relaxed));
        later(then, passed.saturating_add(forward))
    }

    /// From now on [`Clock::is_right`] says so.
    pub fn found_right(&self, right: bool) {
        if right {
            self.hands.ahead.store(self.system_ahead(), Ordering::Relaxed);
        }
        self.hands.wrong.store(!right, Ordering::Relaxed);
    }

    fn system_ahead(&self) -> i64 {
        i64::try_from(system_now().duration_since(self.real_now()).as_nanos()).unwrap_or(i64::MAX)
    }

    /// Sets it to the system's clock if that lies within `most` of `real`, the time by somebody who is believed. Answers
    /// how far it was set forward.
    pub fn follow_the_system(&self, real: Timestamp, most: SignedDuration) -> Option<SignedDuration> {
        let system = system_now();
        if system.duration_since(real).abs() > most {
            return None;
        }
        let off = system.duration_since(self.real_now());
        let nanoseconds = i64::try_from(off.as_nanos()).ok()?;
        self.hands.forward.fetch_add(nanoseconds, Ordering::Relaxed);
        Some(off)
    }

    /// One that has slept for so long.
    #[cfg(test)]
    pub(crate) fn that_slept(time: SignedDuration) -> Self {
        let clock = Self::real();
        clock.hands.forward.store(-i64::try_from(time.as_nanos()).unwrap(), Ordering::Relaxed);
        clock
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
        let passed = self.real_now().duration_since(self.epoch);
        later(self.start, passed.saturating_mul(i32::try_from(self.scale).unwrap_or(i32::MAX)))
    }

    fn is_right(&self) -> bool {
        let ahead = self.hands.ahead.load(Ordering::Relaxed);
        // Since somebody looked last the machine may have slept, which this clock does not show.
        let awake = ahead == UNSEEN || self.system_ahead().abs_diff(ahead) < SLEPT;
        awake && !self.hands.wrong.load(Ordering::Relaxed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_machine_has_slept_the_clock_is_not_right_before_anybody_has_looked() {
        let clock = ScaledClock::real();
        clock.found_right(true);
        assert!(clock.is_right());
        let second = i64::try_from(SignedDuration::from_secs(1).as_nanos()).unwrap();
        clock.hands.forward.fetch_sub(second, Ordering::Relaxed);
        assert!(!clock.is_right(), "the system's clock has gone on without it");
        clock.found_right(true);
        assert!(clock.is_right(), "it was looked at, and found near enough");
    }

    #[test]
    fn where_nobody_looks_the_clock_is_taken_as_it_is() {
        assert!(ScaledClock::that_slept(SignedDuration::from_hours(1)).is_right());
    }
}

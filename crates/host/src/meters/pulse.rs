//! The pulse of a loop: whether it waits for something to do, or since when it has been at one thing.
//!
//! A loop that waits may wait for ever and is well. One that has been at the same thing for minutes is not: a deadlock, or
//! a computation without end. Trouble with a server is no such thing: whoever tries again beats each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One loop's pulse. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct Pulse {
    name: &'static str,
    born: Instant,
    /// Milliseconds from `born` at which it took up what it is at; 0 = it waits.
    since: Arc<AtomicU64>,
}

/// A loop that does not turn any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub name: &'static str,
    /// For how long it has been at the same thing.
    pub busy: Duration,
}

impl Pulse {
    pub(super) fn new(name: &'static str) -> Self {
        Pulse { name, born: Instant::now(), since: Arc::default() }
    }

    /// It begins something, or tries again.
    pub fn beat(&self) {
        let since = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(since.max(1), Ordering::Relaxed);
    }

    /// It waits for something to do.
    pub fn rest(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    pub(super) fn stuck(&self, patience: Duration) -> Option<Stuck> {
        let since = self.since.load(Ordering::Relaxed);
        let busy = self.born.elapsed().saturating_sub(Duration::from_millis(since));
        (since != 0 && busy > patience).then_some(Stuck { name: self.name, busy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_waits_is_well_and_one_that_does_not_come_back_is_not() {
        let pulse = Pulse::new("relay");
        assert_eq!(pulse.stuck(Duration::ZERO), None);
        pulse.beat();
        assert_eq!(pulse.stuck(Duration::from_secs(60)), None);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(3) {}
        assert_eq!(pulse.stuck(Duration::from_millis(1)).map(|stuck| stuck.name), Some("relay"));
        pulse.rest();
        assert_eq!(pulse.stuck(Duration::ZERO), None);
    }
}

//! How long to wait between attempts to connect: decorrelated jitter, so that many replicas do not come back at once.

use std::time::Duration;

use crate::faults::draw;

/// Each wait is drawn between the shortest and three times the last one.
#[derive(Debug)]
pub(crate) struct Jitter {
    seed: u64,
    draws: u64,
    least: Duration,
    most: Duration,
    last: Duration,
}

impl Jitter {
    pub(crate) fn new(seed: u64, (least, most): (Duration, Duration)) -> Self {
        Jitter { seed, draws: 0, least, most: most.max(least), last: least }
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        self.draws += 1;
        let span = self.last.saturating_mul(3).saturating_sub(self.least);
        // 53 bits, as many as a float holds exactly.
        let share = (draw(&[self.seed, self.draws]) >> 11) as f64 / (1_u64 << 53) as f64;
        self.last = (self.least + span.mul_f64(share)).min(self.most);
        self.last
    }

    /// It went well for a while.
    pub(crate) fn reset(&mut self) {
        self.last = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

    fn waits(seed: u64, count: usize) -> Vec<Duration> {
        let mut jitter = Jitter::new(seed, BOUNDS);
        (0..count).map(|_| jitter.next()).collect()
    }

    #[test]
    fn waits_stay_within_their_bounds_and_grow() {
        for seed in 0..50 {
            let waits = waits(seed, 200);
            assert!(waits.iter().all(|wait| (BOUNDS.0..=BOUNDS.1).contains(wait)));
            assert!(waits[0] <= BOUNDS.0 * 3);
            assert!(waits.iter().any(|wait| *wait > BOUNDS.1 / 2), "seed {seed} never waits long");
        }
    }

    #[test]
    fn replicas_wait_differently_and_one_seed_repeats_itself() {
        assert_eq!(waits(1, 20), waits(1, 20));
        assert_ne!(waits(1, 20), waits(2, 20));
    }

    #[test]
    fn after_a_good_while_the_next_wait_is_short_again() {
        let mut jitter = Jitter::new(3, BOUNDS);
        (0..100).for_each(|_| _ = jitter.next());
        jitter.reset();
        assert!(jitter.next() <= BOUNDS.0 * 3);
    }
}

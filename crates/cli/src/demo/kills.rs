//! When the engine is killed: at drawn numbers of changing calls, so that it happens in the middle of the work.

use seatshift_host::Ids;

/// Kills are drawn from this part of the expected calls: not before the work has begun, not when it is nearly over.
const FROM: f64 = 0.04;
const TO: f64 = 0.80;

/// The kills of one demo.
#[derive(Debug)]
pub(crate) struct Kills {
    ids: Ids,
    asked: usize,
    expected: f64,
    next: Vec<u64>,
    /// Kills, and how many of them met migrations in flight.
    pub(crate) done: usize,
    pub(crate) in_flight: usize,
}

impl Kills {
    /// `asked` kills over `expected` changing calls, from a seed.
    pub(crate) fn draw(seed: u64, asked: usize, expected: u64) -> Kills {
        let ids = Ids::seeded(seed ^ 0x6b69_6c6c);
        let expected = expected.max(1) as f64;
        // One draw from each of so many equal parts: spread out, and still anywhere.
        let part = (TO - FROM) / asked.max(1) as f64;
        let at = |number: usize| {
            (expected * (FROM + part * (number as f64 + ids.fraction()))).ceil().max(1.0) as u64
        };
        let mut next: Vec<u64> = (0..asked).map(at).collect();
        next.sort_unstable();
        next.dedup();
        next.reverse();
        Kills { ids, asked, expected, next, done: 0, in_flight: 0 }
    }

    /// Whether to kill now that so many changing calls have been made.
    pub(crate) fn due(&self, calls: u64) -> bool {
        self.next.last().is_some_and(|at| calls >= *at)
    }

    /// A kill was done after so many calls. One that met nothing in flight does not count: another is drawn.
    pub(crate) fn happened(&mut self, calls: u64, in_flight: u64) {
        self.done += 1;
        self.in_flight += usize::from(in_flight > 0);
        self.next.retain(|at| *at > calls);
        let missing = self.asked.saturating_sub(self.in_flight + self.next.len());
        if missing > 0 {
            let step = (self.expected * 0.05 * self.ids.fraction()).ceil().max(1.0) as u64;
            self.next.push(calls + step);
            self.next.sort_unstable_by(|one, other| other.cmp(one));
        }
    }

    /// As many as were asked for have met migrations in flight.
    pub(crate) fn enough(&self) -> bool {
        self.in_flight >= self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_kills_at_the_same_calls() {
        assert_eq!(Kills::draw(1, 5, 1000).next, Kills::draw(1, 5, 1000).next);
        assert_ne!(Kills::draw(1, 5, 1000).next, Kills::draw(2, 5, 1000).next);
        assert_eq!(Kills::draw(1, 5, 1000).next.len(), 5);
    }

    #[test]
    fn a_kill_that_met_nothing_in_flight_is_made_up_for() {
        let mut kills = Kills::draw(1, 2, 100);
        let first = *kills.next.last().unwrap();
        assert!(!kills.due(first - 1));
        assert!(kills.due(first));
        kills.happened(first, 0);
        assert_eq!(kills.next.len(), 2);
        while !kills.enough() {
            let at = *kills.next.last().unwrap();
            kills.happened(at, 3);
        }
        assert_eq!((kills.done, kills.in_flight), (3, 2));
        assert!(!kills.due(u64::MAX));
    }
}

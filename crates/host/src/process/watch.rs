//! Whether this process's clock goes as the others' do.
//!
//! Leases and settle horizons are times that one replica writes down and another compares with its own clock. A machine that
//! slept for an hour would hand out leases that have run out already, and write down that an order went out an hour ago: the
//! next one would take it for settled and send it again. So each clock is compared with the database's, which is one for all.
//! Whose is wrong takes nothing up and sends nothing, says so, and goes on by itself where the system's clock is right again.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatshift_store::{PgStore, StoreError};
use tokio::time::timeout;

use super::health::GLANCE;
use super::readiness::Readiness;
use crate::clock::{Clock as _, ScaledClock};
use crate::meters::{Gauge, Meters};

/// How far a clock may be from the database's. A lease leaves room for two such replicas, one early and one late.
const MOST: SignedDuration = SignedDuration::from_secs(10);
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Watch {
    clock: ScaledClock,
    readiness: Readiness,
    off: Gauge,
}

impl Watch {
    pub(super) fn new(clock: ScaledClock, meters: &Meters, readiness: &Readiness) -> Self {
        let help = "How far this process's clock is ahead of the database's (behind: below zero), as far as can be told";
        Watch { clock, readiness: readiness.clone(), off: meters.gauge("clock_off_seconds", help) }
    }

    pub(super) async fn keep_looking(self, store: Arc<PgStore>) {
        loop {
            self.clock.pause(EVERY).await;
            self.look(store.time()).await;
        }
    }

    /// Asks the other clock and compares. No answer in time: it stays as it was found last.
    pub(super) async fn look(&self, asked: impl Future<Output = Result<Timestamp, StoreError>>) {
        let before = self.clock.real_now();
        let Ok(Ok(theirs)) = timeout(GLANCE, asked).await else { return };
        let off = ahead((before, self.clock.real_now()), theirs);
        self.off.set(off.as_secs_f64());
        if off.abs() <= MOST {
            self.found_right();
        } else {
            self.found_wrong(off, theirs);
        }
    }

    fn found_right(&self) {
        if !self.clock.is_right() {
            tracing::info!("this process's clock agrees with the database's again");
        }
        self.clock.found_right(true);
        self.readiness.found("clock");
    }

    fn found_wrong(&self, off: SignedDuration, theirs: Timestamp) {
        if let Some(forward) = self.clock.follow_the_system(theirs, MOST) {
            let seconds = forward.as_secs_f64();
            tracing::warn!(
                seconds,
                "this process's clock was wrong and is set by the system's: did the machine sleep?"
            );
            return self.found_right();
        }
        let ahead = off.as_secs_f64();
        if self.clock.is_right() {
            tracing::error!(
                ahead,
                "this machine's clock differs from the database's: nothing is taken up and no changing call is made"
            );
        }
        self.clock.found_right(false);
        let why =
            format!("this machine's clock is {ahead:.0} s ahead of the database's; set one of them right");
        self.readiness.missing("clock", why);
    }
}

/// How far ours is ahead of theirs, at least: theirs was read at some moment between our two.
fn ahead((before, after): (Timestamp, Timestamp), theirs: Timestamp) -> SignedDuration {
    if theirs < before {
        before.duration_since(theirs)
    } else if theirs > after {
        after.duration_since(theirs)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::clock::later;

    fn watch(clock: &ScaledClock) -> Watch {
        Watch::new(clock.clone(), &Meters::new(), &Readiness::default())
    }

    async fn look(watch: &Watch, theirs: Timestamp) -> (bool, bool) {
        watch.look(ready(Ok(theirs))).await;
        (watch.clock.is_right(), !watch.readiness.all_missing().contains_key("clock"))
    }

    #[test]
    fn an_answer_that_took_long_proves_no_difference() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let off = |before, after, theirs| ahead((at(before), at(after)), at(theirs)).as_secs();
        assert_eq!([off(0, 60, 0), off(0, 60, 59), off(100, 101, 40), off(100, 101, 161)], [0, 0, 60, -60]);
    }

    #[tokio::test]
    async fn a_clock_that_differs_from_the_databases_is_not_relied_on_until_it_agrees_again() {
        let clock = ScaledClock::real();
        let watch = watch(&clock);
        let off = |seconds| later(clock.real_now(), SignedDuration::from_secs(seconds));
        assert_eq!(look(&watch, off(8)).await, (true, true));
        assert_eq!(look(&watch, off(60)).await, (false, false));
        watch.look(ready(Err(StoreError::NotPrepared { what: "anything".into() }))).await;
        assert!(!clock.is_right(), "no answer changes nothing");
        assert_eq!(look(&watch, off(-60)).await, (false, false));
        assert_eq!(look(&watch, off(0)).await, (true, true));
    }

    #[tokio::test]
    async fn the_clock_of_a_machine_that_slept_is_set_by_the_systems_where_the_database_agrees_with_that() {
        let hour = SignedDuration::from_hours(1);
        let right = ScaledClock::real();
        let clock = ScaledClock::that_slept(hour);
        assert!(right.now().duration_since(clock.now()) > SignedDuration::from_mins(59));
        assert_eq!(look(&watch(&clock), right.now()).await, (true, true));
        assert!(right.now().duration_since(clock.now()).abs() < SignedDuration::from_secs(5));
    }

    #[tokio::test]
    async fn a_compressed_clock_is_compared_by_the_real_time_behind_it() {
        let began = ScaledClock::real().now();
        let start: Timestamp = "2019-03-01T08:00:00Z".parse().unwrap();
        let clock = ScaledClock::compressed(start, began, 600);
        assert_eq!(look(&watch(&clock), began).await, (true, true));
        assert!(clock.now() < later(start, SignedDuration::from_hours(1)));
    }
}

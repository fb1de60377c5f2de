//! One bucket, and one that learns. Pure arithmetic over a clock that is handed in.

use std::time::Duration;

use jiff::Timestamp;

use super::{at, seconds};

/// A limit in calls a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Where it begins.
    pub start: f64,
    /// It is never lowered below this.
    pub floor: f64,
    /// It is never raised above this.
    pub ceiling: f64,
}

impl Limit {
    /// A limit that Microsoft publishes: begun at, and never exceeded.
    pub const fn published(per_minute: f64) -> Self {
        Self { start: per_minute, floor: per_minute / 25.0, ceiling: per_minute }
    }
}

/// A tenth of a minute's calls may be made at once; the other nine tenths flow in. Together they are one minute's.
const BURST: f64 = 0.1;

/// Tokens that flow in steadily.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    per_minute: f64,
    tokens: f64,
    filled: Timestamp,
}

impl Bucket {
    pub(super) fn new(per_minute: f64, now: Timestamp) -> Self {
        Self { per_minute, tokens: burst(per_minute), filled: now }
    }

    /// Takes a token and says nothing, or says how long to wait before asking again. A share of the burst, `reserve`,
    /// is left to others.
    pub(super) fn take(&mut self, now: Timestamp, reserve: f64) -> Option<Duration> {
        self.fill(now);
        let needed = 1.0 + (burst(self.per_minute) - 1.0).max(0.0) * reserve.clamp(0.0, 1.0);
        if self.tokens + ROUNDING >= needed {
            self.tokens -= 1.0;
            return None;
        }
        let wait = (needed - self.tokens) / self.per_second();
        // Never zero: a clock that is asked again at once would show the same.
        Some(Duration::from_secs_f64(wait).max(Duration::from_millis(1)))
    }

    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.tokens + seconds(self.filled, now) * self.per_second() >= burst(self.per_minute)
    }

    fn set_rate(&mut self, per_minute: f64, now: Timestamp) {
        self.fill(now);
        self.per_minute = per_minute;
        self.tokens = self.tokens.min(burst(per_minute));
    }

    fn fill(&mut self, now: Timestamp) {
        if now > self.filled {
            let more = seconds(self.filled, now) * self.per_second();
            self.tokens = (self.tokens + more).min(burst(self.per_minute));
            self.filled = now;
        }
    }

    fn per_second(&self) -> f64 {
        self.per_minute * (1.0 - BURST) / 60.0
    }
}

/// Sums of many small waits may fall short of a token by this much.
const ROUNDING: f64 = 1e-6;

fn burst(per_minute: f64) -> f64 {
    (per_minute * BURST).max(1.0)
}

/// A bucket whose rate follows what Microsoft lets through.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    limit: Limit,
    bucket: Bucket,
    blocked_until: Timestamp,
    /// 429s since the last good answer that came after the block, for the growing patience.
    in_a_row: u32,
}

/// What a 429 leaves of the rate.
const DECREASE: f64 = 0.7;
/// What a minute of good answers gives back, as a part of the ceiling.
const INCREASE: f64 = 0.02;
/// How long to wait after a 429 that does not say.
const UNSAID: Duration = Duration::from_secs(10);
/// The longest that is waited beyond what Microsoft said, after 429s in a row.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

impl Learned {
    pub(super) fn new(limit: Limit, now: Timestamp) -> Self {
        Self { limit, bucket: Bucket::new(limit.start, now), blocked_until: now, in_a_row: 0 }
    }

    pub(super) fn per_minute(&self) -> f64 {
        self.bucket.per_minute
    }

    pub(super) fn take(&mut self, now: Timestamp, reserve: f64) -> Option<Duration> {
        if now < self.blocked_until {
            return Some(
                Duration::from_secs_f64(seconds(now, self.blocked_until)).max(Duration::from_millis(1)),
            );
        }
        self.bucket.take(now, reserve)
    }

    /// A good answer: a little more from now on. Not while blocked: those answers are of calls from before.
    pub(super) fn went_well(&mut self, now: Timestamp) {
        if now < self.blocked_until {
            return;
        }
        self.in_a_row = 0;
        let rate = self.bucket.per_minute;
        let grown = (rate + INCREASE * self.limit.ceiling / rate.max(1.0)).min(self.limit.ceiling);
        self.bucket.set_rate(grown, now);
    }

    /// A 429: less from now on, and nothing for a while. Calls that were under way when the first came back are turned
    /// down together; they are one lesson.
    pub(super) fn throttled(&mut self, now: Timestamp, after: Option<Duration>) {
        let first = now >= self.blocked_until;
        if first {
            let less = (self.bucket.per_minute * DECREASE).max(self.limit.floor);
            self.bucket.set_rate(less, now);
            self.in_a_row += 1;
        }
        let patience = match self.in_a_row {
            0 | 1 => Duration::ZERO,
            again => Duration::from_secs(1 << (again - 1).min(6)).min(MOST_PATIENCE),
        };
        self.blocked_until = self.blocked_until.max(at(now, after.unwrap_or(UNSAID) + patience));
        // What has gathered would all go out at the moment the block ends; half of it is enough to begin with.
        self.bucket.tokens = self.bucket.tokens.min(burst(self.bucket.per_minute) / 2.0);
        self.bucket.filled = self.bucket.filled.max(self.blocked_until);
    }
}

//! One quota for all replicas: token buckets, pause, and the refresh token, in the shared schema `quota`.
//!
//! Microsoft counts calls per partner, not per process. So the buckets stand in one table that every replica takes tokens
//! from, some at a time ([`Ask`] to [`Grant`]), and a `Retry-After` that one of them was told blocks all. The rules are those
//! of the gate of one process (`seatshift_partner_center::TokenBuckets`): a burst that is part of its minute, a reserve for
//! compensation, -30 % once for each throttling, a little more for every good answer.
//!
//! The time is the database's (`clock_timestamp()`), so that it does not matter how far the replicas' clocks are apart. What
//! goes in and out is in the process's own time: [`Rule::scale`] says how much faster that runs.
//!
//! What must never happen here: a token that is granted twice, or a lock that a frozen process can hold (each question is
//! one statement).

mod database;
mod sql;

use std::time::Duration;

pub use database::PgQuota;

/// What the gates let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Everything, within quota.
    Running,
    /// What has begun goes on, nothing new begins.
    Draining,
    /// No changing call.
    Paused,
}

/// The mode, and how often it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeRow {
    pub mode: Mode,
    /// Grows by one whenever the mode is set.
    pub version: u64,
}

/// How a bucket fills and learns. Rates are calls a minute, times are the process's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Where a new bucket begins.
    pub start: f64,
    /// The rate is never lowered below this.
    pub floor: f64,
    /// The rate is never raised above this.
    pub ceiling: f64,
    /// Part of a minute's calls that may be taken at once; the rest flows in, and together they are one minute's. What
    /// can be used in the long run is one less this.
    pub burst: f64,
    /// Part of the burst that only the first lane may use; the third lane leaves twice as much.
    pub reserve: f64,
    /// How long a granted token is kept at most before its call goes out. The flow is a little smaller for it: calls that
    /// were granted before a minute may be made in it.
    pub hold: Duration,
    /// Seconds of the process's clock in one of the database's. 1 but for compressed runs.
    pub scale: f64,
}

impl Rule {
    /// A limit that is never exceeded: begun at and never above. The burst is small, so that nearly all of the limit can
    /// be used in the long run: 2 % are lost to it, and a little to `hold`.
    pub const fn published(per_minute: f64) -> Self {
        Rule {
            start: per_minute,
            floor: per_minute / 25.0,
            ceiling: per_minute,
            burst: 0.02,
            reserve: 0.2,
            hold: Duration::from_millis(500),
            scale: 1.0,
        }
    }
}

impl Rule {
    /// Tokens that fit into the bucket at this rate.
    pub(crate) fn room(&self, per_minute: f64) -> f64 {
        (per_minute * self.burst).max(1.0)
    }

    /// Tokens that flow in within a second of the process's clock at this rate: in no minute, and no `hold` before it, do
    /// flow and burst come to more than the rate. The statements say the same.
    pub(crate) fn flow(&self, per_minute: f64) -> f64 {
        per_minute * (1.0 - self.burst) / (60.0 + self.hold.as_secs_f64())
    }
}

/// For whom tokens are asked; the order is that of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Compensation.
    First,
    /// Steps forward, reads.
    Second,
    /// Planning.
    Third,
}

impl Lane {
    pub const ALL: [Lane; 3] = [Lane::First, Lane::Second, Lane::Third];
}

/// A question for tokens of one bucket. It also brings what happened since the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The bucket: family and partner, or customer. Any text; replicas that mean the same say the same.
    pub key: String,
    pub rule: Rule,
    /// Tokens wanted, by lane.
    pub wanted: [u32; 3],
    /// Tokens that were granted before and not used.
    pub unused: u32,
    /// Good answers since the last question: the rate grows by them.
    pub fine: u32,
}

/// The answer about one bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Tokens granted, by lane: usable within the rule's `hold`, not later.
    pub granted: [u32; 3],
    /// When a lane may find a token that it was not granted now; none where it was granted all.
    pub wait: [Option<Duration>; 3],
    /// The family is left alone that long: whatever was granted before is void.
    pub blocked: Option<Duration>,
    /// The rate as learned.
    pub per_minute: f64,
}

/// The answer to many questions, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub grants: Vec<Grant>,
    /// As it stood after the question was sent: count its age from the sending.
    pub mode: ModeRow,
}

/// A bucket as it stands, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketRow {
    pub key: String,
    pub per_minute: f64,
    /// Real seconds that it is still blocked.
    pub blocked: Option<Duration>,
    /// Tokens granted and used so far.
    pub granted: u64,
    /// Throttlings so far.
    pub throttled: u64,
}

/// The refresh token as it is kept: sealed by its owner, opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken {
    /// Grows by one whenever it is replaced.
    pub version: u64,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedToken").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Those that run while migrations are under way, for the test of their plans.
#[cfg(test)]
pub(crate) fn frequent_statements() -> Vec<(&'static str, &'static str)> {
    vec![
        ("make", sql::MAKE),
        ("lease", sql::LEASE),
        ("throttled", sql::THROTTLED),
        ("give back", sql::GIVE_BACK),
    ]
}

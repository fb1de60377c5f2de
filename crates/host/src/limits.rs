//! How much a host takes on at a time.

use jiff::SignedDuration;

/// Bounds of one host. None of them changes what is decided, only how much is in hand at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Deliveries taken at a time, and events published at a time.
    pub batch: usize,
    /// Pieces of work that run at the same time.
    pub parallel: usize,
    /// How long a piece of work may be held. Outlives every call it may make.
    pub lease: SignedDuration,
    /// The longest that one call can take, in the clock's own time.
    pub call_deadline: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch: 64,
            parallel: 128,
            lease: SignedDuration::from_hours(1),
            call_deadline: SignedDuration::from_secs(60),
        }
    }
}

//! What a customer may be asked for without the shared bucket.

use std::time::Duration;

use tokio::time::Instant;

/// Calls that are free at once, and how many more each minute of the process's clock.
const FREE: f64 = 20.0;

/// One customer's free calls in this process.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Allowance { left: FREE, at: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant, scale: f64) -> bool {
        self.left = self.filled(now, scale);
        self.at = now;
        let free = self.left >= 1.0;
        if free {
            self.left -= 1.0;
        }
        free
    }

    /// As good as new: forgetting it changes nothing.
    pub(super) fn is_over(&self, now: Instant, scale: f64) -> bool {
        self.filled(now, scale) >= FREE
    }

    fn filled(&self, now: Instant, scale: f64) -> f64 {
        let minutes =
            now.duration_since(self.at).as_secs_f64() * scale / Duration::from_secs(60).as_secs_f64();
        (self.left + minutes * FREE).min(FREE)
    }
}

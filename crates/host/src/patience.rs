//! How often a server of ours that does not answer is asked again: at once, then ever more rarely, never less often than
//! every ten seconds, and not by all replicas at the same moment.

use std::time::Duration;

use crate::clock::Clock;
use crate::ids::Ids;

const FIRST: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(10);

/// The waits in one row of failures. Real time.
#[derive(Debug)]
pub(crate) struct Patience {
    next: Duration,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Patience { next: FIRST }
    }

    /// It has answered: the next row of failures begins anew.
    pub(crate) fn restored(&mut self) {
        self.next = FIRST;
    }

    /// Waits before the next try.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock, ids: &Ids) {
        let half = self.next / 2;
        let wait = half + half.mul_f64(ids.fraction());
        self.next = (self.next * 2).min(MOST);
        clock.pause(wait).await;
    }
}

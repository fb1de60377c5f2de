//! The shared switch, as a replica knows it: what the database said last, and how old that is.

use std::time::Duration;

use seatshift_store::quota::{Mode, ModeRow};
use tokio::sync::watch;
use tokio::time::Instant;

/// What was said longer ago than this is not acted upon. Real time; a little less than the second that is promised.
const FRESH: Duration = Duration::from_millis(900);

#[derive(Debug)]
pub(super) struct Switch {
    known: watch::Sender<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    mode: Option<Mode>,
    version: u64,
    /// When the question was sent that was answered so.
    asked: Option<Instant>,
}

impl Switch {
    pub(super) fn new() -> Self {
        Switch { known: watch::Sender::new(Known { mode: None, version: 0, asked: None }) }
    }

    /// The database has said so, to a question sent then. An older word than what is known already counts for nothing.
    pub(super) fn heard(&self, row: ModeRow, asked: Instant) {
        self.known.send_if_modified(|known| {
            if row.version < known.version {
                return false;
            }
            let changed = known.mode != Some(row.mode);
            known.asked = Some(known.asked.map_or(asked, |earlier| earlier.max(asked)));
            known.mode = Some(row.mode);
            known.version = row.version;
            changed
        });
    }

    /// What is known is not to be relied on any more.
    pub(super) fn doubt(&self) {
        self.known.send_modify(|known| known.mode = None);
    }

    /// What was said less than a second ago.
    pub(super) fn mode(&self) -> Option<Mode> {
        let known = *self.known.borrow();
        let fresh = known.asked.is_some_and(|asked| asked.elapsed() < FRESH);
        known.mode.filter(|_| fresh)
    }

    pub(super) fn allows_changes(&self) -> bool {
        self.mode().is_some_and(|mode| mode != Mode::Paused)
    }

    /// When it was asked for last; none = never.
    pub(super) fn asked(&self) -> Option<Instant> {
        self.known.borrow().asked
    }

    /// Resolves when another mode is heard than now.
    pub(super) async fn changed(&self) {
        // The sender is the one we hold: it cannot be gone.
        drop(self.known.subscribe().changed().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mode: Mode, version: u64) -> ModeRow {
        ModeRow { mode, version }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_a_second_ago_is_not_acted_upon() {
        let switch = Switch::new();
        assert!(!switch.allows_changes(), "nothing is known yet");
        switch.heard(row(Mode::Running, 1), Instant::now());
        assert!(switch.allows_changes());
        tokio::time::advance(Duration::from_millis(950)).await;
        assert!(!switch.allows_changes());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_overtaken_does_not_open_what_was_closed() {
        let switch = Switch::new();
        let asked = Instant::now();
        switch.heard(row(Mode::Paused, 2), asked);
        switch.heard(row(Mode::Running, 1), asked);
        assert_eq!(switch.mode(), Some(Mode::Paused));
        switch.heard(row(Mode::Draining, 3), asked);
        assert!(switch.allows_changes(), "what has begun may go on");
    }
}

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

    /// The database has said so, to a question sent then. An older word than what is known already counts for nothing. Wakes
    /// those who wait for news where it may be another answer for them: the mode is another one, or had grown old.
    pub(super) fn heard(&self, row: ModeRow, asked: Instant) {
        self.known.send_if_modified(|known| {
            if row.version < known.version {
                return false;
            }
            let news = known.mode != Some(row.mode) || !known.is_fresh();
            known.asked = Some(known.asked.map_or(asked, |earlier| earlier.max(asked)));
            known.mode = Some(row.mode);
            known.version = row.version;
            news
        });
    }

    /// What is known is not to be relied on any more.
    pub(super) fn doubt(&self) {
        self.known.send_modify(|known| known.mode = None);
    }

    /// What was said less than a second ago.
    pub(super) fn mode(&self) -> Option<Mode> {
        let known = *self.known.borrow();
        known.mode.filter(|_| known.is_fresh())
    }

    pub(super) fn allows_changes(&self) -> bool {
        self.mode().is_some_and(|mode| mode != Mode::Paused)
    }

    /// When it was asked for last; none = never.
    pub(super) fn asked(&self) -> Option<Instant> {
        self.known.borrow().asked
    }

    /// News from here on. As long as it is held, somebody waits for it: see [`Switch::is_waited_for`].
    pub(super) fn news(&self) -> News {
        News(self.known.subscribe())
    }

    /// Somebody waits for news, so the database is to be asked.
    pub(super) fn is_waited_for(&self) -> bool {
        self.known.receiver_count() > 0
    }
}

impl Known {
    fn is_fresh(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < FRESH)
    }
}

/// For one who waits until something else is known than when he last looked.
#[derive(Debug)]
pub(super) struct News(watch::Receiver<Known>);

impl News {
    /// Resolves when there is something new since it was made or last resolved: look at the switch again.
    pub(super) async fn arrive(&mut self) {
        if self.0.changed().await.is_err() {
            // The switch has gone, and with it whoever could open it.
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

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
    async fn those_who_wait_are_woken_by_another_mode_or_by_a_fresh_word_after_a_silence_and_by_nothing_else()
    {
        let switch = Switch::new();
        switch.heard(row(Mode::Paused, 1), Instant::now());
        assert!(!switch.is_waited_for());
        let mut news = switch.news();
        assert!(switch.is_waited_for());
        switch.heard(row(Mode::Paused, 1), Instant::now());
        assert!(news.arrive().now_or_never().is_none(), "the same, and in time");
        switch.heard(row(Mode::Running, 2), Instant::now());
        assert!(news.arrive().now_or_never().is_some(), "another mode");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!switch.allows_changes(), "nothing was heard");
        switch.heard(row(Mode::Running, 2), Instant::now());
        assert!(news.arrive().now_or_never().is_some(), "the same as before, and known again");
        assert!(switch.allows_changes());
        drop(news);
        assert!(!switch.is_waited_for());
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

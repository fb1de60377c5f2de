//! One bucket as a process sees it: who waits for it, what was granted ahead, what it may ask for next. No clock and no
//! database: times are handed in.

use std::collections::VecDeque;
use std::time::Duration;

use seatshift_store::quota::{Ask, Grant, Rule};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Lanes in their order: compensation, everything else, planning.
pub(super) const LANES: usize = 3;

/// A token on its way to the one who waits for it.
pub(super) type Waiter = oneshot::Sender<()>;

#[derive(Debug)]
pub(super) struct Line {
    pub(super) rule: Rule,
    lanes: [Lane; LANES],
    /// Nothing is taken before this, not even what was granted already.
    blocked_until: Instant,
    /// Tokens that went unused, and good answers: told with the next question.
    unused: u32,
    fine: u32,
    /// The rate as learned, for people.
    pub(super) per_minute: f64,
    pub(super) last_used: Instant,
}

#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Waiter>,
    /// Tokens in hand.
    stock: u32,
    /// They are void then.
    until: Instant,
    /// Before this a question is in vain.
    not_before: Instant,
    /// Tokens taken since the last question, and what that comes to in a second.
    taken: u32,
    per_second: f64,
}

impl Line {
    pub(super) fn new(rule: Rule, now: Instant) -> Self {
        let lane = || Lane {
            waiting: VecDeque::new(),
            stock: 0,
            until: now,
            not_before: now,
            taken: 0,
            per_second: 0.0,
        };
        Line {
            per_minute: rule.start,
            rule,
            lanes: [lane(), lane(), lane()],
            blocked_until: now,
            unused: 0,
            fine: 0,
            last_used: now,
        }
    }

    /// Takes a token that is in hand, unless somebody waits already.
    pub(super) fn take(&mut self, lane: usize, now: Instant) -> bool {
        self.expire(now);
        self.last_used = now;
        let blocked = now < self.blocked_until;
        let lane = &mut self.lanes[lane];
        if blocked || lane.stock == 0 || !lane.waiting.is_empty() {
            return false;
        }
        lane.stock -= 1;
        lane.taken += 1;
        true
    }

    pub(super) fn wait(&mut self, lane: usize, waiter: Waiter) {
        self.lanes[lane].waiting.push_back(waiter);
    }

    /// A token that was taken was not used.
    pub(super) fn give_back(&mut self) {
        self.unused += 1;
    }

    pub(super) fn went_well(&mut self) {
        self.fine = self.fine.saturating_add(1);
    }

    /// Leaves the family alone for so long; what is in hand is void.
    pub(super) fn block(&mut self, wait: Duration, now: Instant) {
        self.blocked_until = self.blocked_until.max(now + wait);
        for lane in &mut self.lanes {
            self.unused += std::mem::take(&mut lane.stock);
        }
    }

    pub(super) fn blocked(&self, now: Instant) -> Duration {
        self.blocked_until.saturating_duration_since(now)
    }

    fn expire(&mut self, now: Instant) {
        for lane in &mut self.lanes {
            if lane.stock > 0 && now >= lane.until {
                self.unused += std::mem::take(&mut lane.stock);
            }
        }
    }

    /// The next question, where there is one. What it brings along is told with it and never again: where no answer comes it
    /// may have been heard all the same, and a token that is given back twice is granted twice. `ahead`: for how long tokens are fetched ahead; `since`: how long the last
    /// question is past.
    pub(super) fn question(
        &mut self,
        key: &str,
        ahead: Duration,
        since: Duration,
        now: Instant,
    ) -> Option<Ask> {
        self.expire(now);
        let blocked = now < self.blocked_until;
        let mut wanted = [0; LANES];
        for (lane, wanted) in self.lanes.iter_mut().zip(&mut wanted) {
            lane.waiting.retain(|waiter| !waiter.is_closed());
            lane.measure(since);
            if !blocked && now >= lane.not_before {
                *wanted = lane.wants(ahead);
            }
        }
        let worth_asking = wanted.iter().any(|wanted| *wanted > 0) || self.unused > 0 || self.fine >= TELL;
        if !worth_asking {
            return None;
        }
        let (unused, fine) = (std::mem::take(&mut self.unused), std::mem::take(&mut self.fine));
        Some(Ask { key: key.to_owned(), rule: self.rule, wanted, unused, fine })
    }

    /// The answer to the last question. `keep`: how long what nobody waits for may be kept. Answers how many were handed
    /// out.
    pub(super) fn answered(&mut self, grant: &Grant, keep: Duration, now: Instant) -> u64 {
        self.per_minute = grant.per_minute;
        let real = |wait: Duration| wait.div_f64(self.rule.scale.max(1e-9));
        if let Some(blocked) = grant.blocked {
            self.blocked_until = self.blocked_until.max(now + real(blocked));
        }
        let mut handed_out = 0;
        for ((lane, granted), wait) in self.lanes.iter_mut().zip(grant.granted).zip(grant.wait) {
            if let Some(wait) = wait {
                lane.not_before = now + real(wait);
            }
            handed_out += u64::from(lane.receive(granted, keep, now));
        }
        handed_out
    }

    /// When there is something to do that nobody rings for.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let of_lane = |lane: &Lane| {
            let waits = lane.waiting.iter().any(|waiter| !waiter.is_closed());
            let ask = waits.then(|| lane.not_before.max(self.blocked_until));
            let expire = (lane.stock > 0).then_some(lane.until);
            ask.into_iter().chain(expire).min()
        };
        let tell = (self.unused > 0).then_some(now);
        self.lanes.iter().filter_map(of_lane).chain(tell).min()
    }

    /// Nobody waits and nothing is in hand or untold.
    pub(super) fn is_idle(&self) -> bool {
        self.unused == 0 && self.lanes.iter().all(|lane| lane.waiting.is_empty() && lane.stock == 0)
    }

    /// Everything in hand, to be given back at the end.
    pub(super) fn surrender(&mut self) -> u32 {
        let stock: u32 = self.lanes.iter_mut().map(|lane| std::mem::take(&mut lane.stock)).sum();
        stock + std::mem::take(&mut self.unused)
    }
}

/// So many good answers are worth a question of their own.
const TELL: u32 = 50;

impl Lane {
    fn measure(&mut self, since: Duration) {
        let seconds = since.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let now = f64::from(std::mem::take(&mut self.taken)) / seconds;
        // Half of it is forgotten in a tenth of a second.
        let old = (-seconds / 0.1).exp2();
        self.per_second = self.per_second * old + now * (1.0 - old);
    }

    /// For those who wait, and for those who will probably come before the next question is answered.
    fn wants(&self, ahead: Duration) -> u32 {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let soon = (self.per_second * ahead.as_secs_f64()).round().min(MOST_AHEAD) as u32;
        (waiting + soon).saturating_sub(self.stock)
    }

    /// Tokens for those who wait, in their order; the rest is kept.
    fn receive(&mut self, granted: u32, keep: Duration, now: Instant) -> u32 {
        let mut left = granted;
        let mut handed_out = 0;
        while left > 0 {
            let Some(waiter) = self.waiting.pop_front() else { break };
            // Whoever has gone away takes no token with him.
            if waiter.send(()).is_ok() {
                left -= 1;
                handed_out += 1;
                self.taken += 1;
            }
        }
        if left > 0 {
            self.stock += left;
            self.until = now + keep;
        }
        handed_out
    }
}

/// Nobody fetches more than this ahead.
const MOST_AHEAD: f64 = 256.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_told_once_even_where_no_answer_comes() {
        let now = Instant::now();
        let mut line = Line::new(Rule::published(500.0), now);
        line.give_back();
        line.went_well();
        let ask = |line: &mut Line| line.question("orders", Duration::ZERO, Duration::ZERO, now);
        let told = ask(&mut line).unwrap();
        assert_eq!((told.unused, told.fine), (1, 1));
        // No answer came. Somebody waits, so that it is asked again.
        let (waiter, _waiting) = oneshot::channel();
        line.wait(1, waiter);
        let told = ask(&mut line).unwrap();
        assert_eq!((told.wanted[1], told.unused, told.fine), (1, 0, 0));
    }
}

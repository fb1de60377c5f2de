//! A shared quota in memory, as the database keeps it: one bucket for each key, time that flows, a round trip for each
//! question, and an outage when wanted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use seatshift_edge::Quota;
use seatshift_store::StoreError;
use seatshift_store::quota::{Ask, Grant, Leased, Mode, ModeRow, Rule};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    mode: ModeRow,
    away: bool,
    questions: u32,
}

#[derive(Debug)]
struct Bucket {
    rate: f64,
    tokens: f64,
    filled: Instant,
    blocked_until: Instant,
}

impl Bucket {
    fn fill(&mut self, rule: &Rule, now: Instant) {
        let seconds = now.duration_since(self.filled).as_secs_f64() * rule.scale;
        let flow = self.rate * (1.0 - rule.burst) / (60.0 + rule.hold.as_secs_f64());
        self.tokens = (self.tokens + seconds * flow).min(self.room(rule));
        self.filled = self.filled.max(now);
    }

    fn room(&self, rule: &Rule) -> f64 {
        (self.rate * rule.burst).max(1.0)
    }

    fn grant(&mut self, ask: &Ask, now: Instant) -> Grant {
        self.fill(&ask.rule, now);
        self.tokens = (self.tokens + f64::from(ask.unused)).min(self.room(&ask.rule));
        let blocked = self.blocked_until.saturating_duration_since(now);
        let kept = (self.room(&ask.rule) - 1.0) * ask.rule.reserve;
        let flow = self.rate * (1.0 - ask.rule.burst) / (60.0 + ask.rule.hold.as_secs_f64());
        let mut granted = [0; 3];
        let mut wait = [None; 3];
        for lane in 0..3 {
            let left = kept * lane as f64;
            if blocked.is_zero() {
                granted[lane] = ask.wanted[lane].min((self.tokens - left + 1e-6).floor().max(0.0) as u32);
                self.tokens -= f64::from(granted[lane]);
            }
            if granted[lane] < ask.wanted[lane] {
                let seconds = ((1.0 + left - self.tokens) / flow).max(0.001);
                wait[lane] = Some(blocked.mul_f64(ask.rule.scale) + Duration::from_secs_f64(seconds));
            }
        }
        let blocked = (!blocked.is_zero()).then(|| blocked.mul_f64(ask.rule.scale));
        Grant { granted, wait, blocked, per_minute: self.rate }
    }
}

impl Pool {
    pub(crate) fn new() -> Arc<Self> {
        let mode = ModeRow { mode: Mode::Running, version: 1 };
        let state = State { buckets: BTreeMap::new(), mode, away: false, questions: 0 };
        Arc::new(Pool { state: Mutex::new(state) })
    }

    pub(crate) fn goes_away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    pub(crate) fn questions(&self) -> u32 {
        self.state.lock().unwrap().questions
    }

    async fn travel(&self) -> Result<(), StoreError> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut state = self.state.lock().unwrap();
        state.questions += 1;
        if state.away {
            return Err(StoreError::Unreachable { doing: "asking", source: "the cable is out".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Quota for Pool {
    async fn lease(&self, asks: &[Ask]) -> Result<Leased, StoreError> {
        self.travel().await?;
        let now = Instant::now();
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        let mut grant = |ask: &Ask| {
            let bucket = state.buckets.entry(ask.key.clone()).or_insert_with(|| Bucket {
                rate: ask.rule.start,
                tokens: (ask.rule.start * ask.rule.burst).max(1.0),
                filled: now,
                blocked_until: now,
            });
            bucket.grant(ask, now)
        };
        Ok(Leased { grants: asks.iter().map(&mut grant).collect(), mode: state.mode })
    }

    async fn throttled(
        &self,
        key: &str,
        rule: &Rule,
        after: Option<Duration>,
    ) -> Result<Duration, StoreError> {
        self.travel().await?;
        let after = after.unwrap_or(Duration::from_secs(10));
        let now = Instant::now();
        let mut state = self.state.lock().unwrap();
        if let Some(bucket) = state.buckets.get_mut(key) {
            bucket.blocked_until = now + after.div_f64(rule.scale);
        }
        Ok(after)
    }

    async fn set_mode(&self, mode: Mode) -> Result<ModeRow, StoreError> {
        self.travel().await?;
        let mut state = self.state.lock().unwrap();
        state.mode = ModeRow { mode, version: state.mode.version + 1 };
        Ok(state.mode)
    }

    async fn give_back(&self, unused: &[(String, u32, Rule)]) -> Result<(), StoreError> {
        self.travel().await?;
        let mut state = self.state.lock().unwrap();
        for (key, count, rule) in unused {
            if let Some(bucket) = state.buckets.get_mut(key) {
                bucket.tokens = (bucket.tokens + f64::from(*count)).min(bucket.room(rule));
            }
        }
        Ok(())
    }
}

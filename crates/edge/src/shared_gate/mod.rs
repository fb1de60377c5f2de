//! The gate of many processes: tokens are leased from the quota that all replicas share, and a changing call is let through
//! only while the shared switch is known to allow it.
//!
//! ```text
//! permit() ─▶ in hand? ─▶ yes: go
//!                └─ no: wait ◀─ keeper: one question for all who wait ◀▶ database
//! ```
//!
//! - One question serves many: while it is under way the next gathers. Tokens for calls that will probably come are fetched
//!   ahead, for less than half a second; what is not used by then is given back.
//! - **Stop means stop**: a permission for a changing call is given, and stands, only if the database has said so less than
//!   a second ago (real time, counted from the moment of asking). With the database away nothing is changed. So, a second
//!   after a pause is committed, no replica begins another changing call, without any of them being asked.
//! - A 429 blocks the family here at once, and for all with the next question of each.
//! - A customer's first calls in a minute are free of the shared bucket: small customers, which are nearly all, would cost a
//!   row each and never reach their limit. Beyond that a customer's calls are counted over all replicas.

mod line;
mod local;
mod quota;
mod switch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use seatshift_host::Meters;
use seatshift_host::meters::{Counters, Gauge, Gauges, Pulse};
use seatshift_partner_center::buckets::{Limit, Limits};
use seatshift_partner_center::{Answer, Ask, Family, Gate, Purpose};
use seatshift_store::quota::{Ask as Question, Leased, Mode, Rule};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use line::Line;
use local::Allowance;
pub use quota::Quota;
use switch::Switch;

/// Between two questions, so that a busy gate does not ask for each token. Real time.
const BREATH: Duration = Duration::from_millis(5);
/// The mode is asked for again after this, while there are calls. Real time.
const REFRESH: Duration = Duration::from_millis(300);
/// The same while somebody waits for changes to be allowed again: one question for all of them. Real time.
const AT_REST: Duration = Duration::from_millis(600);
/// Without calls for so long, it is asked only now and then, so that the figures stay true. Real time.
const IDLE: Duration = Duration::from_secs(60);
const NOW_AND_THEN: Duration = Duration::from_secs(15);
/// What was granted ahead may be kept for so long, in the process's own time, and no longer than [`AHEAD`] in real time.
const KEEP: Duration = Duration::from_millis(500);
/// For so long is fetched ahead. Real time.
const AHEAD: Duration = Duration::from_millis(100);

/// The gate of one replica. Cheap to clone; clones are one gate.
#[derive(Clone)]
pub struct SharedGate {
    shared: Arc<Shared>,
}

struct Shared {
    quota: Arc<dyn Quota>,
    limits: Limits,
    partner: String,
    scale: f64,
    state: Mutex<State>,
    switch: Switch,
    /// There is something for the keeper.
    bell: Notify,
    stopping: CancellationToken,
    figures: Figures,
}

struct State {
    lines: BTreeMap<String, Line>,
    /// Customers' first calls.
    free: BTreeMap<Uuid, Allowance>,
    /// 429s that the shared quota has not been told of.
    throttled: Vec<(String, Option<Duration>)>,
    last_call: Instant,
    last_question: Instant,
}

struct Figures {
    granted: Counters,
    blocked: Gauges,
    per_minute: Gauges,
    mode: Gauge,
    questions: Gauge,
    pulse: Pulse,
}

impl Figures {
    fn new(meters: &Meters) -> Self {
        let mode = meters.gauge("quota_mode", "0 running, 1 draining, 2 paused, -1 not known");
        mode.set(-1.0);
        Figures {
            granted: meters.counters("quota_granted", "Permissions given for calls", "family"),
            blocked: meters.gauges(
                "quota_blocked_seconds",
                "Real seconds for which Microsoft is left alone",
                "family",
            ),
            per_minute: meters.gauges(
                "quota_per_minute",
                "Calls a minute that are thought to be allowed",
                "family",
            ),
            questions: meters.gauge("quota_questions", "Buckets asked for in the last question"),
            mode,
            pulse: meters.pulse("gate"),
        }
    }
}

impl SharedGate {
    /// A gate over this quota, and the future in which it asks. `partner`: whose quota (the tenant); `scale`: seconds of the
    /// process's clock in a real one. The future ends after `stopping`, once what is in hand is given back.
    pub fn new(
        quota: Arc<dyn Quota>,
        limits: Limits,
        partner: &str,
        scale: u32,
        meters: &Meters,
        stopping: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let now = Instant::now();
        let state = State {
            lines: BTreeMap::new(),
            free: BTreeMap::new(),
            throttled: Vec::new(),
            last_call: now,
            last_question: now,
        };
        let shared = Arc::new(Shared {
            quota,
            limits,
            partner: partner.to_owned(),
            scale: f64::from(scale.max(1)),
            state: Mutex::new(state),
            switch: Switch::new(),
            bell: Notify::new(),
            stopping,
            figures: Figures::new(meters),
        });
        let keeper = shared.clone();
        (SharedGate { shared }, async move { keeper.keep().await })
    }

    /// What is let through, as the database said less than a second ago; none where that is not known.
    pub fn mode(&self) -> Option<Mode> {
        self.shared.switch.mode()
    }

    /// Sets the mode for all replicas. Returns when it is committed, and tries until it is: a second later no replica acts
    /// on another one. Ours does so at once.
    pub async fn set_mode(&self, mode: Mode) {
        let mut wait = Duration::from_millis(50);
        if mode == Mode::Paused {
            // Whatever becomes of the question: from here on ours is closed until the database says otherwise.
            self.shared.switch.doubt();
        }
        loop {
            let asked = Instant::now();
            match self.shared.quota.set_mode(mode).await {
                Ok(row) => {
                    self.shared.switch.heard(row, asked);
                    self.shared.bell.notify_one();
                    return;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        ?mode,
                        "the mode could not be set; trying again"
                    );
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn permit(&self, ask: &Ask) {
        loop {
            self.state().last_call = Instant::now();
            if ask.changing {
                self.until_changes_are_allowed().await;
            }
            if let Some(customer) = ask.customer {
                self.take_customer(customer, ask.purpose).await;
            }
            if ask.family == Family::Login {
                return;
            }
            let key = self.family_key(ask.family);
            self.take(&key, self.family_rule(ask.family), lane(ask.purpose)).await;
            if !ask.changing || self.switch.allows_changes() {
                self.figures.granted.count(ask.family.as_str());
                return;
            }
            // Paused while it waited: the token is for somebody else.
            if let Some(line) = self.state().lines.get_mut(&key) {
                line.give_back();
            }
        }
    }

    async fn until_changes_are_allowed(&self) {
        if self.switch.allows_changes() {
            return;
        }
        // Before the look, so that nothing is missed in between; from now on the keeper asks.
        let mut news = self.switch.news();
        self.bell.notify_one();
        while !self.switch.allows_changes() {
            news.arrive().await;
        }
    }

    async fn take_customer(&self, customer: Uuid, purpose: Purpose) {
        let limit = self.limits.customer;
        let free = self.state().free_call(customer, self.scale);
        if !free {
            self.take(&format!("customer/{customer}"), self.rule(limit, 0.0), lane(purpose)).await;
        }
    }

    /// Waits for a token of this bucket. A dropped wait takes none.
    async fn take(&self, key: &str, rule: Rule, lane: usize) {
        let told = {
            let now = Instant::now();
            let mut state = self.state();
            let line = state.lines.entry(key.to_owned()).or_insert_with(|| Line::new(rule, now));
            if line.take(lane, now) {
                return;
            }
            let (waiter, told) = oneshot::channel();
            line.wait(lane, waiter);
            told
        };
        self.bell.notify_one();
        let mut waiting = Waiting { shared: self, key, told: Some(told) };
        if let Some(told) = &mut waiting.told
            && told.await.is_err()
        {
            // The keeper has gone: the process ends.
            std::future::pending::<()>().await;
        }
        waiting.told = None;
    }

    fn family_key(&self, family: Family) -> String {
        format!("family/{}/{family}", self.partner)
    }

    fn family_rule(&self, family: Family) -> Rule {
        let limit = self.limits.families.get(&family).unwrap_or(&self.limits.unpublished);
        self.rule(*limit, self.limits.reserve)
    }

    /// On a compressed clock a bucket fills faster than questions can follow one another: then its burst is larger, so that
    /// nothing runs over in between.
    fn rule(&self, limit: Limit, reserve: f64) -> Rule {
        let minute = 60.0;
        let between = BREATH.as_secs_f64() * 4.0 * self.scale;
        let burst = (between / minute).clamp(0.02, 0.15);
        let travel = (BREATH.mul_f64(self.scale)).min(Duration::from_secs(1));
        Rule {
            start: limit.start,
            floor: limit.floor,
            ceiling: limit.ceiling,
            burst,
            reserve,
            hold: KEEP + travel,
            scale: self.scale,
        }
    }

    /// Asks, as long as the process lives.
    async fn keep(self: Arc<Self>) {
        let mut wait = Duration::from_millis(50);
        while !self.stopping.is_cancelled() {
            self.figures.pulse.rest();
            self.until_there_is_something().await;
            self.figures.pulse.beat();
            let begun = Instant::now();
            match self.ask().await {
                Ok(()) => wait = Duration::from_millis(50),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the shared quota cannot be asked; nothing is changed at Microsoft meanwhile"
                    );
                    self.figures.mode.set(-1.0);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
            }
            tokio::time::sleep_until(begun + BREATH).await;
        }
        self.surrender().await;
    }

    async fn until_there_is_something(&self) {
        let deadline = {
            let now = Instant::now();
            let state = self.state();
            let lines = state.lines.values().filter_map(|line| line.deadline(now)).min();
            let waited_for = self.switch.is_waited_for();
            let active = waited_for || now.duration_since(state.last_call) < IDLE;
            // Who waits for the end of a pause is in no hurry.
            let between = match (waited_for, active) {
                (true, _) => AT_REST,
                (false, true) => REFRESH,
                (false, false) => NOW_AND_THEN,
            };
            let refresh = self.switch.asked().map_or(now, |asked| asked + between);
            let told = (!state.throttled.is_empty()).then_some(now);
            lines.into_iter().chain([refresh]).chain(told).min()
        };
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => {}
            () = self.bell.notified() => {}
            () = due => {}
        }
    }

    async fn ask(&self) -> Result<(), seatshift_store::StoreError> {
        self.tell_throttled().await?;
        let asked = Instant::now();
        let questions = self.state().questions(self.keep_real().min(AHEAD), asked);
        let grown_old = self.switch.asked().is_none_or(|before| before + REFRESH <= asked);
        let due = grown_old || self.switch.mode().is_none();
        if questions.is_empty() && !due {
            return Ok(());
        }
        self.figures.questions.set(questions.len() as f64);
        // Where no answer comes, tokens may have been granted and are lost: the safe side.
        let leased = self.quota.lease(&questions).await?;
        self.take_in(&questions, &leased, asked);
        Ok(())
    }

    async fn tell_throttled(&self) -> Result<(), seatshift_store::StoreError> {
        loop {
            let next = {
                let state = self.state();
                let first = state.throttled.first().cloned();
                first.and_then(|(key, after)| state.lines.get(&key).map(|line| (key, after, line.rule)))
            };
            let Some((key, after, rule)) = next else {
                return Ok(());
            };
            let blocked = self.quota.throttled(&key, &rule, after).await?;
            let mut state = self.state();
            state.throttled.remove(0);
            if let Some(line) = state.lines.get_mut(&key) {
                line.block(blocked.div_f64(self.scale), Instant::now());
            }
        }
    }

    fn take_in(&self, questions: &[Question], leased: &Leased, asked: Instant) {
        // The mode first: whoever is handed a token looks at it.
        self.switch.heard(leased.mode, asked);
        self.figures.mode.set(match leased.mode.mode {
            Mode::Running => 0.0,
            Mode::Draining => 1.0,
            Mode::Paused => 2.0,
        });
        let now = Instant::now();
        let mut state = self.state();
        for (question, grant) in questions.iter().zip(&leased.grants) {
            let Some(line) = state.lines.get_mut(&question.key) else { continue };
            line.answered(grant, self.keep_real(), now);
            if let Some(family) = question.key.strip_prefix("family/").and_then(|key| key.rsplit('/').next())
            {
                self.figures.per_minute.set(family, line.per_minute);
                self.figures.blocked.set(family, line.blocked(now).as_secs_f64());
            }
        }
        state.forget_idle(now);
    }

    /// How long what was granted ahead may be kept, in real time.
    fn keep_real(&self) -> Duration {
        KEEP.div_f64(self.scale)
    }

    /// Gives back what is in hand, for the other replicas.
    async fn surrender(&self) {
        let unused: Vec<(String, u32, Rule)> = {
            let mut state = self.state();
            let all = state.lines.iter_mut().map(|(key, line)| (key.clone(), line.surrender(), line.rule));
            all.filter(|(_, count, _)| *count > 0).collect()
        };
        if !unused.is_empty()
            && let Err(error) = self.quota.give_back(&unused).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "unused quota could not be given back");
        }
    }
}

impl State {
    fn free_call(&mut self, customer: Uuid, scale: f64) -> bool {
        let now = Instant::now();
        if self.free.len() >= CUSTOMERS_KEPT && !self.free.contains_key(&customer) {
            self.free.retain(|_, allowance| !allowance.is_over(now, scale));
        }
        self.free.entry(customer).or_insert_with(|| Allowance::new(now)).take(now, scale)
    }

    fn questions(&mut self, ahead: Duration, now: Instant) -> Vec<Question> {
        let since = now.duration_since(self.last_question);
        self.last_question = now;
        self.lines.iter_mut().filter_map(|(key, line)| line.question(key, ahead, since, now)).collect()
    }

    /// Customers come and go; families stay.
    fn forget_idle(&mut self, now: Instant) {
        if self.lines.len() < CUSTOMERS_KEPT {
            return;
        }
        self.lines.retain(|key, line| {
            !key.starts_with("customer/") || !line.is_idle() || now.duration_since(line.last_used) < IDLE
        });
    }
}

/// Customers beyond this many are forgotten while they are idle.
const CUSTOMERS_KEPT: usize = 4096;

/// Somebody who waits for a token. Dropped after it was sent to him and before he knew, he gives it back.
struct Waiting<'a> {
    shared: &'a Shared,
    key: &'a str,
    told: Option<oneshot::Receiver<()>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(told) = &mut self.told
            && told.try_recv().is_ok()
            && let Some(line) = self.shared.state().lines.get_mut(self.key)
        {
            line.give_back();
        }
    }
}

/// Which lane a call waits in.
fn lane(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Compensation => 0,
        Purpose::Forward | Purpose::Read => 1,
        Purpose::Plan => 2,
    }
}

impl Gate for SharedGate {
    fn permit(&self, ask: Ask) -> BoxFuture<'_, ()> {
        async move { self.shared.permit(&ask).await }.boxed()
    }

    fn stands(&self, ask: &Ask) -> bool {
        !ask.changing || self.shared.switch.allows_changes()
    }

    fn answered(&self, ask: &Ask, answer: Answer) {
        if ask.family == Family::Login {
            return;
        }
        let key = self.shared.family_key(ask.family);
        let mut state = self.shared.state();
        let Some(line) = state.lines.get_mut(&key) else { return };
        match answer {
            Answer::Fine => line.went_well(),
            Answer::Throttled { after } => {
                let wait = after.unwrap_or(UNSAID).div_f64(self.shared.scale);
                line.block(wait, Instant::now());
                state.throttled.push((key, after));
                self.shared.bell.notify_one();
            }
            Answer::Failed => {}
        }
    }
}

/// How long to wait after a 429 that does not say.
const UNSAID: Duration = Duration::from_secs(10);

impl fmt::Debug for SharedGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedGate").field("mode", &self.mode()).finish_non_exhaustive()
    }
}

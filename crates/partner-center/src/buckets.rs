//! The gate of one process: token buckets that learn what Microsoft allows, and the switch that stops everything.
//!
//! - One bucket for each family of calls and one for each customer. A bucket's burst is part of its minute, so that no
//!   window of a minute sees more calls than the limit.
//! - Limits that are not published are learned: a 429 takes three tenths off the family's rate, answers that come well
//!   give it back bit by bit (additive increase, multiplicative decrease). Published ones are never exceeded.
//! - `Retry-After` stops the whole family until it is over, for everybody: calls that are turned down count against the
//!   quota too.
//! - Some tokens are kept back for compensation, which goes first; planning goes last.
//! - While paused no changing call is let through. Reads go on: looking does no harm, and those who wait for an
//!   unknown outcome must look.
//!
//! Waiting is first come, first served within a family and a purpose: whoever is at the head waits for the token, all
//! others wait for their turn. Nothing wakes more than one waiter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use tokio::sync::{Mutex as Turn, watch};
use uuid::Uuid;

use crate::gate::{Answer, Ask, Family, Gate, Purpose};
use crate::timer::{Timer, between, later};

mod bucket;
pub use bucket::Limit;
use bucket::{Bucket, Learned};

/// Limits of all families and of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// For each family; one that is missing has [`Limits::unpublished`].
    pub families: BTreeMap<Family, Limit>,
    /// For families without a published figure: where learning begins and how far it may go.
    pub unpublished: Limit,
    /// For all calls about one customer, so that one big customer does not take everything.
    pub customer: Limit,
    /// Part of a family's burst that only compensation may use, from 0 to 1.
    pub reserve: f64,
}

impl Default for Limits {
    fn default() -> Self {
        let published = [Family::Customers, Family::Subscriptions, Family::Orders];
        Self {
            families: published.map(|family| (family, Limit::published(500.0))).into(),
            unpublished: Limit { start: 500.0, floor: 20.0, ceiling: 3000.0 },
            customer: Limit::published(500.0),
            reserve: 0.2,
        }
    }
}

/// What the gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything, within quota.
    Running,
    /// Everything that belongs to what has begun. That nothing new begins is the admission's duty, which asks for
    /// this mode; the gate cannot tell a beginning from a going on.
    Draining,
    /// No changing call.
    Paused,
}

/// The gate of one process. Cheap to clone; clones are one gate.
#[derive(Clone)]
pub struct TokenBuckets {
    shared: Arc<Shared>,
}

struct Shared {
    timer: Arc<dyn Timer>,
    limits: Limits,
    state: Mutex<State>,
    mode: watch::Sender<Mode>,
}

struct State {
    families: BTreeMap<Family, Line<Learned>>,
    customers: BTreeMap<Uuid, Line<Bucket>>,
    granted: u64,
    throttled: u64,
}

/// A bucket and those who wait for it.
struct Line<B> {
    bucket: B,
    /// For compensation, for everything else, for planning: whoever holds one is at its head.
    turns: [Arc<Turn<()>>; 3],
}

impl<B> Line<B> {
    fn new(bucket: B) -> Self {
        Self { bucket, turns: Default::default() }
    }
}

/// Customers beyond this many are forgotten while their bucket is full, which is the same as not being there.
const CUSTOMERS_KEPT: usize = 4096;

impl TokenBuckets {
    /// A gate with the published limits.
    pub fn new(timer: Arc<dyn Timer>) -> Self {
        Self::with_limits(timer, Limits::default())
    }

    /// A gate with these limits.
    pub fn with_limits(timer: Arc<dyn Timer>, limits: Limits) -> Self {
        let now = timer.now();
        let limit = |family| *limits.families.get(&family).unwrap_or(&limits.unpublished);
        let line = |family| (family, Line::new(Learned::new(limit(family), now)));
        let families = Family::GATED.map(line).into();
        let state = State { families, customers: BTreeMap::new(), granted: 0, throttled: 0 };
        let mode = watch::Sender::new(Mode::Running);
        Self { shared: Arc::new(Shared { timer, limits, state: Mutex::new(state), mode }) }
    }

    /// Stops all changing calls. When this returns, none is permitted any more, and permits given before are void.
    pub fn pause(&self) {
        self.set(Mode::Paused);
    }

    /// Lets what has begun go on. Admission asks [`TokenBuckets::mode`] and begins nothing new.
    pub fn pause_draining(&self) {
        self.set(Mode::Draining);
    }

    /// Lets everything through again.
    pub fn resume(&self) {
        self.set(Mode::Running);
    }

    /// What is let through at present.
    pub fn mode(&self) -> Mode {
        *self.shared.mode.borrow()
    }

    /// Permissions given so far.
    pub fn granted(&self) -> u64 {
        self.shared.state().granted
    }

    /// Calls that Microsoft turned down for their number (429) so far.
    pub fn throttled(&self) -> u64 {
        self.shared.state().throttled
    }

    /// Calls a minute that a family is thought to allow at present. Used to say how long a run will take at least.
    pub fn per_minute(&self, family: Family) -> Option<f64> {
        self.shared.state().families.get(&family).map(|line| line.bucket.per_minute())
    }

    fn set(&self, mode: Mode) {
        // Under the same lock as granting: between this and a grant there is an order.
        let state = self.shared.state();
        self.shared.mode.send_replace(mode);
        drop(state);
    }
}

impl fmt::Debug for TokenBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("TokenBuckets")
            .field("mode", &*self.shared.mode.borrow())
            .field("granted", &state.granted)
            .field("throttled", &state.throttled)
            .finish_non_exhaustive()
    }
}

/// What came of trying to take a token.
enum Taken {
    Granted,
    /// Nothing before this has passed.
    Later(Duration),
    /// The gate is paused for such calls.
    Paused,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, ask: &Ask) -> bool {
        ask.changing && *self.mode.borrow() == Mode::Paused
    }

    async fn permit(&self, ask: &Ask) {
        loop {
            if ask.changing {
                // Fails only when the sender is gone, and we hold it.
                let _ = self.mode.subscribe().wait_for(|mode| *mode != Mode::Paused).await;
            }
            if self.take_customer(ask).await && self.take_family(ask).await {
                return;
            }
        }
    }

    /// Waits for a token of the customer's. `false` = paused meanwhile.
    async fn take_customer(&self, ask: &Ask) -> bool {
        let Some(customer) = ask.customer else { return true };
        let turn = Arc::clone(&self.state().customer(customer, self).turns[lane(ask.purpose)]);
        let _head = turn.lock().await;
        loop {
            let wait = self.state().customer(customer, self).bucket.take(self.timer.now(), 0.0);
            match wait {
                None => return true,
                Some(wait) => self.timer.sleep(wait).await,
            }
            if self.holds(ask) {
                return false;
            }
        }
    }

    /// Waits for a token of the family's. `false` = paused meanwhile, and no token was taken.
    async fn take_family(&self, ask: &Ask) -> bool {
        let turn = match self.state().families.get(&ask.family) {
            Some(line) => Arc::clone(&line.turns[lane(ask.purpose)]),
            None => return true,
        };
        let _head = turn.lock().await;
        loop {
            match self.try_family(ask) {
                Taken::Granted => return true,
                Taken::Paused => return false,
                Taken::Later(wait) => self.timer.sleep(wait).await,
            }
        }
    }

    /// Takes a token of the family's, if there is one: the moment at which a permission is given.
    fn try_family(&self, ask: &Ask) -> Taken {
        let now = self.timer.now();
        let mut state = self.state();
        if self.holds(ask) {
            return Taken::Paused;
        }
        let reserve = match ask.purpose {
            Purpose::Compensation => 0.0,
            Purpose::Forward | Purpose::Read => self.limits.reserve,
            Purpose::Plan => self.limits.reserve * 2.0,
        };
        if let Some(line) = state.families.get_mut(&ask.family)
            && let Some(wait) = line.bucket.take(now, reserve)
        {
            return Taken::Later(wait);
        }
        state.granted += 1;
        Taken::Granted
    }
}

impl State {
    fn customer(&mut self, customer: Uuid, shared: &Shared) -> &mut Line<Bucket> {
        let now = shared.timer.now();
        if self.customers.len() >= CUSTOMERS_KEPT && !self.customers.contains_key(&customer) {
            self.customers.retain(|_, line| {
                !line.bucket.is_full(now) || line.turns.iter().any(|turn| Arc::strong_count(turn) > 1)
            });
        }
        let rate = shared.limits.customer.start;
        self.customers.entry(customer).or_insert_with(|| Line::new(Bucket::new(rate, now)))
    }
}

/// Which line a call waits in.
fn lane(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Compensation => 0,
        Purpose::Forward | Purpose::Read => 1,
        Purpose::Plan => 2,
    }
}

impl Gate for TokenBuckets {
    fn permit(&self, ask: Ask) -> BoxFuture<'_, ()> {
        async move { self.shared.permit(&ask).await }.boxed()
    }

    fn stands(&self, ask: &Ask) -> bool {
        !self.shared.holds(ask)
    }

    fn answered(&self, ask: &Ask, answer: Answer) {
        let now = self.shared.timer.now();
        let mut state = self.shared.state();
        let state = &mut *state;
        let Some(line) = state.families.get_mut(&ask.family) else { return };
        match answer {
            Answer::Fine => line.bucket.went_well(now),
            Answer::Throttled { after } => {
                state.throttled += 1;
                line.bucket.throttled(now, after);
            }
            Answer::Failed => {}
        }
    }
}

/// The moment `wait` from now, for a bucket.
fn at(now: Timestamp, wait: Duration) -> Timestamp {
    later(now, wait)
}

/// Seconds from `from` to `to`.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    between(from, to).as_secs_f64()
}

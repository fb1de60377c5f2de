//! A faithful, stateful, fault-injecting Partner Center with books of its own.
//!
//! It stands in for Microsoft wherever the real one cannot be called: in tests, in campaigns, in the demo. It answers as
//! the wire contract says, draws faults from a seed, lives on virtual time, and writes every change of state to an
//! append-only log from which it is judged whether a customer was harmed.
//!
//! It must never know anything of the engine it judges: its facts are its own data files, its JSON is its own. And it must
//! never show the hidden truth of its world through any endpoint but the books.

mod api;
pub mod books;
mod clock;
mod faults;
mod server;
mod state;
pub mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde_json::{Value, json};

pub use clock::{BoxFuture, Clock, ScaledClock, TokioClock};
pub use server::serve;

use books::{Audit, Entry, Intent};
use state::Shared;
use state::budgets::Family;
use world::{Readings, World, WorldError};

/// Name of the response header by which an in-process caller learns that the answer is lost: it must treat the call as a
/// connection that was closed without an answer. Over TCP the connection is closed and nobody sees it.
pub const LOST_HEADER: &str = "x-simulator-lost";

/// A simulated Partner Center. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl Simulator {
    /// Begins a world.
    ///
    /// # Errors
    /// Every fault of the world, with place, cause and remedy.
    pub fn new(mut world: World, clock: Arc<dyn Clock>) -> Result<Self, WorldError> {
        world::validate(&world)?;
        world::truth::fill(&mut world);
        Ok(Self { shared: Arc::new(Shared::new(world, clock)) })
    }

    /// Partner Center under `/v1`, the token authority under `/{tenant}/oauth2/...`, control under `/_simulator`. Can be
    /// served or called in process; see [`LOST_HEADER`] for the latter.
    pub fn router(&self) -> Router {
        api::router(self.clone())
    }

    /// A copy of the whole log, with every customer brought up to now first.
    #[must_use]
    pub fn books(&self) -> Vec<Entry> {
        self.books_after(0)
    }

    /// The lines after a number, with every customer brought up to now first.
    #[must_use]
    pub fn books_after(&self, number: u64) -> Vec<Entry> {
        self.settle();
        self.shared.log.after(number)
    }

    /// The figures of the books so far, judged by this intent, with every customer brought up to now first.
    #[must_use]
    pub fn audit(&self, intent: &Intent) -> Audit {
        self.settle();
        self.shared.log.with(|entries| books::audit(entries, intent))
    }

    /// Brings every customer up to now: what Microsoft's clock did is applied when a customer is looked at, so one that
    /// nobody looks at lags behind.
    pub fn settle(&self) {
        self.shared.settle();
    }

    /// The world as it stands now, with every customer brought up to now first: written to a file, it begins again where
    /// this one is. What is on its way is not in it.
    #[must_use]
    pub fn as_it_stands(&self) -> World {
        let now = self.shared.clock.now();
        self.settle();
        state::remains::world(&self.shared, now)
    }

    /// Which reading of each unverified fact this world follows.
    #[must_use]
    pub fn readings(&self) -> &Readings {
        &self.shared.world.readings
    }

    /// The statement of intent that was posted last.
    #[must_use]
    pub fn intent(&self) -> Option<Intent> {
        lock(&self.shared.intent).clone()
    }

    /// Keeps the statement of intent for the audit.
    pub fn set_intent(&self, intent: Intent) {
        *lock(&self.shared.intent) = Some(intent);
    }

    /// What a program that serves this simulator prints when it begins: addresses, ids, seed, clock, fault level, budgets
    /// and every reading by its name. `base_url` is where the router is served, without a slash at the end.
    #[must_use]
    pub fn startup(&self, base_url: &str) -> Value {
        let world = &self.shared.world;
        let budgets: serde_json::Map<String, Value> = Family::ALL
            .into_iter()
            .map(|family| (family.name().to_owned(), self.shared.budgets.per_minute(family).into()))
            .collect();
        json!({
            "base_url": base_url,
            "authority_url": base_url,
            "partner_tenant": world.partner.tenant_id,
            "client_id": world.partner.client_id,
            "seed": world.seed,
            "start": world.start,
            "scale": self.shared.clock.scale(),
            "fault_level": world.faults.level,
            "budgets_per_minute": budgets,
            "lags": world.lags,
            "readings": world.readings,
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

/// Locks. A panic elsewhere does not make the state unreadable: the books must be readable whatever happened.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

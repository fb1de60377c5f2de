//! The embedded mode: all services in this one process, over one store and an in-process bus.
//!
//! The same participants, hosts and store traits as with servers; only the bus and the store are of the small kind. What
//! must never happen here: a shortcut between services that the bus does not carry.

mod valve;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use seatshift_bus::{Bus, LocalBus};
use seatshift_control::planned::LastLook;
use seatshift_control::planning::PlanOptions;
use seatshift_control::{Config, Control, Setup};
use seatshift_edge::ClockTimer;
use seatshift_host::{Clock, Horizons, Ids, Limits, Meters, Parts, start};
use seatshift_messages::Policy;
use seatshift_partner_center::{Client, TokenBuckets};
use seatshift_purchase::{Purchasing, Waits};
use seatshift_reassignment::Reassigning;
use seatshift_store::{Store, StoreError};
use seatshift_suspension::Suspending;
use tokio_util::sync::CancellationToken;

pub use valve::GateValve;

/// What the embedded engine is made of.
#[derive(Debug, Clone)]
pub struct EmbeddedParts {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub client: Client,
    pub gate: TokenBuckets,
    pub settings: EmbeddedSettings,
}

/// What can be set about it.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    pub planning: PlanOptions,
    pub policy: Policy,
    pub control: Config,
    pub horizons: Horizons,
    pub waits: Waits,
    pub limits: Limits,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        EmbeddedSettings {
            planning: PlanOptions::default(),
            policy: Policy::default(),
            control: Config::default(),
            horizons: Horizons::default(),
            waits: Waits::default(),
            limits: alone(Duration::from_secs(120)),
        }
    }
}

/// Limits for one process that knows to be alone on its store: a lease never runs out while the process lives, because
/// nobody else could take the work up, and [`Store::take_over`] cuts it off when the process has died.
pub fn alone(longest_call: Duration) -> Limits {
    let call_deadline = SignedDuration::try_from(longest_call).unwrap_or(SignedDuration::from_mins(2));
    Limits { lease: SignedDuration::from_hours(24 * 365), call_deadline, ..Limits::default() }
}

/// The running engine's handle.
#[derive(Debug, Clone)]
pub struct Embedded {
    pub control: Control,
    pub(crate) bus: Arc<dyn Bus>,
    stopping: CancellationToken,
}

/// The running engine. Dropping it is a crash, and loses nothing that was committed.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Unsettled deliveries a service may have at a time.
const PREFETCH: usize = 128;

impl Embedded {
    /// Prepares the engine from what its store remembers. Nothing happens before the returned future is polled.
    pub async fn start(parts: EmbeddedParts) -> Result<(Embedded, Running), StoreError> {
        Self::start_on(parts, Arc::new(LocalBus::new(PREFETCH))).await
    }

    /// The same over another bus: one that repeats and mixes up its deliveries, as a broker may.
    pub async fn start_on(
        parts: EmbeddedParts,
        bus: Arc<dyn Bus>,
    ) -> Result<(Embedded, Running), StoreError> {
        let EmbeddedParts { store, clock, ids, client, gate, settings } = parts;
        store.take_over().await?;
        let stopping = CancellationToken::new();
        let timer = Arc::new(ClockTimer(clock.clone()));
        let look = LastLook::new(client.reader().clone(), timer, settings.planning, settings.policy);
        let parts =
            Parts { store, bus: bus.clone(), clock, ids, limits: settings.limits, meters: Meters::new() };
        let setup = Setup {
            parts: parts.clone(),
            recheck: Arc::new(look),
            valve: Arc::new(GateValve(gate)),
            config: settings.control,
            history: None,
            shared: None,
        };
        let (control, controlling) = seatshift_control::start(setup, stopping.clone()).await?;
        let purchase = Purchasing::new(client.clone(), settings.horizons, settings.waits);
        let reassignment = Reassigning::new(client.clone(), settings.horizons);
        let suspension = Suspending::new(client, settings.horizons);
        let (_, purchasing) = start(Arc::new(purchase), parts.clone(), stopping.clone());
        let (_, reassigning) = start(Arc::new(reassignment), parts.clone(), stopping.clone());
        let (_, suspending) = start(Arc::new(suspension), parts, stopping.clone());
        let running = Box::pin(async move {
            // Tasks of their own, so that they use all cores; aborted together when this future is dropped.
            let mut services = tokio::task::JoinSet::new();
            services.spawn(controlling);
            services.spawn(purchasing);
            services.spawn(reassigning);
            services.spawn(suspending);
            while let Some(ended) = services.join_next().await {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!(%error, "a service has panicked; the engine stops");
                    services.abort_all();
                }
            }
        });
        Ok((Embedded { control, bus, stopping }, running))
    }

    /// Asks every service to finish what it has in hand and to take up nothing more; the running future then ends.
    pub fn stop(&self) {
        self.stopping.cancel();
    }
}

//! From the start to the orderly end.
//!
//! The end has an order: nothing more is taken up, what is in hand comes to its end and is published, what was settled is
//! told to the broker, what runs beside (the call log) writes its last lines. All of it within `service.drain_seconds`; what
//! is not done by then is cut off, which loses nothing: it is found again as after a crash, only later.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use seatshift_bus::RabbitBus;
use seatshift_messages::Service;
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::assembly::Assembly;
use super::base::{self, Base};
use super::figures::Figures;
use super::health::{self, Health, Running};
use super::readiness::Readiness;
use super::watch::Watch;
use super::{Program, Refusal, Stopping, api, database, signals};
use crate::ids::Ids;
use crate::meters::Meters;
use crate::settings::Settings;

/// What runs beside may write its last lines for so long, and so long the broker may take to hear what is settled.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Everything in hand came to its end.
    pub(super) clean: bool,
}

/// What is there before any server is reached.
struct Ground {
    program: Program,
    settings: Arc<Settings>,
    instance: String,
    stopping: Stopping,
    health: Health,
    api: api::Later,
    listeners: Vec<JoinHandle<()>>,
}

pub(super) async fn run<F, A>(
    program: Program,
    settings: Arc<Settings>,
    instance: String,
    assemble: F,
) -> Result<Ended, Refusal>
where
    F: FnOnce(Base) -> A,
    A: Future<Output = Result<Assembly, Refusal>>,
{
    let stopping = Stopping::default();
    signals::listen(stopping.clone())?;
    let ground = open(program, settings, instance, stopping.clone()).await?;
    tokio::select! {
        biased;
        () = stopping.at_once.cancelled() => {
            tracing::warn!(clean = false, "stopped");
            Ok(Ended { clean: false })
        }
        ended = live(ground, assemble) => ended,
    }
}

/// Listens, and says where.
async fn open(
    program: Program,
    settings: Arc<Settings>,
    instance: String,
    stopping: Stopping,
) -> Result<Ground, Refusal> {
    let readiness = Readiness::default();
    readiness.missing("database", "not reached yet");
    readiness.missing("broker", "not reached yet");
    readiness.missing("service", "starting");
    let health = Health { meters: Meters::new(), readiness, service: Arc::new(OnceCell::new()) };
    let (listener, address) = api::bind("service.listen", settings.service.listen).await?;
    // Health is shown to the very end.
    let never = tokio_util::sync::CancellationToken::new();
    let mut listeners = vec![api::serve(listener, health::router(health.clone()), never)];
    let api = api::Later::default();
    if program.service == Service::Control {
        let (listener, api_address) = api::bind("control.listen", settings.control.listen).await?;
        listeners.push(api::serve(listener, api.router(), stopping.stopping.clone()));
        tracing::info!(health = %address, api = %api_address, version = program.version, "listening");
    } else {
        tracing::info!(health = %address, version = program.version, "listening");
    }
    Ok(Ground { program, settings, instance, stopping, health, api, listeners })
}

async fn live<F, A>(ground: Ground, assemble: F) -> Result<Ended, Refusal>
where
    F: FnOnce(Base) -> A,
    A: Future<Output = Result<Assembly, Refusal>>,
{
    let stopping = ground.stopping.stopping.clone();
    let reached = tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        reached = reach(&ground) => Some(reached?),
    };
    let Some((base, sessions)) = reached else {
        tracing::info!(clean = true, "stopped");
        return Ok(Ended { clean: true });
    };
    let mut sessions = tokio::spawn(sessions);
    let assembled = tokio::select! {
        biased;
        () = stopping.cancelled() => None,
        assembled = assemble(base.clone()) => Some(assembled?),
    };
    let Some(Assembly { running, beside, api, looks }) = assembled else {
        tracing::info!(clean = true, "stopped");
        return Ok(Ended { clean: true });
    };
    if let Some(router) = api {
        ground.api.set(router);
    }
    let figures = Figures::new(&base.meters, &base, ground.program.version);
    // Set once, here.
    drop(ground.health.service.set(Running { base: base.clone(), figures, looks }));
    base.readiness.found("service");
    tracing::info!("running");

    let mut beside: JoinSet<()> = beside.into_iter().collect();
    // A task of its own, so that it uses all cores.
    let mut running = tokio::spawn(running);
    let clean = tokio::select! {
        biased;
        () = stopping.cancelled() => drained(&base, &mut running).await,
        ended = &mut running => {
            tracing::error!(panicked = ended.is_err(), "the service has ended by itself");
            false
        }
        _ = &mut sessions => {
            tracing::error!("the sessions with the broker have ended by themselves");
            false
        }
    };
    running.abort();
    drop(running);
    let told = timeout(LAST_LINES, base.bus.close()).await.is_ok();
    sessions.abort();
    let written = timeout(LAST_LINES, async { while beside.join_next().await.is_some() {} }).await.is_ok();
    beside.abort_all();
    ground.listeners.iter().for_each(JoinHandle::abort);
    tracing::info!(clean, told_the_broker = told, logs_written = written, "stopped");
    Ok(Ended { clean })
}

/// Database and broker. The bus connects by itself, and again whenever it must.
async fn reach(ground: &Ground) -> Result<(Base, impl Future<Output = ()> + Send + 'static), Refusal> {
    let Ground { program, settings, instance, stopping, health, .. } = ground;
    let service = program.service;
    let clock = base::clock(settings);
    let ids = Arc::new(Ids::random());
    let Some(options) = database::options(&settings.database, service, instance)? else {
        return Err("database.url is not set".into());
    };
    let (bus, sessions) = RabbitBus::start(base::broker(settings, service, instance, &ids)?)?;
    let store = database::reach(&options, &health.readiness, &clock, &ids).await?;
    // From here on the bus tells by itself how it stands.
    health.readiness.found("broker");
    let store = Arc::new(store);
    let watch = Watch::new(clock.clone(), &health.meters, &health.readiness);
    watch.look(store.time()).await;
    let watching = watch.keep_looking(store.clone());
    let base = Base {
        service,
        instance: instance.clone(),
        settings: settings.clone(),
        store,
        bus,
        scale: clock.scale(),
        clock: Arc::new(clock),
        ids,
        meters: health.meters.clone(),
        readiness: health.readiness.clone(),
        stopping: stopping.stopping.clone(),
    };
    let sessions = async move {
        tokio::select! {
            biased;
            () = sessions => {}
            () = watching => {}
        }
    };
    Ok((base, sessions))
}

/// True when everything in hand has come to its end within the limit.
async fn drained(base: &Base, running: &mut JoinHandle<()>) -> bool {
    let limit = base.settings.service.drain;
    tracing::info!(seconds = limit.as_secs(), "finishing what is in hand");
    let orderly = async {
        // What was fetched and nobody has begun goes back at once, to whoever else reads the queue.
        let (ended, ()) = tokio::join!(biased; running, base.bus.drain());
        ended.is_ok()
    };
    match timeout(limit, orderly).await {
        Ok(ended) => ended,
        Err(_) => {
            tracing::warn!(
                seconds = limit.as_secs(),
                "not everything came to its end in time; it is found again"
            );
            false
        }
    }
}

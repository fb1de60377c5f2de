//! Figures of things outside the process, looked up when they are asked for: what waits in the database and the queue, and
//! how the broker's sessions stand.

use std::time::Duration;

use seatshift_bus::RabbitBus;
use seatshift_store::{Backlog, Store};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::base::Base;
use super::health::GLANCE;
use crate::meters::{Gauge, Gauges, Meters};

/// Counting rows costs the database something: it is asked at most so often.
const FRESH: Duration = Duration::from_secs(1);

pub(super) struct Figures {
    last: Mutex<Option<(Instant, Result<Backlog, String>)>>,
    waiting: Gauges,
    oldest: Gauges,
    broker: Gauges,
    queue_ready: Gauge,
    queue_consumers: Gauge,
    queue_dead: Gauge,
    reconnects: Gauge,
}

impl Figures {
    pub(super) fn new(meters: &Meters, base: &Base, version: &'static str) -> Self {
        let build = meters.gauges("build", "The program that runs here", "version");
        build.set(version, 1.0);
        meters.gauge("clock_scale", "Seconds of the engine's clock in a real one").set(f64::from(base.scale));
        Figures {
            last: Mutex::new(None),
            waiting: meters.gauges("backlog_rows", "Rows that wait in the database", "kind"),
            oldest: meters.gauges(
                "backlog_oldest_seconds",
                "Age of the oldest row that waits, on the engine's clock",
                "kind",
            ),
            broker: meters.gauges("broker", "How the broker's sessions stand", "state"),
            queue_ready: meters.gauge("queue_messages", "Messages that wait in this service's queue"),
            queue_dead: meters.gauge(
                "queue_dead",
                "Messages that this service could not handle, in its queue of dead letters",
            ),
            queue_consumers: meters.gauge("queue_consumers", "Processes that read this service's queue"),
            reconnects: meters.gauge("broker_reconnects", "Sessions with the broker that ended in an error"),
        }
    }

    /// Whether the database answers, and the reason where it does not.
    pub(super) async fn database(&self, base: &Base) -> Result<(), String> {
        self.backlog(base).await.map(drop)
    }

    async fn backlog(&self, base: &Base) -> Result<Backlog, String> {
        let mut last = self.last.lock().await;
        if let Some((at, backlog)) = &*last
            && at.elapsed() < FRESH
        {
            return backlog.clone();
        }
        let asked = base.store.backlog(base.service, base.clock.now());
        let backlog = match tokio::time::timeout(GLANCE, asked).await {
            Ok(Ok(backlog)) => Ok(backlog),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the database does not answer in time".to_owned()),
        };
        *last = Some((Instant::now(), backlog.clone()));
        backlog
    }

    pub(super) async fn refresh(&self, base: &Base) {
        let now = base.clock.now();
        let age = |since: Option<jiff::Timestamp>| {
            since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
        };
        if let Ok(backlog) = self.backlog(base).await {
            self.waiting.set("outbox", backlog.outbox as f64);
            self.waiting.set("work_due", backlog.work_due as f64);
            self.waiting.set("work_held", backlog.work_held as f64);
            self.oldest.set("outbox", age(backlog.oldest_event));
            self.oldest.set("work_due", age(backlog.oldest_due));
        }
        self.oldest.set("delivery", age(base.meters.oldest_in_hand()));
        self.bus(&base.bus).await;
    }

    async fn bus(&self, bus: &RabbitBus) {
        let state = bus.state();
        let flag = |set: bool| if set { 1.0 } else { 0.0 };
        self.broker.set("publishing", flag(state.publishing));
        self.broker.set("consuming", flag(state.consuming));
        self.broker.set("blocked", flag(state.blocked.is_some()));
        self.broker.set("unconfirmed", state.unconfirmed as f64);
        self.broker.set("unsettled", state.unsettled as f64);
        self.broker.set("refused", state.refused as f64);
        self.broker.set("returned", state.returned as f64);
        self.reconnects.set(state.reconnects as f64);
        if let Ok(Some(depth)) = tokio::time::timeout(GLANCE, bus.queue_depth()).await {
            self.queue_ready.set(f64::from(depth.ready));
            self.queue_consumers.set(f64::from(depth.consumers));
            self.queue_dead.set(f64::from(depth.dead));
        }
    }
}

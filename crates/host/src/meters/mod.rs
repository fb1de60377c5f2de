//! What a running service shows of itself: figures for `/metrics`, and which of its loops still turns for `/livez`.
//!
//! Always there, also where nobody looks (one process, a test): counting costs less than asking whether to count. Names
//! follow the Prometheus rules; all begin with `seatshift_`. What must never be a label: anything about a customer, or
//! anything of which there can be many.

mod pulse;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as Metric;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric as Registered, Registry};

pub use pulse::{Pulse, Stuck};

/// A figure that goes up and down. Cheap to clone; clones are one figure.
pub type Gauge = Metric<f64, AtomicU64>;
/// One label with its value, or none.
type Labels = Vec<(&'static str, String)>;

/// All figures of one process. Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    pulses: Mutex<Vec<Pulse>>,
    /// When the events in hand were made; several may have been made at one moment.
    in_hand: Mutex<BTreeMap<Timestamp, u32>>,
    pub(crate) own: Own,
}

/// The figures that every host has.
pub(crate) struct Own {
    pub(crate) heard: Counters,
    pub(crate) in_hand: Gauge,
    pub(crate) said: Counters,
    pub(crate) performed: Counters,
    pub(crate) running: Gauge,
    pub(crate) licenses_moved: Counter,
    pub(crate) commit_units: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) loaded: Histogram,
    pub(crate) published: Counter,
    pub(crate) confirmed: Counters,
    pub(crate) unconfirmed: Gauge,
    pub(crate) calls: Family<Labels, Counter>,
    pub(crate) call_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    pub(crate) remedies: Counters,
}

/// Counters that differ in one label.
#[derive(Clone)]
pub struct Counters {
    label: &'static str,
    family: Family<Labels, Counter>,
}

impl Counters {
    /// One more of this kind.
    pub fn count(&self, value: &str) {
        self.add(value, 1);
    }

    /// So many more of this kind.
    pub fn add(&self, value: &str, more: u64) {
        self.family.get_or_create(&vec![(self.label, value.to_owned())]).inc_by(more);
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Figures that go up and down and differ in one label.
#[derive(Clone)]
pub struct Gauges {
    label: &'static str,
    family: Family<Labels, Gauge>,
}

impl Gauges {
    /// Sets the figure of this kind.
    pub fn set(&self, value: &str, figure: f64) {
        self.family.get_or_create(&vec![(self.label, value.to_owned())]).set(figure);
    }
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauges").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Meters {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("seatshift");
        let own = Own::registered(&mut registry);
        let registry = Mutex::new(registry);
        Meters(Arc::new(Inner { registry, pulses: Mutex::default(), in_hand: Mutex::default(), own }))
    }

    /// A new figure. `name` without the prefix, `help` without the full stop.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.register(name, help, gauge.clone());
        gauge
    }

    /// New figures that differ in one label.
    pub fn gauges(&self, name: &str, help: &str, label: &'static str) -> Gauges {
        let gauges = Gauges { label, family: Family::default() };
        self.register(name, help, gauges.family.clone());
        gauges
    }

    /// New counters that differ in one label; `_total` is added to the name.
    pub fn counters(&self, name: &str, help: &str, label: &'static str) -> Counters {
        let counters = Counters { label, family: Family::default() };
        self.register(name, help, counters.family.clone());
        counters
    }

    /// A call to Microsoft is over. `seconds` in real time.
    pub fn call(&self, family: &str, outcome: &str, seconds: f64) {
        let own = self.own();
        let labels = vec![("family", family.to_owned()), ("outcome", outcome.to_owned())];
        own.calls.get_or_create(&labels).inc();
        own.call_seconds.get_or_create(&vec![("family", family.to_owned())]).observe(seconds);
    }

    /// What is to be done about an answer of Microsoft's: `done`, `retry`, `refused`, ...
    pub fn remedy(&self, remedy: &str) {
        self.own().remedies.count(remedy);
    }

    /// An event that was made then is in hand, until the guard goes.
    pub(crate) fn in_hand(&self, made: Timestamp) -> InHand {
        *unpoisoned(&self.0.in_hand).entry(made).or_default() += 1;
        InHand { meters: self.clone(), made }
    }

    /// When the oldest event in hand was made.
    pub(crate) fn oldest_in_hand(&self) -> Option<Timestamp> {
        unpoisoned(&self.0.in_hand).keys().next().copied()
    }

    /// A pulse for one more loop.
    pub fn pulse(&self, name: &'static str) -> Pulse {
        let pulse = Pulse::new(name);
        unpoisoned(&self.0.pulses).push(pulse.clone());
        pulse
    }

    /// Loops that have been at one thing for longer than `patience`.
    pub fn stuck(&self, patience: std::time::Duration) -> Vec<Stuck> {
        unpoisoned(&self.0.pulses).iter().filter_map(|pulse| pulse.stuck(patience)).collect()
    }

    /// All figures as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &unpoisoned(&self.0.registry)).is_err() {
            tracing::error!("the figures cannot be written down");
        }
        text
    }

    pub(crate) fn own(&self) -> &Own {
        &self.0.own
    }

    fn register(&self, name: &str, help: &str, metric: impl Registered) {
        unpoisoned(&self.0.registry).register(name, help, metric);
    }
}

/// One event in hand.
pub(crate) struct InHand {
    meters: Meters,
    made: Timestamp,
}

impl Drop for InHand {
    fn drop(&mut self) {
        let mut in_hand = unpoisoned(&self.meters.0.in_hand);
        if let Some(count) = in_hand.get_mut(&self.made) {
            *count -= 1;
            if *count == 0 {
                in_hand.remove(&self.made);
            }
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Meters::new()
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}

impl Own {
    fn registered(registry: &mut Registry) -> Own {
        let mut counters = |name: &str, help: &str, label| {
            let counters = Counters { label, family: Family::default() };
            registry.register(name, help, counters.family.clone());
            counters
        };
        let heard = counters("heard", "Deliveries by what became of them", "outcome");
        let said = counters("events_said", "Events that decisions led to", "type");
        let performed = counters("performed", "Pieces of work by how they ended", "outcome");
        let confirmed = counters("events_confirmed", "Answers of the bus to publications", "answer");
        let remedies =
            counters("outcomes", "Answers of Microsoft by what is to be done about them", "remedy");
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let in_hand = gauge("deliveries_in_hand", "Deliveries that are being decided");
        let running = gauge("work_running", "Pieces of work that run");
        let unconfirmed = gauge("events_unconfirmed", "Events published and not confirmed yet");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let licenses_moved =
            counter("licenses_moved", "Users moved to their new license, as reassignment has said");
        let published = counter("events_published", "Events handed to the bus, repetitions included");
        let sizes = || Histogram::new(exponential_buckets(1.0, 2.0, 9));
        let mut histogram = |name: &str, help: &str, histogram: Histogram| {
            registry.register(name, help, histogram.clone());
            histogram
        };
        let commit_units = histogram("commit_units", "Decisions in one transaction", sizes());
        let commit_seconds = histogram("commit_seconds", "How long a transaction took", latencies());
        let loaded = histogram("load_ledgers", "Ledgers read at a time", sizes());
        let calls = Family::default();
        registry.register("calls", "Calls to Microsoft", calls.clone());
        let call_seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        registry.register("call_seconds", "How long calls to Microsoft took", call_seconds.clone());
        Own {
            heard,
            in_hand,
            said,
            performed,
            running,
            licenses_moved,
            commit_units,
            commit_seconds,
            loaded,
            published,
            confirmed,
            unconfirmed,
            calls,
            call_seconds,
            remedies,
        }
    }
}

/// From a millisecond to half a minute.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let meters = Meters::new();
        meters.call("licenses", "fine", 0.02);
        meters.remedy("done");
        meters.gauge("customers_at_risk", "Customers whose old term ends soon").set(3.0);
        meters.gauges("quota_per_minute", "Calls a minute", "family").set("orders", 500.0);
        let text = meters.text();
        for line in [
            "seatshift_calls_total{family=\"licenses\",outcome=\"fine\"} 1",
            "seatshift_call_seconds_count{family=\"licenses\"} 1",
            "seatshift_outcomes_total{remedy=\"done\"} 1",
            "seatshift_customers_at_risk 3.0",
            "seatshift_quota_per_minute{family=\"orders\"} 500.0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

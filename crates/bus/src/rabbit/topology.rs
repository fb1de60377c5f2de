//! What lies in the broker: exchanges, queues, bindings. The one place; declaring, rights and `definitions.json` follow it.
//!
//! ```text
//! publishers ─▶ seatshift.events (topic) ─ by event type ─▶ seatshift.<service>.v1        (quorum, one for each service)
//!                        └─────────────── # ─────────────▶ seatshift.history              (stream, everything)
//!      given up by the broker, or buried by a service
//!               ─▶ seatshift.dlx (direct) ────────────────▶ seatshift.<service>.v1.dead   (quorum)
//! dead letters replayed ─▶ seatshift.replay (direct) ─────▶ seatshift.<service>.v1
//! ```
//!
//! Arguments of a queue cannot be changed once it exists, so its name carries a version. Only arguments that mean the same
//! from RabbitMQ 3.10 to 4.3 are used, and none is left to a default that differs: a delivery limit of 20 came with 4.0,
//! and a crash counts for everything that was prefetched.
//!
//! What must never happen here: an event type that some service acts on without a binding for it.

use seatshift_messages::Service;

/// All events, by type.
pub const EVENTS: &str = "seatshift.events";
/// What the broker gave up, and what a service buried. Routing key = name of the dead-letter queue.
pub const DEAD: &str = "seatshift.dlx";
/// Dead letters on their way back to one queue. Routing key = name of the work queue.
pub const REPLAY: &str = "seatshift.replay";
/// Every event ever published, as long as it is kept.
pub const HISTORY: &str = "seatshift.history";
/// Routing key of what has no readable type; goes to control.
pub const UNREADABLE: &str = "seatshift.unreadable";

/// Deliveries of one message before the broker gives it up. High, because a crash counts for all that was prefetched.
const DELIVERY_LIMIT: i64 = 50;
/// Dead letters must survive being looked at, which counts as a delivery; no portable argument says "no limit".
const NO_LIMIT: i64 = 1_000_000_000;
/// The history is cut at this size or age, whichever comes first, a segment at a time.
const HISTORY_BYTES: i64 = 20_000_000_000;
const HISTORY_AGE: &str = "365D";
const HISTORY_SEGMENT_BYTES: i64 = 100_000_000;

/// Queue of the events that this service acts on.
pub fn work_queue(service: Service) -> String {
    format!("seatshift.{service}.v1")
}

/// Queue of what this service could not handle.
pub fn dead_queue(service: Service) -> String {
    format!("seatshift.{service}.v1.dead")
}

/// Who acts on an event type: [`seatshift_messages::Event::heard_by`] for the broker, which sees the type alone.
/// `retry.requested` goes to all three participants; [`crate::RabbitBus`] drops it where it is for another.
pub fn readers(kind: &str) -> &'static [Service] {
    READERS.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, readers)| readers)
}

/// The types whose readers depend on what is inside.
pub(crate) fn depends_on_its_content(kind: &str) -> bool {
    kind == "seatshift.retry.requested.v1"
}

const READERS: &[(&str, &[Service])] = {
    use Service::{Control, Purchase, Reassignment, Suspension};
    &[
        ("seatshift.migration.requested.v1", &[Purchase]),
        ("seatshift.subscription.purchased.v1", &[Control, Reassignment]),
        ("seatshift.purchase.refused.v1", &[Control]),
        ("seatshift.licenses.reassigned.v1", &[Control, Suspension]),
        ("seatshift.reassignment.refused.v1", &[Control, Purchase]),
        ("seatshift.subscription.suspended.v1", &[Control]),
        ("seatshift.suspension.refused.v1", &[Control, Reassignment]),
        ("seatshift.licenses.restored.v1", &[Control, Purchase]),
        ("seatshift.purchase.reverted.v1", &[Control]),
        ("seatshift.subscription.reactivated.v1", &[Control, Reassignment]),
        ("seatshift.purchase.parked.v1", &[Control]),
        ("seatshift.reassignment.parked.v1", &[Control]),
        ("seatshift.suspension.parked.v1", &[Control]),
        ("seatshift.rollback.requested.v1", &[Purchase, Reassignment, Suspension]),
        ("seatshift.retry.requested.v1", &[Purchase, Reassignment, Suspension]),
        ("seatshift.migration.progressed.v1", &[Control]),
        (UNREADABLE, &[Control]),
    ]
};

/// An exchange; durable, never deleted by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Topic,
    Direct,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Topic => "topic",
            Kind::Direct => "direct",
        }
    }
}

/// A queue or stream; durable, never deleted by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    /// Whose it is to declare; the others look whether it is there.
    pub owner: Service,
    pub arguments: Vec<(&'static str, Argument)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    Text(String),
    Number(i64),
}

/// From an exchange to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub exchange: &'static str,
    pub queue: String,
    pub key: String,
}

/// Everything, in the order in which it can be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
}

/// The whole table.
pub fn table() -> Topology {
    let exchanges = vec![
        Exchange { name: EVENTS, kind: Kind::Topic },
        Exchange { name: DEAD, kind: Kind::Direct },
        Exchange { name: REPLAY, kind: Kind::Direct },
    ];
    let mut queues: Vec<Queue> = Service::ALL.into_iter().flat_map(|one| [dead(one), work(one)]).collect();
    queues.push(history());
    Topology { exchanges, queues, bindings: bindings() }
}

fn work(service: Service) -> Queue {
    let arguments = vec![
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", Argument::Number(DELIVERY_LIMIT)),
        ("x-dead-letter-exchange", text(DEAD)),
        ("x-dead-letter-routing-key", Argument::Text(dead_queue(service))),
        // Kept in the work queue until the dead-letter queue has it; wants reject-publish.
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ];
    Queue { name: work_queue(service), owner: service, arguments }
}

fn dead(service: Service) -> Queue {
    let arguments = vec![
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", Argument::Number(NO_LIMIT)),
        ("x-overflow", text("reject-publish")),
    ];
    Queue { name: dead_queue(service), owner: service, arguments }
}

fn history() -> Queue {
    let arguments = vec![
        ("x-queue-type", text("stream")),
        ("x-max-length-bytes", Argument::Number(HISTORY_BYTES)),
        ("x-max-age", text(HISTORY_AGE)),
        ("x-stream-max-segment-size-bytes", Argument::Number(HISTORY_SEGMENT_BYTES)),
    ];
    Queue { name: HISTORY.to_owned(), owner: Service::Control, arguments }
}

fn bindings() -> Vec<Binding> {
    let mut bindings = Vec::new();
    for (kind, readers) in READERS {
        for reader in *readers {
            bindings.push(bind(EVENTS, work_queue(*reader), (*kind).to_owned()));
        }
    }
    bindings.push(bind(EVENTS, HISTORY.to_owned(), "#".to_owned()));
    for service in Service::ALL {
        bindings.push(bind(DEAD, dead_queue(service), dead_queue(service)));
        bindings.push(bind(REPLAY, work_queue(service), work_queue(service)));
    }
    bindings
}

fn bind(exchange: &'static str, queue: String, key: String) -> Binding {
    Binding { exchange, queue, key }
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

impl Topology {
    /// Whose exchange it is to declare: control's alone for what only control uses, everybody's otherwise.
    pub fn declares_exchange(service: Service, exchange: &Exchange) -> bool {
        exchange.name != REPLAY || service == Service::Control
    }

    /// Control sees to all queues but the work queues of the others; the others to their own two.
    pub fn declares_queue(service: Service, queue: &Queue) -> bool {
        let others_work = Service::ALL.iter().any(|one| *one != service && work_queue(*one) == queue.name);
        queue.owner == service || (service == Service::Control && !others_work)
    }

    /// Everybody binds all events to all work queues and the history, before the first event is published: because the
    /// history takes every event, the broker never says that one reached no service. The rest is its owner's and
    /// control's.
    pub fn declares_binding(service: Service, binding: &Binding) -> bool {
        let own_dead = binding.exchange == DEAD && binding.queue == dead_queue(service);
        binding.exchange == EVENTS || service == Service::Control || own_dead
    }
}

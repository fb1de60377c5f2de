//! W3C trace context without a tracer: derived from ids that are there anyway.
//!
//! A migration is one trace through all services, days long: its trace id is the migration's own 128 bits. Each event is a
//! span in it, named by the random half of the event's id. So the same event always carries the same context, whoever
//! publishes it and however often, and a log line, an event and a header of the broker find each other without anything
//! being stored for it.

use std::fmt;

use uuid::Uuid;

use crate::ids::EventId;

/// The context that an event carries in `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The migration; for events about a run, the run.
    pub trace: Uuid,
    /// The span of the event.
    pub span: u64,
}

impl TraceContext {
    /// The context of an event about `subject`.
    pub fn of(subject: Uuid, event: EventId) -> Self {
        let (_, random) = event.0.as_u64_pair();
        TraceContext { trace: subject, span: random }
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.trace.simple().to_string()
    }

    /// 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }
}

/// As in the header `traceparent`: version 00, sampled.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-01", self.trace.simple(), self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_of_a_migration_are_spans_of_one_trace() {
        let migration = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let (one, other) = (EventId(Uuid::from_u128(0xA1)), EventId(Uuid::from_u128(0xB2)));
        let context = TraceContext::of(migration, one);
        assert_eq!(context.to_string(), "00-01900000000070008000000000000001-00000000000000a1-01");
        assert_eq!(context.trace_id(), TraceContext::of(migration, other).trace_id());
        assert_ne!(context.span_id(), TraceContext::of(migration, other).span_id());
    }
}

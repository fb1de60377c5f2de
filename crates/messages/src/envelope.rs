//! The CloudEvents 1.0 envelope, structured JSON: the same bytes in outbox, broker, log and files.
//!
//! Written here in some sixty lines because the CloudEvents SDK has no AMQP binding and an unstable API. What must never
//! happen: an envelope is rewritten on its way. Whoever passes an event on passes these bytes on.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{CustomerId, EventId};
use crate::trace::TraceContext;

/// Media type of the bytes.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Who says things. The name is the last word of `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Service {
    Control,
    Purchase,
    Reassignment,
    Suspension,
}

impl Service {
    pub const ALL: [Service; 4] =
        [Service::Control, Service::Purchase, Service::Reassignment, Service::Suspension];

    pub fn name(self) -> &'static str {
        match self {
            Service::Control => "control",
            Service::Purchase => "purchase",
            Service::Reassignment => "reassignment",
            Service::Suspension => "suspension",
        }
    }

    /// The service of that name.
    pub fn named(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.name() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One event as it travels. `data` is kept as read, so that fields a newer version added are not lost on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    specversion: SpecVersion,
    /// UUIDv7, stable over every publication and delivery: what the inbox remembers.
    pub id: EventId,
    /// `/seatshift/<service>`.
    #[serde(with = "source")]
    pub source: Service,
    /// `seatshift.<noun>.<past participle>.v<N>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The migration; for events about a run, the run.
    pub subject: Uuid,
    pub time: Timestamp,
    pub datacontenttype: String,
    /// Counts per (source, subject) from 1 without holes; ten digits, as the CloudEvents sequence extension wants text
    /// that sorts.
    #[serde(with = "sequence")]
    pub sequence: u64,
    /// The migration, through all services.
    pub correlationid: Uuid,
    /// The event that led to this one; absent where a person or a clock did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<EventId>,
    /// The customer; absent for events about a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitionkey: Option<CustomerId>,
    /// W3C trace context: the trace is the migration's (see [`crate::TraceContext`]), the span that of this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    pub data: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum SpecVersion {
    #[serde(rename = "1.0")]
    V1,
}

/// What an envelope is made from, apart from the event itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Heading {
    pub id: EventId,
    pub source: Service,
    pub subject: Uuid,
    pub time: Timestamp,
    pub sequence: u64,
    pub causation: Option<EventId>,
    pub customer: Option<CustomerId>,
}

impl Envelope {
    pub(crate) fn new(heading: Heading, kind: &str, data: Value) -> Self {
        Envelope {
            specversion: SpecVersion::V1,
            id: heading.id,
            source: heading.source,
            kind: kind.to_owned(),
            subject: heading.subject,
            time: heading.time,
            datacontenttype: "application/json".to_owned(),
            sequence: heading.sequence,
            correlationid: heading.subject,
            causationid: heading.causation,
            partitionkey: heading.customer,
            traceparent: Some(TraceContext::of(heading.subject, heading.id).to_string()),
            data,
        }
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an envelope holds only JSON values and text keys")
    }

    /// Reads what travelled. Unknown attributes and unknown fields of `data` are tolerated.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(bytes).map_err(|source| Unreadable::NotAnEnvelope { source })
    }
}

/// Why an event goes to the dead letters. Never dropped silently: the reason stays beside the bytes.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("not a CloudEvents 1.0 envelope in structured JSON")]
    NotAnEnvelope { source: serde_json::Error },
    #[error("unknown event type `{kind}`: nobody here knows what it means")]
    UnknownType { kind: String },
    #[error("`{kind}` does not hold the data that its version promises")]
    WrongData { kind: String, source: serde_json::Error },
}

mod source {
    use super::Service;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const PREFIX: &str = "/seatshift/";

    pub(super) fn serialize<S: Serializer>(service: &Service, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{PREFIX}{service}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Service, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix(PREFIX).and_then(Service::named).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not the source of any service of Seatshift"))
        })
    }
}

mod sequence {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(sequence: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{sequence:010}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not a sequence number")))
    }
}

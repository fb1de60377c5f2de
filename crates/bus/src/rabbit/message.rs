//! An event as a message of AMQP: routing key, properties and headers, all taken from the envelope's heading.
//!
//! The body stays the bytes of the outbox. What is in the properties is a copy, for the broker and for people who look into
//! a queue; no service reads it. What must never happen: an event that cannot be published because of what is in it.

use std::borrow::Cow;

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use seatshift_messages::{CATALOG, CONTENT_TYPE, EventId, Service};
use serde::Deserialize;
use uuid::Uuid;

use super::topology::{DEAD, EVENTS, UNREADABLE, dead_queue};

/// Header of a dead letter: why it is one.
pub(crate) const REASON: &str = "seatshift-reason";
/// Header with the W3C trace context.
const TRACEPARENT: &str = "traceparent";

/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Where a message goes, and as what.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) exchange: &'static str,
    pub(crate) key: ShortString,
    pub(crate) properties: BasicProperties,
}

/// What is read of an envelope; the data is passed over.
#[derive(Deserialize)]
struct Heading<'a> {
    id: EventId,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    subject: Uuid,
    time: Timestamp,
    #[serde(default, borrow)]
    traceparent: Option<Cow<'a, str>>,
}

/// An event on its way to everyone it is for. What has no readable heading or no known type goes to control, which
/// keeps it with the reason.
pub(crate) fn event(id: EventId, bytes: &[u8], publisher: Service) -> Address {
    let heading = heading(bytes);
    let key = match &heading {
        Some(heading) if is_known(&heading.kind) => short(&heading.kind),
        _ => {
            tracing::warn!(%id, "an event that cannot be read goes to control");
            short(UNREADABLE)
        }
    };
    let properties = properties(id.0, heading.as_ref(), publisher, FieldTable::default());
    Address { exchange: EVENTS, key, properties }
}

/// A message on its way to the dead letters of `service`.
pub(crate) fn dead_letter(service: Service, bytes: &[u8], reason: &str) -> Address {
    let mut headers = FieldTable::default();
    headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
    let heading = heading(bytes);
    // What has no id of its own gets one from its content, so that people can name it.
    let id =
        heading.as_ref().map_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, bytes), |heading| heading.id.0);
    let properties = properties(id, heading.as_ref(), service, headers);
    Address { exchange: DEAD, key: short(&dead_queue(service)), properties }
}

fn heading(bytes: &[u8]) -> Option<Heading<'_>> {
    serde_json::from_slice(bytes).ok()
}

fn is_known(kind: &str) -> bool {
    CATALOG.iter().any(|(known, _, _)| *known == kind)
}

fn properties(
    id: Uuid,
    heading: Option<&Heading<'_>>,
    publisher: Service,
    mut headers: FieldTable,
) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(short(CONTENT_TYPE))
        .with_app_id(short(&format!("seatshift-{publisher}")))
        .with_message_id(short(&id.to_string()));
    if let Some(heading) = heading {
        let seconds = u64::try_from(heading.time.as_second()).unwrap_or_default();
        properties = properties
            .with_type(short(&heading.kind))
            .with_correlation_id(short(&heading.subject.to_string()))
            .with_timestamp(seconds);
        if let Some(traceparent) = &heading.traceparent {
            headers.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.as_bytes().into()));
        }
    }
    properties.with_headers(headers)
}

/// Cut to what fits: AMQP has no room for more than 255 bytes here, and a stranger's type can have any length.
pub(crate) fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_else(|_| {
        let end = (0..=255).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        ShortString::try_new(&text[..end]).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: EventId = EventId(Uuid::nil());

    fn of_type(kind: &str) -> Vec<u8> {
        format!(
            r#"{{"id":"{ID}","type":"{kind}","subject":"{ID}","time":"2019-03-01T08:00:00Z","data":{{"type":"other"}}}}"#
        )
        .into_bytes()
    }

    fn kind(address: &Address) -> &str {
        address.properties.kind().as_ref().map_or("", |kind| kind.as_str())
    }

    #[test]
    fn a_known_type_is_the_routing_key() {
        let address = event(ID, &of_type("seatshift.licenses.restored.v1"), Service::Reassignment);
        assert_eq!((address.exchange, address.key.as_str()), (EVENTS, "seatshift.licenses.restored.v1"));
        assert_eq!(kind(&address), "seatshift.licenses.restored.v1");
    }

    #[test]
    fn what_is_unknown_or_unreadable_goes_to_control_whatever_it_is() {
        // Also a type that is a pattern of many words, or too long for AMQP, cut in the middle of a letter.
        let long = "ä".repeat(200);
        for bytes in [of_type("seatshift.#"), of_type(&long), b"{}".to_vec(), b"\xff".to_vec(), Vec::new()] {
            let address = event(ID, &bytes, Service::Control);
            assert_eq!((address.exchange, address.key.as_str()), (EVENTS, UNREADABLE));
            assert!(kind(&address).len() <= 255);
            let buried = dead_letter(Service::Control, &bytes, &long);
            assert_eq!((buried.exchange, buried.key.as_str()), (DEAD, "seatshift.control.v1.dead"));
        }
    }

    #[test]
    fn a_dead_letter_without_an_id_is_named_after_its_content() {
        let id = |bytes: &[u8]| dead_letter(Service::Purchase, bytes, "x").properties.message_id().clone();
        assert_eq!(id(b"one"), id(b"one"));
        assert_ne!(id(b"one"), id(b"two"));
    }
}

//! One dead letter, as people see it.

use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use seatshift_messages::{Envelope, Service};
use serde::Serialize;

use crate::rabbit::message::REASON;

/// A message that a service could not handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    pub service: Service,
    /// Message id: the event's, or one made from the content where there is none to be read.
    pub id: String,
    /// Event type, where it is known.
    pub kind: Option<String>,
    /// Migration, where it is known.
    pub subject: Option<String>,
    /// When the event happened, where it is known.
    pub time: Option<Timestamp>,
    /// Why it lies here, in words.
    pub reason: String,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Letter {
    pub(super) fn read(service: Service, found: &Delivery) -> Letter {
        let properties = &found.properties;
        let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
        Letter {
            service,
            id: text(properties.message_id()).unwrap_or_default(),
            kind: text(properties.kind()),
            subject: text(properties.correlation_id()),
            time: Envelope::from_bytes(&found.data).ok().map(|envelope| envelope.time),
            reason: reason(properties.headers().as_ref()),
            bytes: found.data.clone(),
        }
    }
}

fn reason(headers: Option<&FieldTable>) -> String {
    let text = |name| match headers?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => None,
    };
    match (text(REASON), text("x-first-death-reason").as_deref()) {
        (Some(reason), _) => reason,
        (None, Some("delivery_limit")) => {
            "delivered too often without being finished: a service crashes over it, or was \
                                           killed many times while it waited"
                .to_owned()
        }
        (None, Some(other)) => format!("given up by the broker: {other}"),
        (None, None) => "no reason is given".to_owned(),
    }
}

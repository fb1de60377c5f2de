//! What can go wrong with a broker. Only [`crate::RabbitBus::start`] and the tools of people return it; a running bus
//! tries again, and shows the last one in its state.

use std::path::PathBuf;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};

/// Why something could not be done with the broker.
#[derive(Debug, thiserror::Error)]
pub enum RabbitError {
    #[error("no address of a broker is given")]
    NoUrl,
    #[error("the address of the broker cannot be read: {reason}; expected amqp://user@host:port/vhost")]
    BadUrl { reason: String },
    #[error("cannot read {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("a client certificate needs its key, and a key its certificate")]
    HalfAnIdentity,
    #[error("{doing} took longer than {after:?}")]
    TimedOut { doing: &'static str, after: Duration },
    #[error("{doing} failed")]
    Broker { doing: String, source: Box<lapin::Error> },
    #[error(
        "{what} is missing in the broker, and this user may not create it; start {owner}, or import the definitions"
    )]
    Missing { what: String, owner: String, source: Box<lapin::Error> },
    #[error("{what} exists with other arguments than ours; a change of arguments wants a new name")]
    Differs { what: String, source: Box<lapin::Error> },
    #[error("the broker closed what we read from, as it does when a queue is deleted")]
    Cancelled,
    #[error("the broker could not route {count} of our events: a binding of `{exchange}` is gone")]
    Unroutable { exchange: String, count: usize },
    #[error("the broker gave no confirmation within {after:?}")]
    Unconfirmed { after: Duration },
    #[error("the broker takes no more messages into {queue}: it has as many as it may have")]
    Refused { queue: String },
    #[error("no dead letter {id} in {queue}")]
    NoSuchLetter { id: String, queue: String },
}

impl RabbitError {
    pub(crate) fn broker(doing: impl Into<String>) -> impl FnOnce(lapin::Error) -> RabbitError {
        let doing = doing.into();
        move |source| RabbitError::Broker { doing, source: Box::new(source) }
    }

    /// The error with its causes in one line, for the state and the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let told = error.to_string();
            // lapin's own texts repeat their causes.
            if !text.contains(&told) {
                text.push_str(": ");
                text.push_str(&told);
            }
            cause = error.source();
        }
        text
    }
}

/// The soft error with which the broker closed a channel, if it was one.
pub(crate) fn soft(error: &lapin::Error) -> Option<AMQPSoftError> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(told) => match told.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft.clone()),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

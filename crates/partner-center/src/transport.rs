//! One HTTP exchange, behind a trait: the network in production, a router in the same process in tests and demos.

use std::fmt::Debug;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Sends one request and brings back one answer, with its whole body.
///
/// Duties of an implementation: it makes **one** try, follows no redirect, and ends within a bounded time. It says
/// [`TransportError::NeverSent`] only when it is certain that no byte of the request has left; a purchase may be
/// repeated on the strength of it.
pub trait Transport: Send + Sync + Debug {
    /// The exchange. `request` has an absolute URI.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>>;
}

/// Why no answer came. The difference between the two is whether something may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum TransportError {
    /// Nothing left this machine: no address, no connection, no TLS session.
    #[error("nothing was sent: {0}")]
    NeverSent(NetworkFault),
    /// The request may have arrived and may have been carried out.
    #[error("no answer came: {0}")]
    NoAnswer(NetworkFault),
}

impl TransportError {
    /// What kind of fault it was.
    pub fn fault(self) -> NetworkFault {
        match self {
            Self::NeverSent(fault) | Self::NoAnswer(fault) => fault,
        }
    }
}

/// Kinds of network faults; closed on purpose, since texts of libraries hold addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NetworkFault {
    /// Name, route, refusal or TLS: no connection came about.
    #[error("no connection could be made")]
    Connect,
    /// Time ran out.
    #[error("time ran out")]
    Timeout,
    /// The connection ended in the middle of the exchange.
    #[error("the connection broke")]
    Broken,
    /// The answer's body is longer than this client is willing to hold.
    #[error("the answer is too long")]
    TooLong,
    /// The request could not be put together; a fault of configuration.
    #[error("the request could not be built")]
    Request,
}

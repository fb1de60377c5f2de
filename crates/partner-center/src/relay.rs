//! Reading through somebody else's login: where several programs work for one partner, one of them has the tokens, the
//! quota and the call log, and makes the reads of the others.
//!
//! What is handed on is one exchange, not one question: the asking side repeats, judges and understands as if it had made the
//! call itself; the side that makes it adds its token, waits for its gate, and writes the call down. What must never happen
//! here: a changing call, or a path that is not one of this client's own reads, so that a relay cannot be used to reach
//! anything else with its token.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use http::header::RETRY_AFTER;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::call::{Engine, Failed, Request, Trace, ask};
use crate::error::{CallError, LoginProblem, Problem, Remedy};
use crate::gate::{Answer, Purpose};
use crate::judge;
use crate::operation::{self, of_read};
use crate::reader::Reader;
use crate::token::NoToken;
use crate::transport::{NetworkFault, TransportError};

/// One exchange that is to be made: always a GET. Without a target: get tokens, ask nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedRead {
    /// Path and query from `/v1` on.
    #[serde(default)]
    pub target: String,
    /// Of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<String>,
    /// [`Purpose::Read`] or [`Purpose::Plan`].
    pub purpose: Purpose,
    pub request_id: Uuid,
    pub correlation_id: Uuid,
    /// From 1.
    pub attempt: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayedAnswer {
    /// Microsoft's answer as it came, with the headers that mean something.
    Answered {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        body: String,
    },
    /// Microsoft did not answer.
    NoAnswer(TransportError),
    /// There is no token that Microsoft takes.
    NoToken { remedy: Remedy, problem: LoginProblem },
    /// There are tokens.
    SignedIn,
}

/// Why an exchange was not made at all: it is none of the reads that are known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRelayed {
    #[error("`{0}` is none of the reads that this client makes")]
    Target(String),
    #[error("only reads for plans and for people are made for others")]
    Purpose,
}

/// The way to whoever makes the reads.
///
/// An error means that nobody could be asked; it is taken for trouble of the network, and the read is repeated.
pub trait Relay: Send + Sync + Debug {
    fn read(&self, read: RelayedRead) -> BoxFuture<'_, Result<RelayedAnswer, TransportError>>;
}

/// The side that asks.
impl Engine {
    pub(crate) async fn sign_in_relayed(&self, relay: &dyn Relay, purpose: Purpose) -> Result<(), CallError> {
        let operation = &operation::CUSTOMERS;
        let trace = Trace {
            correlation_id: (self.config.ids)(),
            request_id: (self.config.ids)(),
            purpose,
            attempt: 1,
        };
        let read = handed_on("", None, trace);
        match relay.read(read).await {
            Ok(RelayedAnswer::NoToken { remedy, problem }) => {
                Err(judge::no_token(operation, trace, NoToken { remedy, problem }))
            }
            Ok(RelayedAnswer::NoAnswer(fault)) | Err(fault) => Err(judge::no_answer(operation, trace, fault)),
            Ok(RelayedAnswer::SignedIn | RelayedAnswer::Answered { .. }) => Ok(()),
        }
    }

    /// One try of a read.
    pub(crate) async fn read_relayed(
        &self,
        relay: &dyn Relay,
        request: &Request<'_>,
        trace: Trace,
    ) -> Result<Response<Bytes>, CallError> {
        let operation = request.operation;
        let ask = ask(request, trace.purpose);
        self.gate.permit(ask.clone()).await;
        let read = handed_on(request.target, request.continuation, trace);
        let told = relay.read(read).await;
        self.gate.answered(&ask, Answer::Fine);
        match told {
            Ok(RelayedAnswer::Answered { status, headers, body }) => {
                let answer = response(status, headers, body)
                    .ok_or_else(|| judge::error(operation, trace, Remedy::Person, Problem::Request))?;
                if answer.status().is_success() {
                    Ok(answer)
                } else {
                    Err(judge::refused(operation, trace, &answer))
                }
            }
            Ok(RelayedAnswer::NoAnswer(fault)) | Err(fault) => Err(judge::no_answer(operation, trace, fault)),
            Ok(RelayedAnswer::NoToken { remedy, problem }) => {
                Err(judge::no_token(operation, trace, NoToken { remedy, problem }))
            }
            Ok(RelayedAnswer::SignedIn) => {
                Err(judge::error(operation, trace, Remedy::Person, Problem::Request))
            }
        }
    }
}

/// The side that has the login.
impl Reader {
    /// Makes one exchange for somebody else: with this client's token, gate and call log, under the ids that were given.
    /// A token that is turned down is renewed once; nothing else is repeated.
    ///
    /// # Errors
    /// When it is not one of the reads that this client makes. Nothing was sent then.
    pub async fn relay(&self, read: &RelayedRead) -> Result<RelayedAnswer, NotRelayed> {
        if !matches!(read.purpose, Purpose::Read | Purpose::Plan) {
            return Err(NotRelayed::Purpose);
        }
        if read.target.is_empty() {
            return Ok(match self.engine.sign_in(read.purpose).await {
                Ok(()) => RelayedAnswer::SignedIn,
                Err(error) => without_answer(error),
            });
        }
        let not_ours = || NotRelayed::Target(read.target.chars().take(200).collect());
        let (operation, customer) = of_read(&read.target).ok_or_else(not_ours)?;
        let request = Request {
            operation,
            customer,
            target: &read.target,
            continuation: read.continuation.as_deref(),
            etag: None,
            body: None,
        };
        let trace = Trace {
            correlation_id: read.correlation_id,
            request_id: read.request_id,
            purpose: read.purpose,
            attempt: read.attempt,
        };
        Ok(match self.engine.read_once(&request, trace).await {
            Ok(answer) => answered(&answer),
            Err(failed) => match *failed {
                // Tokens are this side's business, also where they are turned down.
                Failed { error: error @ CallError { problem: Problem::Login(_), .. }, .. } => {
                    without_answer(error)
                }
                Failed { answer: Some(answer), .. } => answered(&answer),
                Failed { error, answer: None } => without_answer(error),
            },
        })
    }
}

fn handed_on(target: &str, continuation: Option<&str>, trace: Trace) -> RelayedRead {
    RelayedRead {
        target: target.to_owned(),
        continuation: continuation.map(str::to_owned),
        purpose: trace.purpose,
        request_id: trace.request_id,
        correlation_id: trace.correlation_id,
        attempt: trace.attempt,
    }
}

fn answered(answer: &Response<Bytes>) -> RelayedAnswer {
    let kept = |name: &str| name == RETRY_AFTER.as_str() || name.starts_with("ms-");
    let headers = answer.headers().iter().filter(|(name, _)| kept(name.as_str()));
    RelayedAnswer::Answered {
        status: answer.status().as_u16(),
        headers: headers
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect(),
        // What is no text is no JSON either, and stays none.
        body: String::from_utf8_lossy(answer.body()).into_owned(),
    }
}

fn without_answer(error: CallError) -> RelayedAnswer {
    match error.problem {
        Problem::Login(problem) => RelayedAnswer::NoToken { remedy: error.remedy, problem },
        Problem::Network(fault) => RelayedAnswer::NoAnswer(fault),
        _ => RelayedAnswer::NoAnswer(TransportError::NeverSent(NetworkFault::Request)),
    }
}

fn response(status: u16, headers: BTreeMap<String, String>, body: String) -> Option<Response<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Bytes::from(body)).ok()
}

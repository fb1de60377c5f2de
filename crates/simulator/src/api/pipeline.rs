//! The outermost part of a call to Partner Center: its body is read, it is answered, the answer gets its headers.
//!
//! The body is read first and the caller's patience is tried last; between the two nothing awaits, so that a call either
//! has not begun or is complete when its caller goes away.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;

use super::flow;
use super::reply::Reply;
use crate::{LOST_HEADER, Simulator};

/// What marks an answer that the caller must not see, beside [`crate::LOST_HEADER`]: an extension of the response, by
/// which `serve` knows that it has to close the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LostAnswer;

/// What becomes of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Reply,
    /// Virtual time before the answer is given.
    pub(crate) delay: SignedDuration,
    pub(crate) lost: bool,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { reply, delay: SignedDuration::ZERO, lost: false }
    }
}

impl Outcome {
    /// An answer that nobody will see.
    pub(crate) fn lost() -> Self {
        Self { lost: true, ..Self::from(Reply::bytes(200, bytes::Bytes::new())) }
    }
}

pub(crate) async fn partner_center(State(simulator): State<Simulator>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    // A body that breaks off is not JSON, and its sender is gone.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let shared = simulator.shared();
    let outcome = flow::answer(shared, &parts, &body);
    let delay = outcome.delay.saturating_add(SignedDuration::from_secs(shared.world.lags.answer.into()));
    if delay.is_positive() {
        shared.clock.sleep(delay).await;
    }
    let mut response = outcome.reply.into_response(shared.world.readings.byte_order_mark);
    dress(&parts.headers, &mut response);
    if outcome.lost {
        response.extensions_mut().insert(LostAnswer);
        response.headers_mut().insert(LOST_HEADER, HeaderValue::from_static("1"));
    }
    response
}

/// Ids and locale come back as they were sent; a 401 says whom to ask.
fn dress(request: &HeaderMap, response: &mut Response) {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    for name in ["ms-requestid", "ms-correlationid", "x-locale"] {
        if let Some(value) = request.get(name) {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    headers.insert("ms-serverid", HeaderValue::from_static("0000112E"));
    if unauthorized {
        let realm = HeaderValue::from_static("OAuth realm=urn:cpsvc:cpid:simulated");
        headers.insert(header::WWW_AUTHENTICATE, realm);
    }
}

//! An answer as bytes, before the headers that every answer carries.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::state::{Problem, Shared};

/// Cheap to clone: an answer may be kept and given again.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) content_type: &'static str,
    /// `Location` of a 202.
    pub(crate) location: Option<String>,
    /// `Retry-After` in virtual seconds.
    pub(crate) retry_after: Option<u32>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: Code,
    description: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    data: &'a [String],
    source: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code {
    Number(u32),
    Text(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Throttled {
    status_code: u16,
    message: String,
}

const JSON: &str = "application/json; charset=utf-8";

impl Reply {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        // Only maps with keys that are no strings fail, and there are none.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::bytes(status, body.into())
    }

    pub(crate) fn bytes(status: u16, body: Bytes) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body, content_type: JSON, location: None, retry_after: None }
    }

    pub(crate) fn of(shared: &Shared, outcome: Result<Self, Problem>) -> Self {
        outcome.unwrap_or_else(|problem| Self::problem(shared, &problem))
    }

    /// The error body of the contract's section 2.4.
    pub(crate) fn problem(shared: &Shared, problem: &Problem) -> Self {
        let code = if shared.world.readings.codes_as_strings {
            Code::Text(problem.code.to_string())
        } else {
            Code::Number(problem.code)
        };
        let description = &problem.description;
        let body = ErrorBody { code, description, data: &problem.data, source: "PartnerFD" };
        Self::json(problem.status.as_u16(), &body)
    }

    /// 429, whose body has a shape of its own (section 2.3).
    pub(crate) fn throttled(retry_after: u32) -> Self {
        let message = format!("Rate limit is exceeded. Try again in {retry_after} seconds.");
        let mut reply = Self::json(429, &Throttled { status_code: 429, message });
        reply.content_type = "application/json";
        reply.retry_after = Some(retry_after);
        reply
    }

    /// What a gateway says when it cannot reach the service.
    pub(crate) fn gateway_page(status: u16) -> Self {
        let page = format!(
            "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>\r\n"
        );
        let mut reply = Self::bytes(status, page.into());
        reply.content_type = "text/html";
        reply
    }

    /// 202 without a body: to be looked up at the location, which is relative and without `/v1`.
    pub(crate) fn accepted(location: String) -> Self {
        let mut reply = Self::bytes(202, Bytes::new());
        reply.location = Some(location);
        reply
    }

    pub(crate) fn into_response(self, byte_order_mark: bool) -> Response {
        let marked = byte_order_mark && self.content_type == JSON && !self.body.is_empty();
        let body = if marked { [b"\xef\xbb\xbf".as_slice(), &self.body].concat().into() } else { self.body };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

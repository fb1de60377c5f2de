//! What is told when a request cannot be done: RFC 9457, with the place, the cause and the remedy, as everywhere.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use seatshift_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:seatshift:problem:` and a word that stays the same.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for all problems of a type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Where it is: a header, a field, a resource.
    pub place: String,
    /// What is wrong there.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// A problem on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Box<Problem>);

impl Refused {
    pub(crate) fn new(status: StatusCode, word: &str, place: &str, detail: String, remedy: &str) -> Self {
        Refused(Box::new(Problem {
            kind: format!("urn:seatshift:problem:{word}"),
            title: word.replace('_', " "),
            status: status.as_u16(),
            place: place.to_owned(),
            detail,
            remedy: remedy.to_owned(),
        }))
    }

    pub(crate) fn unknown(place: &str, detail: String, remedy: &str) -> Self {
        Refused::new(StatusCode::NOT_FOUND, "not_found", place, detail, remedy)
    }

    pub(crate) fn bad(place: &str, detail: String, remedy: &str) -> Self {
        Refused::new(StatusCode::BAD_REQUEST, "bad_request", place, detail, remedy)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a request could not be answered");
        let (status, remedy) = match &error {
            StoreError::Unreachable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "look into control's log; /readyz says what is missing"),
        };
        // The source may name machines and roles; the log has it.
        Refused::new(status, "store", "the database of control", error.to_string(), remedy)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&*self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"seatshift\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

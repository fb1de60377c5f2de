//! Requests that wait, and bodies and queries that say what is wrong with them.

use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::problem::Refused;

/// The longest that a request waits for something to happen; a client asks again.
const LONGEST: u64 = 30;

/// The end of a wait of so many seconds.
pub(super) fn until(seconds: Option<u64>) -> Instant {
    Instant::now() + Duration::from_secs(seconds.unwrap_or(0).min(LONGEST))
}

/// A body in JSON.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Body(body)),
            Err(rejection) => Err(bad_body(&rejection)),
        }
    }
}

fn bad_body(rejection: &JsonRejection) -> Refused {
    let remedy = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "send less at a time: plans are uploaded page by page",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send JSON, with `Content-Type: application/json`",
        _ => "correct it; /v1/openapi.json has the shapes",
    };
    Refused::new(rejection.status(), "bad_body", "body", rejection.body_text(), remedy)
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(rejection) => Err(bad_query(&rejection)),
        }
    }
}

fn bad_query(rejection: &QueryRejection) -> Refused {
    Refused::bad("query", rejection.body_text(), "correct it; /v1/openapi.json has the parameters")
}

/// How many are given at once.
pub(super) fn limit(asked: Option<usize>, most: usize) -> usize {
    asked.unwrap_or(most).clamp(1, most)
}

/// An id in the path.
pub(super) fn id<T: std::str::FromStr>(place: &str, text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Refused::bad(place, format!("`{shown}` is no id"), "give an id as the API has given it")
    })
}

/// What a person writes of themselves, or as a reason: shown in lists and kept for ever.
pub(super) fn short(place: &str, text: &str) -> Result<(), Refused> {
    const LONGEST: usize = 1000;
    if text.chars().count() > LONGEST || text.contains('\0') {
        let detail = format!("it is longer than {LONGEST} characters, or holds what is no text");
        return Err(Refused::bad(place, detail, "shorten it"));
    }
    Ok(())
}

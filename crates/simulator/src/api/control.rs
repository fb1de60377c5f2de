//! What only a simulator has: its books, its faults, its counts, and its administrator.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::administrator::{self, Deed};
use crate::books::{Change, Intent};
use crate::world::Injection;
use crate::{Simulator, lock};

pub(super) fn router() -> Router<Simulator> {
    Router::new()
        .route("/startup", get(startup))
        .route("/books", get(books))
        // A plan of thousands of users is some megabytes.
        .route("/intent", post(intent).layer(DefaultBodyLimit::disable()))
        .route("/audit", get(audit))
        .route("/faults", get(faults))
        .route("/world", get(world))
        .route("/remains", get(remains))
        .route("/calls", get(calls))
        .route("/injections", post(add_injection).delete(remove_injections))
        .route("/administrator/{customer}", post(administrate))
}

async fn startup(State(simulator): State<Simulator>, headers: HeaderMap) -> Json<Value> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("in-process");
    Json(simulator.startup(&format!("http://{host}")))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn books(State(simulator): State<Simulator>, Query(After { after }): Query<After>) -> Response {
    Json(simulator.books_after(after)).into_response()
}

async fn intent(State(simulator): State<Simulator>, Json(intent): Json<Intent>) -> StatusCode {
    simulator.set_intent(intent);
    StatusCode::NO_CONTENT
}

/// The figures, judged by the intent that was posted last; 409 where none was.
async fn audit(State(simulator): State<Simulator>) -> Response {
    match simulator.intent() {
        Some(intent) => Json(simulator.audit(&intent)).into_response(),
        None => (StatusCode::CONFLICT, Json(json!({ "error": "no intent was posted" }))).into_response(),
    }
}

/// Faults put in so far, from the books.
#[derive(Default, Serialize)]
struct Injected {
    injected: u64,
    by_kind: BTreeMap<String, u64>,
    after_the_change: u64,
    refusals: u64,
}

async fn faults(State(simulator): State<Simulator>) -> Response {
    let injected = simulator.shared().log.with(|entries| {
        entries.iter().fold(Injected::default(), |mut sum, entry| {
            if let Change::FaultInjected { kind, refusal, after_the_change, .. } = &entry.change {
                sum.injected += 1;
                *sum.by_kind.entry(kind.clone()).or_default() += 1;
                sum.after_the_change += u64::from(*after_the_change);
                sum.refusals += u64::from(*refusal);
            }
            sum
        })
    });
    Json(injected).into_response()
}

/// The world as it stands, which begins again from a file; with its hidden truth, so it is for whoever keeps the books.
async fn remains(State(simulator): State<Simulator>) -> Response {
    Json(simulator.as_it_stands()).into_response()
}

async fn world(State(simulator): State<Simulator>) -> Response {
    Json(&simulator.shared().census).into_response()
}

async fn calls(State(simulator): State<Simulator>) -> Response {
    let calls = lock(&simulator.shared().calls).clone();
    Json(json!({ "total": calls.values().sum::<u64>(), "by_operation": calls })).into_response()
}

async fn add_injection(State(simulator): State<Simulator>, Json(injection): Json<Injection>) -> StatusCode {
    lock(&simulator.shared().injections).push(injection);
    StatusCode::NO_CONTENT
}

async fn remove_injections(State(simulator): State<Simulator>) -> StatusCode {
    lock(&simulator.shared().injections).clear();
    StatusCode::NO_CONTENT
}

async fn administrate(
    State(simulator): State<Simulator>,
    Path(customer): Path<Uuid>,
    Json(deed): Json<Deed>,
) -> Response {
    match administrator::act(simulator.shared(), customer, deed) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(text) => (StatusCode::BAD_REQUEST, Json(json!({ "error": text }))).into_response(),
    }
}

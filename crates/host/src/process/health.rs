//! `/livez`, `/readyz` and `/metrics`, on a listener of their own.
//!
//! *Live*: the process answers and its loops turn; an orchestrator restarts what is not. A server that is away is no reason
//! to restart anything. *Ready*: database and broker are there, and says in JSON what is missing.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use seatshift_bus::Declared;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::assembly::Look;
use super::base::Base;
use super::figures::Figures;
use super::readiness::Readiness;
use crate::meters::Meters;

/// A loop that has been at one thing for longer is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// For one look at a server.
pub(super) const GLANCE: Duration = Duration::from_secs(2);

/// What the health server looks at.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) meters: Meters,
    pub(super) readiness: Readiness,
    /// Once the servers are reached.
    pub(super) service: Arc<OnceCell<Running>>,
}

/// A service that is put together.
pub(super) struct Running {
    pub(super) base: Base,
    pub(super) figures: Figures,
    pub(super) looks: Vec<Look>,
}

pub(super) fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn livez(State(health): State<Health>) -> Response {
    let stuck = health.meters.stuck(PATIENCE);
    let loops: Vec<Value> = stuck
        .iter()
        .map(|stuck| json!({ "loop": stuck.name, "busy_seconds": stuck.busy.as_secs() }))
        .collect();
    let status = if loops.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "live": loops.is_empty(), "stuck": loops }))).into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let mut missing = health.readiness.all_missing();
    let mut unchecked = Vec::new();
    if let Some(running) = health.service.get() {
        if let Err(why) = running.figures.database(&running.base).await {
            missing.insert("database", why);
        }
        let bus = running.base.bus.state();
        if let Declared::Done { unchecked: told } = &bus.declared {
            unchecked.clone_from(told);
        }
        if !bus.is_ready() {
            let blocked = bus.blocked.map(|reason| format!("the broker takes nothing at present: {reason}"));
            let why = match bus.declared {
                Declared::Failed { reason } => Some(reason),
                Declared::NotYet | Declared::Done { .. } => blocked.or(bus.last_error),
            };
            missing.insert("broker", why.unwrap_or_else(|| "not connected yet".to_owned()));
        }
        if running.base.stopping.is_cancelled() {
            missing.insert("service", "it is stopping".to_owned());
        }
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": missing.is_empty(), "missing": missing, "unchecked": unchecked });
    (status, Json(body)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    if let Some(running) = health.service.get() {
        running.figures.refresh(&running.base).await;
        for look in &running.looks {
            if tokio::time::timeout(GLANCE, look()).await.is_err() {
                tracing::warn!("some figures could not be brought up to date in time");
            }
        }
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.meters.text()).into_response()
}

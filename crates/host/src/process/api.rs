//! Listening, before there is anything to serve: addresses are known and told at once, and whoever comes early hears that
//! the service is starting instead of a refused connection.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "{key} = {address}: cannot listen there ({source}); is another process there already? port 0 takes any free one"
)]
pub(super) struct CannotListen {
    key: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

pub(super) async fn bind(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), CannotListen> {
    let refused = |source| CannotListen { key, address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Serves until `end`; then no more is accepted, and what is being answered is answered.
pub(super) fn serve(listener: TcpListener, router: Router, end: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(end.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(error = &error as &dyn std::error::Error, "a listener has ended");
        }
    })
}

/// A router whose routes come later.
#[derive(Debug, Clone, Default)]
pub(super) struct Later(Arc<OnceLock<Router>>);

impl Later {
    pub(super) fn set(&self, router: Router) {
        // Set once, by the one who assembles.
        drop(self.0.set(router));
    }

    pub(super) fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }
}

async fn pass(State(later): State<Later>, request: Request) -> Response {
    match later.0.get() {
        Some(router) => match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => {
            let problem = json!({
                "type": "urn:seatshift:problem:starting",
                "title": "starting",
                "status": 503,
                "place": "control",
                "detail": "it has not reached its database and broker yet",
                "remedy": "try again in a moment; /readyz of control says what is missing",
            });
            let kind = [("content-type", "application/problem+json"), ("retry-after", "1")];
            (StatusCode::SERVICE_UNAVAILABLE, kind, Json(problem)).into_response()
        }
    }
}

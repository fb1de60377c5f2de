//! The simulated Partner Center, called in process: no sockets, no threads, so that one seed gives one history.
//!
//! Each call runs as a task of its own. When the engine is crashed in the middle of a call, Microsoft's half goes on, as it
//! would.

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use seatshift_partner_center::{NetworkFault, Transport, TransportError};
use seatshift_simulator::{LOST_HEADER, Simulator};
use tower::ServiceExt;

/// Calls a simulator's router.
#[derive(Debug, Clone)]
pub struct InProcess {
    router: axum::Router,
}

impl InProcess {
    pub fn new(simulator: &Simulator) -> Self {
        InProcess { router: simulator.router() }
    }
}

impl Transport for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let router = self.router.clone();
        let call = tokio::spawn(async move {
            let response = match router.oneshot(request.map(Body::from)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            http::Response::from_parts(head, body)
        });
        Box::pin(async move {
            let broken = TransportError::NoAnswer(NetworkFault::Broken);
            let response = call.await.map_err(|_| broken)?;
            if response.headers().contains_key(LOST_HEADER) { Err(broken) } else { Ok(response) }
        })
    }
}

//! Serving over TCP.
//!
//! Not `axum::serve`: an answer that is to be lost has to close the connection without a byte of it, and that takes the
//! connection's own service to fail.

use std::future::Future;
use std::io;
use std::pin::pin;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::Simulator;
use crate::api::LostAnswer;

/// Why a connection is closed in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
struct Lost;

/// Serves until `shutdown` completes; connections still open are closed then. A call whose answer is lost ends with its
/// connection closed and no response.
///
/// # Errors
/// Those of accepting connections that are not of one connection alone.
pub async fn serve(simulator: Simulator, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
    let router = simulator.router();
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(router.clone(), stream));
                }
                Err(error) if of_one_connection(&error) => {}
                Err(error) => return Err(error),
            },
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

async fn connection(router: axum::Router, stream: TcpStream) {
    // Small answers, each awaited by its caller.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let response: Response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<LostAnswer>().is_some() { Err(Lost) } else { Ok(response) }
        }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

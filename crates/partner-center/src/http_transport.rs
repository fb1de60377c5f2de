//! The network: one `reqwest` client with its pool of connections.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use reqwest::redirect;

use crate::config::Timeouts;
use crate::transport::{NetworkFault, Transport, TransportError};

/// Sends over HTTP. Connections are kept and shared; TLS is checked against the machine's roots.
///
/// It makes one try and follows no redirect: a request that was repeated behind the caller's back would make "sent
/// once" untrue.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    outside: reqwest::Client,
    /// For this machine itself (a simulator): a proxy of the environment must not get in between.
    loopback: reqwest::Client,
}

/// An idle connection is closed after this, before gateways do it in the middle of a request.
const IDLE: Duration = Duration::from_secs(50);
/// The longest answer that is held in memory. The longest recorded one has half a megabyte.
const LONGEST_BODY: usize = 64 << 20;

impl HttpTransport {
    /// A transport with these time limits, which are real time.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up on this machine.
    pub fn new(timeouts: &Timeouts) -> Result<Self, TransportError> {
        let fault = |_| TransportError::NeverSent(NetworkFault::Connect);
        let outside = builder(timeouts).build().map_err(fault)?;
        let loopback = builder(timeouts).no_proxy().build().map_err(fault)?;
        Ok(Self { outside, loopback })
    }

    fn client(&self, uri: &http::Uri) -> reqwest::Client {
        let own = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if own { self.loopback.clone() } else { self.outside.clone() }
    }
}

fn builder(timeouts: &Timeouts) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .timeout(timeouts.whole)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("seatshift/", env!("CARGO_PKG_VERSION")))
}

impl Transport for HttpTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        exchange(self.client(request.uri()), request).boxed()
    }
}

async fn exchange(
    client: reqwest::Client,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    let request =
        reqwest::Request::try_from(request).map_err(|_| TransportError::NeverSent(NetworkFault::Request))?;
    let mut answer = client.execute(request).await.map_err(|error| fault(&error))?;
    let status = answer.status();
    let headers = std::mem::take(answer.headers_mut());
    let body = whole_body(answer).await?;
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The whole body, in one piece without copying where it came as one.
async fn whole_body(mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
    let Some(first) = answer.chunk().await.map_err(|error| fault(&error))? else { return Ok(Bytes::new()) };
    let Some(second) = answer.chunk().await.map_err(|error| fault(&error))? else { return Ok(first) };
    let mut body = Vec::with_capacity((first.len() + second.len()) * 2);
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while let Some(piece) = answer.chunk().await.map_err(|error| fault(&error))? {
        if body.len() + piece.len() > LONGEST_BODY {
            return Err(TransportError::NoAnswer(NetworkFault::TooLong));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Bytes::from(body))
}

/// What a failure of `reqwest` means for the one question that counts: may something have left?
///
/// Only a failure to connect says no. A connection of the pool that turns out closed before a byte was written is
/// replaced by hyper itself.
fn fault(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        return TransportError::NeverSent(NetworkFault::Connect);
    }
    if error.is_builder() {
        return TransportError::NeverSent(NetworkFault::Request);
    }
    let kind = if error.is_timeout() { NetworkFault::Timeout } else { NetworkFault::Broken };
    TransportError::NoAnswer(kind)
}

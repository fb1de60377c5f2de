//! One connection to one node of the broker, with an end to everything: to connecting, and to the connection itself.
//!
//! lapin's own connecting has no limit in time, and dropping it leaves a thread and a socket behind until the peer goes
//! away. So a second handle on the socket is kept here: shutting that down ends lapin's thread, whatever it waits for.
//! What must never happen: a [`Line`], or an attempt at one, that is dropped and leaves anything open.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, OwnedIdentity, OwnedTLSConfig};
use lapin::{Connection, ConnectionProperties, Event};
use socket2::SockRef;
use tokio::time::timeout;

use super::error::RabbitError;
use super::options::{BrokerUrl, RabbitOptions, Tls};

/// For a polite goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open connection. Dropping it cuts the wire.
pub(crate) struct Line {
    pub(crate) connection: Arc<Connection>,
    /// Blocked, unblocked, broken.
    pub(crate) events: BoxStream<'static, Event>,
    _wire: Wire,
}

impl Line {
    /// Closes it as the protocol has it. What is unconfirmed or unsettled by now stays so.
    pub(crate) async fn close(self) {
        // Cut in any case, a moment later.
        let _ = timeout(GOODBYE, self.connection.close(200, "".into())).await;
    }
}

/// Connects, logs in, and opens the virtual host.
pub(crate) async fn open(
    url: &BrokerUrl,
    tls: &OwnedTLSConfig,
    options: &RabbitOptions,
    purpose: &str,
) -> Result<Line, RabbitError> {
    let name = format!("seatshift {} {purpose}", options.instance);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = lapin::runtime::default_runtime().map_err(RabbitError::broker("finding the runtime"))?;
    let wire = Wire::default();
    let (held, tls, limit) = (Arc::clone(&wire.0), tls.clone(), options.connect_timeout);
    let connecting = Connection::connector(
        url.uri(options.heartbeat),
        runtime,
        async move |uri, runtime| {
            let dialing = uri.connect_with_config_async(tls.as_ref(), &runtime);
            let stream = timeout(limit, dialing).await.map_err(io::Error::from)??;
            let socket = match &stream {
                AsyncTcpStream::Plain(plain) => SockRef::from(plain.get_ref()).try_clone()?,
                AsyncTcpStream::Rustls(tls) => SockRef::from(tls.get_ref().0.get_ref()).try_clone()?,
                _ => return Err(io::Error::other("a kind of connection that is not built in").into()),
            };
            hold(&held, socket)?;
            Ok(stream)
        },
        properties,
    );
    match timeout(limit, connecting).await {
        Ok(Ok(connection)) => {
            // A closed channel is told here too; whoever uses the channel finds out by itself.
            let events = connection
                .events_listener()
                .filter(|event| {
                    let of_a_channel = matches!(event, Event::Error(error) if error.is_amqp_soft_error());
                    std::future::ready(!of_a_channel)
                })
                .boxed();
            Ok(Line { connection: Arc::new(connection), events, _wire: wire })
        }
        Ok(Err(error)) => Err(RabbitError::broker(format!("connecting to {url}"))(error)),
        Err(_) => Err(RabbitError::TimedOut { doing: "connecting to the broker", after: limit }),
    }
}

/// Connects to the first node that answers; for people's tools, which do not try again.
pub(crate) async fn open_any(
    options: &RabbitOptions,
    tls: &OwnedTLSConfig,
    purpose: &str,
) -> Result<Line, RabbitError> {
    let mut last = RabbitError::NoUrl;
    for url in &options.urls {
        match open(url, tls, options, purpose).await {
            Ok(line) => return Ok(line),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The way to the socket under a connection; dropping it shuts the socket down.
#[derive(Default)]
struct Wire(Arc<Mutex<Held>>);

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Socket(socket2::Socket),
    Cut,
}

impl Drop for Wire {
    fn drop(&mut self) {
        let held = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Held::Cut);
        if let Held::Socket(socket) = held {
            // An error says that it is closed already.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// Keeps a second handle on the socket; an error when whoever wanted it is gone already.
fn hold(held: &Mutex<Held>, socket: socket2::Socket) -> io::Result<()> {
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*held, Held::Cut) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    *held = Held::Socket(socket);
    Ok(())
}

/// Reads the files once, at the start.
pub(crate) fn read_tls(tls: &Tls) -> Result<OwnedTLSConfig, RabbitError> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|source| RabbitError::File { path: path.clone(), source })
    };
    let identity = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => Some(OwnedIdentity::PKCS8 { pem: read(cert)?, key: read(key)? }),
        (None, None) => None,
        _ => return Err(RabbitError::HalfAnIdentity),
    };
    let cert_chain = match &tls.ca {
        Some(path) => Some(String::from_utf8_lossy(&read(path)?).into_owned()),
        None => None,
    };
    Ok(OwnedTLSConfig { identity, cert_chain })
}

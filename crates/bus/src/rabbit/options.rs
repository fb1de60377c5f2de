//! How to reach the broker, and what a bus over it is told at its start. Nothing here is printed with its password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use seatshift_messages::Service;
use secrecy::{ExposeSecret, SecretString};

use super::error::RabbitError;

/// Address of a broker: `amqp://user@host:port/vhost`, or `amqps://` for TLS. Printed without its password.
///
/// Without a path the virtual host is `/`. `?auth_mechanism=external` lets the client certificate be the login.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(AMQPUri);

impl BrokerUrl {
    pub fn parse(text: &str) -> Result<Self, RabbitError> {
        // The text may hold a password: the error names the reason only.
        AMQPUri::from_str(text.trim()).map(BrokerUrl).map_err(|reason| RabbitError::BadUrl { reason })
    }

    /// Several addresses of one broker, separated by commas.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, RabbitError> {
        text.split(',').filter(|one| !one.trim().is_empty()).map(Self::parse).collect()
    }

    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &SecretString) -> Self {
        password.expose_secret().clone_into(&mut self.0.authority.userinfo.password);
        self
    }

    /// The same with another virtual host.
    #[must_use]
    pub fn with_vhost(mut self, vhost: &str) -> Self {
        vhost.clone_into(&mut self.0.vhost);
        self
    }

    pub(crate) fn uri(&self, heartbeat: Duration) -> AMQPUri {
        let mut uri = self.0.clone();
        let seconds = u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX);
        uri.query.heartbeat.get_or_insert(seconds);
        uri
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.0.scheme {
            AMQPScheme::AMQP => "amqp",
            AMQPScheme::AMQPS => "amqps",
        };
        let authority = &self.0.authority;
        let user = &authority.userinfo.username;
        write!(f, "{scheme}://{user}@{}:{}/{}", authority.host, authority.port, self.0.vhost)
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerUrl({self})")
    }
}

/// Files in PEM for `amqps://`. Without any, the certificates that the system trusts are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Trusted besides those of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate, for mutual TLS; wants `key`.
    pub cert: Option<PathBuf>,
    /// PKCS #8, without a password.
    pub key: Option<PathBuf>,
}

/// What is done about the topology at the start of each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Declare {
    /// Declare what is this service's, bind all events, look whether the rest is there.
    #[default]
    Active,
    /// For brokers where somebody else declares: only look. Bindings and arguments cannot be looked at.
    Passive,
}

/// How a [`crate::RabbitBus`] behaves. Begin with [`RabbitOptions::new`].
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// Nodes of one broker, tried in turn.
    pub urls: Vec<BrokerUrl>,
    /// Whose queue is read.
    pub service: Service,
    /// Shown in the broker's own pages beside each connection, such as `purchase-1`.
    pub instance: String,
    /// Unsettled deliveries that may be out at a time; at least 1. Twice the batch is a good value: what is out at a crash
    /// is delivered again, and counted.
    pub prefetch: u16,
    pub declare: Declare,
    pub tls: Tls,
    /// A peer is taken for dead after two of these without a word.
    pub heartbeat: Duration,
    /// For one attempt: address, TLS and login together. At least 10 s is wise with brokers that boot.
    pub connect_timeout: Duration,
    /// Unanswered for so long, an event counts as [`crate::Confirm::Unknown`]. Must be shorter than an outbox row's lease.
    pub confirm_timeout: Duration,
    /// Most events in one round of publishing.
    pub batch: usize,
    /// All events are bound to their readers again this often: a binding that somebody deletes loses events without a sound.
    pub bind_again: Duration,
    /// Between attempts to connect: at least the first, at most the second.
    pub backoff: (Duration, Duration),
    /// Of the jitter between attempts, and of which node comes first. Different for each replica.
    pub seed: u64,
}

impl RabbitOptions {
    pub fn new(service: Service, urls: Vec<BrokerUrl>) -> Self {
        RabbitOptions {
            urls,
            service,
            instance: service.to_string(),
            prefetch: 128,
            declare: Declare::default(),
            tls: Tls::default(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            confirm_timeout: Duration::from_secs(15),
            batch: 256,
            bind_again: Duration::from_secs(30),
            backoff: (Duration::from_millis(200), Duration::from_secs(30)),
            seed: 0,
        }
    }
}

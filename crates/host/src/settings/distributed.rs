//! What only the distributed mode needs: servers, the process of a service, control's address, the log.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use seatshift_messages::Service;
use url::Url;

use super::secret::Secret;
use super::values::Values;
use crate::limits::Sabotage;

/// PostgreSQL.
#[derive(Debug, Clone)]
pub struct Database {
    /// With the role, without its password; none = not the distributed mode.
    pub url: Option<Url>,
    pub password: Option<Secret>,
    /// Connections that one process may have.
    pub connections: u32,
    /// For preparing a database only: a role that may make schemas and roles.
    pub admin_url: Option<Secret>,
    /// For preparing a database only: the passwords to give to the roles of the services.
    pub role_passwords: BTreeMap<Service, Secret>,
}

/// RabbitMQ.
#[derive(Debug, Clone)]
pub struct Broker {
    /// With the user, without the password; tried in turn. Empty = not the distributed mode.
    pub urls: Vec<Url>,
    pub password: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub client_cert_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    /// Exchanges, queues and bindings are only looked for, not made.
    pub passive: bool,
    pub prefetch: u16,
}

/// The process of one service.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    pub drain: Duration,
    /// Pieces of work that make calls at a time.
    pub parallel: usize,
    /// Messages, rows and events taken at a time.
    pub batch: usize,
    /// How long a piece of work is held, in the clock's own time; none = derived from the longest call.
    pub lease_seconds: Option<u64>,
    /// Never outside of tests of the tests; a released program does not know the key.
    pub sabotage: Option<Sabotage>,
}

/// Control, as its clients reach it and as it listens itself.
#[derive(Debug, Clone)]
pub struct Control {
    /// None = the embedded mode.
    pub url: Option<Url>,
    pub token: Option<Secret>,
    pub listen: SocketAddr,
}

/// The log of a service.
#[derive(Debug, Clone)]
pub struct Telemetry {
    pub format: LogFormat,
    pub filter: String,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl Database {
    pub(super) fn of(values: &Values, folder: &Path) -> Self {
        let of_role = |service: Service| {
            let secret = Secret::of(values, &format!("database.{service}_password"), folder);
            secret.map(|secret| (service, secret))
        };
        Database {
            url: values.servers("database.url").into_iter().next(),
            password: Secret::of(values, "database.password", folder),
            connections: number(values, "database.connections", 6),
            admin_url: Secret::of(values, "database.admin_url", folder),
            role_passwords: Service::ALL.into_iter().filter_map(of_role).collect(),
        }
    }
}

impl Broker {
    pub(super) fn of(values: &Values, folder: &Path) -> Self {
        let place = |path| values.text(path).map(|name| folder.join(name));
        Broker {
            urls: values.servers("broker.url"),
            password: Secret::of(values, "broker.password", folder),
            ca_file: place("broker.ca_file"),
            client_cert_file: place("broker.client_cert_file"),
            client_key_file: place("broker.client_key_file"),
            passive: values.text("broker.declare").as_deref() == Some("passive"),
            prefetch: number(values, "broker.prefetch", 128),
        }
    }
}

impl Process {
    pub(super) fn of(values: &Values) -> Self {
        Process {
            listen: values.address("service.listen").unwrap_or(loopback(0)),
            drain: Duration::from_secs(values.count("service.drain_seconds").unwrap_or(20)),
            parallel: number(values, "service.parallel", 128),
            batch: number(values, "service.batch", 64),
            lease_seconds: values.count("service.lease_seconds"),
            sabotage: match values.text("service.sabotage").as_deref() {
                Some("inbox-off") => Some(Sabotage::InboxOff),
                Some("ack-before-commit") => Some(Sabotage::AckBeforeCommit),
                _ => None,
            },
        }
    }
}

impl Control {
    pub(super) fn of(values: &Values, folder: &Path) -> Self {
        Control {
            url: values.url("control.url"),
            token: Secret::of(values, "control.token", folder),
            listen: values.address("control.listen").unwrap_or(loopback(9180)),
        }
    }
}

impl Telemetry {
    pub(super) fn of(values: &Values) -> Self {
        let text = values.text("telemetry.format").as_deref() == Some("text");
        Telemetry {
            format: if text { LogFormat::Text } else { LogFormat::Json },
            filter: values.text("telemetry.filter").unwrap_or_else(|| "info".to_owned()),
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A count from 1 on.
fn number<T: TryFrom<u64>>(values: &Values, path: &str, default: T) -> T {
    values.count(path).and_then(|count| T::try_from(count.max(1)).ok()).unwrap_or(default)
}

//! How a database is reached.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use seatshift_messages::Service;
use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

/// Where the database is, who we are there, and how long we wait for it.
#[derive(Clone)]
pub struct PgOptions {
    /// `postgres://user@host:port/database?sslmode=verify-full&sslrootcert=...`; without a password.
    pub url: String,
    pub password: Option<SecretString>,
    /// Whose schemas are used: of a service process its own. The first is the one whose event log and records are read.
    pub services: Vec<Service>,
    /// Connections at most.
    pub connections: u32,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// The server ends a statement after this; we give up waiting for its answer 5 s later.
    pub statement_timeout: Duration,
    /// How long a statement waits for a row that somebody else is changing.
    pub lock_timeout: Duration,
    /// After this the server ends the transaction of a process that was frozen in its midst, and frees its rows; and the
    /// session of one that held a lock. Longer than three seconds: the holder of a lock is heard every second.
    pub frozen_timeout: Duration,
    /// What the server's lists of sessions show.
    pub application_name: String,
    /// Bytes of instructions that are kept in memory.
    pub instruction_bytes: usize,
}

impl PgOptions {
    /// With defaults for a service process.
    pub fn new(url: impl Into<String>, services: impl Into<Vec<Service>>) -> Self {
        PgOptions {
            url: url.into(),
            password: None,
            services: services.into(),
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            frozen_timeout: Duration::from_secs(10),
            application_name: "seatshift".into(),
            instruction_bytes: 8 << 20,
        }
    }

    /// How long a statement's answer is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(5)
    }

    pub(super) fn connect_options(&self) -> Result<PgConnectOptions, StoreError> {
        let mut options = parsed(&self.url)?.application_name(&self.application_name);
        if let Some(password) = &self.password {
            options = options.password(password.expose_secret());
        }
        let ms = |timeout: Duration| format!("{}ms", timeout.as_millis());
        Ok(options.statement_cache_capacity(256).disable_statement_logging().options([
            ("statement_timeout", ms(self.statement_timeout)),
            ("lock_timeout", ms(self.lock_timeout)),
            ("idle_in_transaction_session_timeout", ms(self.frozen_timeout)),
            // A client that vanished gives its locks back in half a minute, not in two hours.
            ("tcp_keepalives_idle", "10".into()),
            ("tcp_keepalives_interval", "5".into()),
            ("tcp_keepalives_count", "3".into()),
            ("default_transaction_isolation", "read committed".into()),
            // Every statement has its index, and one plan that is right for any arguments. A plan that was made while a
            // table was young would walk through it until the next time the server looks at its size.
            ("enable_seqscan", "off".into()),
            ("plan_cache_mode", "force_generic_plan".into()),
            // Compiling a statement takes longer than running any of ours.
            ("jit", "off".into()),
        ]))
    }
}

/// A database's address; the error does not repeat it, for it may hold a password.
pub(super) fn parsed(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url).map_err(|error| StoreError::Unreachable {
        doing: "reading the database's address",
        source: error.into(),
    })
}

impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("url", &without_password(&self.url))
            .field("services", &self.services)
            .field("connections", &self.connections)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}

/// In case somebody put one there after all.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "(not a URL)".into() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_printed() {
        let mut options = PgOptions::new("postgres://me:hidden@db.example:5432/seats?password=hidden", []);
        options.password = Some("hidden".into());
        let said = format!("{options:?}");
        assert!(said.contains("db.example:5432") && !said.contains("hidden"), "{said}");
        options.url = "postgres://me:hidden@db.example:port/seats".into();
        let said = format!("{:?}", options.connect_options().unwrap_err());
        assert!(!said.contains("hidden"), "{said}");
    }
}

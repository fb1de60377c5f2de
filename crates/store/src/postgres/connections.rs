//! Connections that are lent and come back when they are known to be good.
//!
//! A connection is returned only after an answer: one whose caller gave up waiting, or that was lost, is closed, and the
//! server rolls back what was under way. No test before each use, which would cost a round trip: after a restart of the
//! server the first user of an old connection is told *unreachable*, and with it all idle ones are closed.
//!
//! What must never happen here: a connection that is handed on within somebody else's transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{Connection, FromRow, PgConnection, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::errors::{failed, leaves_connection_usable, silent};
use super::options::PgOptions;
use crate::StoreError;

/// Cheap to clone; clones share.
#[derive(Clone)]
pub(crate) struct Connections {
    shared: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    connect_timeout: Duration,
    patience: Duration,
    frozen_timeout: Duration,
    free: Mutex<Vec<Idle>>,
    permits: Arc<Semaphore>,
}

/// A connection that nobody has, and how often it was lent.
struct Idle {
    connection: PgConnection,
    lent: u32,
}

/// A connection keeps the room that its longest statement or answer took. After so many loans it gives it up: often enough
/// for a process that is quiet, seldom enough for one that is not.
const GIVES_UP_ROOM: u32 = 64;

impl Connections {
    /// None is opened yet.
    pub(crate) fn new(options: &PgOptions, most: u32) -> Result<Self, StoreError> {
        let shared = Shared {
            options: options.connect_options()?,
            connect_timeout: options.connect_timeout,
            patience: options.patience(),
            frozen_timeout: options.frozen_timeout,
            free: Mutex::default(),
            permits: Arc::new(Semaphore::new(most.max(1) as usize)),
        };
        Ok(Connections { shared: Arc::new(shared) })
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.shared.connect_timeout
    }

    /// How long a statement's answer is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.shared.patience
    }

    pub(super) fn frozen_timeout(&self) -> Duration {
        self.shared.frozen_timeout
    }

    /// Waits for its turn.
    pub(crate) async fn take(&self, doing: &'static str) -> Result<Loan, StoreError> {
        let permits = Arc::clone(&self.shared.permits);
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        let free = self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reused = free.is_some();
        let Idle { connection, lent } = match free {
            Some(idle) => idle,
            None => Idle { connection: self.open(doing).await?, lent: 0 },
        };
        Ok(Loan {
            shared: Arc::clone(&self.shared),
            connection: Some(connection),
            lent: lent.wrapping_add(1),
            reused,
            returnable: true,
            in_transaction: false,
            doing,
            _permit: permit,
        })
    }

    /// A connection that belongs to the caller alone and does not count.
    pub(crate) async fn open(&self, doing: &'static str) -> Result<PgConnection, StoreError> {
        let patience = self.shared.connect_timeout;
        match timeout(patience, PgConnection::connect_with(&self.shared.options)).await {
            Ok(connected) => {
                connected.map_err(|error| StoreError::Unreachable { doing, source: error.into() })
            }
            Err(_) => Err(silent(doing, patience)),
        }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("host", &self.shared.options.get_host())
            .field("database", &self.shared.options.get_database())
            .finish_non_exhaustive()
    }
}

/// A connection on loan: it comes back when it is dropped after its last answer, and is closed otherwise.
pub(crate) struct Loan {
    shared: Arc<Shared>,
    connection: Option<PgConnection>,
    lent: u32,
    /// It was open before: it may have died since.
    pub(crate) reused: bool,
    /// No answer is outstanding, and no transaction is open.
    returnable: bool,
    in_transaction: bool,
    doing: &'static str,
    _permit: OwnedSemaphorePermit,
}

/// A statement with its arguments.
pub(crate) type Asking<'q> = Query<'q, Postgres, PgArguments>;
/// The same, with the rows it answers.
pub(crate) type AskingFor<'q, R> = QueryAs<'q, Postgres, R, PgArguments>;

impl Loan {
    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.in_transaction = true;
        self.simple("begin").await
    }

    /// After an error it is not known what became of the transaction, if the connection was lost.
    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.in_transaction = false;
        self.simple("commit").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), sqlx::Error> {
        self.in_transaction = false;
        self.simple("rollback").await
    }

    pub(crate) async fn execute(&mut self, query: Asking<'_>) -> Result<u64, sqlx::Error> {
        let (connection, patience) = self.ask();
        let answer = timeout(patience, query.execute(connection)).await;
        self.heard(answer).map(|done| done.rows_affected())
    }

    pub(crate) async fn all<R>(&mut self, query: AskingFor<'_, R>) -> Result<Vec<R>, sqlx::Error>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let (connection, patience) = self.ask();
        let answer = timeout(patience, query.fetch_all(connection)).await;
        self.heard(answer)
    }

    pub(crate) async fn optional<R>(&mut self, query: AskingFor<'_, R>) -> Result<Option<R>, sqlx::Error>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let (connection, patience) = self.ask();
        let answer = timeout(patience, query.fetch_optional(connection)).await;
        self.heard(answer)
    }

    pub(crate) async fn one<R>(&mut self, query: AskingFor<'_, R>) -> Result<R, sqlx::Error>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.optional(query).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// What an error means, met while doing what the loan was taken for.
    pub(crate) fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError + use<> {
        failed(self.doing)
    }

    /// The connection itself, for what is not asked through the loan. It is closed afterwards, unless [`Loan::settle`].
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.ask().0
    }

    /// No answer is outstanding.
    pub(crate) fn settle(&mut self) {
        self.returnable = !self.in_transaction;
    }

    async fn simple(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let (connection, patience) = self.ask();
        let answer = timeout(patience, sqlx::raw_sql(statement).execute(connection)).await;
        self.heard(answer).map(drop)
    }

    fn ask(&mut self) -> (&mut PgConnection, Duration) {
        self.returnable = false;
        (self.connection.as_mut().expect("it is taken out only when dropped"), self.shared.patience)
    }

    fn heard<T>(&mut self, answer: Result<Result<T, sqlx::Error>, Elapsed>) -> Result<T, sqlx::Error> {
        let answer = answer.unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())));
        match &answer {
            Err(error) if !leaves_connection_usable(error) => self.shared.forget_idle(),
            Ok(_) | Err(_) => self.returnable = !self.in_transaction,
        }
        answer
    }
}

impl Shared {
    /// Where one was lost the others are too, as a rule.
    fn forget_idle(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if self.returnable
            && let Some(mut connection) = self.connection.take()
        {
            if self.lent.is_multiple_of(GIVES_UP_ROOM) {
                connection.shrink_buffers();
            }
            let idle = Idle { connection, lent: self.lent };
            // Fields drop after this body, the permit last: whoever gets it finds the connection.
            self.shared.free.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
        }
    }
}

//! One connection that writes and a few that read.
//!
//! SQLite has one writer at a time: waiting for it in a fair queue of ours costs nothing, waiting in its busy handler
//! costs sleeps; so the busy handler is left to other processes. No pool of sqlx's: it measures its waits with tokio's
//! clock, which stands still or jumps in tests, and asks a connection whether it lives before each use.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

use super::columns::failed;
use super::sql;
use crate::StoreError;

/// Whether a commit must reach the disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It survives a power cut.
    Full,
    /// It survives the end of the process; a power cut may take back the last moments. Only for what may be repeated.
    Process,
}

/// The writing connection, for one at a time.
#[derive(Debug)]
pub(super) struct Writer {
    held: tokio::sync::Mutex<Held>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) connection: SqliteConnection,
    durability: Durability,
}

impl Writer {
    /// `connection` was opened with `synchronous = full`.
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Writer { held: tokio::sync::Mutex::new(Held { connection, durability: Durability::Full }) }
    }

    /// Waits for its turn.
    pub(super) async fn take(&self, durability: Durability) -> Result<MutexGuard<'_, Held>, StoreError> {
        let mut held = self.held.lock().await;
        if held.durability != durability {
            let pragma = match durability {
                Durability::Full => sql::DURABLE,
                Durability::Process => sql::QUICK,
            };
            // A wait that is cut short leaves the setting unknown: noted as the lesser until it is known.
            held.durability = Durability::Process;
            sqlx::query(pragma).execute(&mut held.connection).await.map_err(failed("choosing durability"))?;
            held.durability = durability;
        }
        Ok(held)
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        self.held.into_inner().connection.close().await.map_err(failed("closing"))
    }
}

/// Connections that only read: they see what was committed last, and hinder no writer.
#[derive(Debug)]
pub(super) struct Readers {
    free: Mutex<Vec<SqliteConnection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(connections: Vec<SqliteConnection>) -> Self {
        Readers { permits: Semaphore::new(connections.len()), free: Mutex::new(connections) }
    }

    /// Waits for its turn.
    pub(super) async fn take(&self) -> Reader<'_> {
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let connection = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Reader { readers: self, connection, _permit: permit }
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        for connection in self.free.into_inner().unwrap_or_else(PoisonError::into_inner) {
            connection.close().await.map_err(failed("closing"))?;
        }
        Ok(())
    }
}

/// A reading connection on loan.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    connection: Option<SqliteConnection>,
    _permit: SemaphorePermit<'a>,
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("a permit stands for a connection")
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("a permit stands for a connection")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // Fields drop after this body, the permit last: whoever gets it finds the connection.
        self.readers.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

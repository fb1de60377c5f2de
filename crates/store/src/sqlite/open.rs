//! Opening a file: who may read it, how it is written, and which schema it has.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};

use super::columns::{damaged, failed};
use super::sql;
use crate::StoreError;

/// Written into the head of the file, so that it is not taken for another program's: "SEAT".
const APPLICATION: i64 = 0x5345_4154;

/// Schema steps, oldest first; the file's `user_version` says how many it has. A released step is never changed.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/sqlite/0001_begin.sql")];

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that read beside the one that writes; at least one.
    pub readers: usize,
    /// How long a write waits for another process that writes.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { readers: 3, busy_timeout: Duration::from_secs(5) }
    }
}

/// The writing connection and the reading ones, on a file with the newest schema.
pub(super) async fn open(
    path: &Path,
    options: &Options,
) -> Result<(SqliteConnection, Vec<SqliteConnection>), StoreError> {
    keep_private(path)
        .map_err(|error| StoreError::Unreachable { doing: "creating the file", source: error.into() })?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut writer = connect
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        // Pages: a checkpoint costs two syncs, so one for each 16 MB and not for each 4.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
        .map_err(failed("opening the file"))?;
    bring_up_to_date(&mut writer).await?;
    let mut readers = Vec::new();
    for _ in 0..options.readers.max(1) {
        let reader = connect.clone().pragma("query_only", "on").connect().await;
        readers.push(reader.map_err(failed("opening the file to read"))?);
    }
    Ok((writer, readers))
}

/// Creates the file if it is not there, readable by its owner alone: it names customers. SQLite gives its side files
/// the same mode.
fn keep_private(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new();
    file.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let file = file.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

/// Takes the missing schema steps, all or none. Two processes that open a new file take turns.
async fn bring_up_to_date(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = failed("bringing the schema up to date");
    let known = MIGRATIONS.len();
    let mut transaction = connection.begin_with(sql::BEGIN).await.map_err(&failed)?;
    let found: i64 =
        sqlx::query_scalar(sql::SCHEMA_VERSION).fetch_one(&mut *transaction).await.map_err(&failed)?;
    let application: i64 =
        sqlx::query_scalar(sql::APPLICATION).fetch_one(&mut *transaction).await.map_err(&failed)?;
    let tables: i64 =
        sqlx::query_scalar(sql::COUNT_TABLES).fetch_one(&mut *transaction).await.map_err(&failed)?;
    if application != APPLICATION && (application, found, tables) != (0, 0, 0) {
        return Err(damaged("file", "it is a database of another program"));
    }
    let done = usize::try_from(found).map_err(|error| damaged("schema version", error))?;
    if done > known {
        return Err(StoreError::TooNew { found, known: known as i64 });
    }
    if done < known {
        for step in &MIGRATIONS[done..] {
            transaction.execute(*step).await.map_err(&failed)?;
        }
        transaction
            .execute(sqlx::AssertSqlSafe(format!(
                "pragma application_id = {APPLICATION}; pragma user_version = {known}"
            )))
            .await
            .map_err(&failed)?;
    }
    transaction.commit().await.map_err(&failed)
}

//! Opening a file: who may read it, how it is written, and which schema it has.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};

use super::columns::{failed, is_busy};
use super::sql;
use crate::StoreError;
use crate::columns::damaged;

/// Written into the head of the file, so that it is not taken for another program's: "SEAT".
const APPLICATION: i64 = 0x5345_4154;

/// Schema steps, oldest first; the file's `user_version` says how many it has. A released step is never changed.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/sqlite/0001_begin.sql")];

/// How often the switch to write-ahead logging is tried. Whenever one is refused, another opener is at it.
const TRIES: usize = 200;

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
    create_private(path).map_err(|error| unreachable("creating the file", error))?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut writer = connect
        .clone()
        // Pages: a checkpoint costs two syncs, so one for each 16 MB and not for each 4.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
        .map_err(failed("opening the file"))?;
    look_first(&mut writer).await?;
    restrict(path).map_err(|error| unreachable("restricting the file to its owner", error))?;
    write_ahead(&mut writer).await?;
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
///
/// A file that is there is not opened here: closing it again would drop the locks that another handle of this process
/// holds on it (POSIX locks belong to the process, not to the handle).
fn create_private(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The same for a file that was there.
fn restrict(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

fn unreachable(doing: &'static str, error: io::Error) -> StoreError {
    StoreError::Unreachable { doing, source: error.into() }
}

/// Switches the file to write-ahead logging, which it remembers. The switch wants the file for itself for a moment and
/// does not wait for it, so those who open a new file together try again.
async fn write_ahead(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = failed("switching to write-ahead logging");
    for _ in 0..TRIES {
        let switched: Result<String, _> =
            sqlx::query_scalar(sql::WRITE_AHEAD).fetch_one(&mut *connection).await;
        match switched {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) => {
                // Here SQLite waits, up to the busy timeout, for whoever is writing.
                let turn = connection.begin_with(sql::BEGIN).await.map_err(&failed)?;
                turn.rollback().await.map_err(&failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let source = "others keep opening the file".into();
    Err(StoreError::Unreachable { doing: "switching to write-ahead logging", source })
}

/// Nothing is changed in a file that is somebody else's. One transaction, so that a file in the making is not taken for
/// one.
async fn look_first(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = failed("reading the schema version");
    let mut transaction = connection.begin().await.map_err(&failed)?;
    examine(&mut transaction).await?;
    transaction.rollback().await.map_err(&failed)
}

/// How many schema steps the file has; an error when it is not ours, or newer than this program.
async fn examine(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let failed = failed("reading the schema version");
    let found: i64 =
        sqlx::query_scalar(sql::SCHEMA_VERSION).fetch_one(&mut *connection).await.map_err(&failed)?;
    let application: i64 =
        sqlx::query_scalar(sql::APPLICATION).fetch_one(&mut *connection).await.map_err(&failed)?;
    let tables: i64 =
        sqlx::query_scalar(sql::COUNT_TABLES).fetch_one(&mut *connection).await.map_err(&failed)?;
    if application != APPLICATION && (application, found, tables) != (0, 0, 0) {
        return Err(damaged("file", "it is a database of another program"));
    }
    let done = usize::try_from(found).map_err(|error| damaged("schema version", error))?;
    if done > MIGRATIONS.len() {
        return Err(StoreError::TooNew { found, known: MIGRATIONS.len() as i64 });
    }
    Ok(done)
}

/// Takes the missing schema steps, all or none. Those who open a new file together take turns.
async fn bring_up_to_date(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = failed("bringing the schema up to date");
    let mut transaction = connection.begin_with(sql::BEGIN).await.map_err(&failed)?;
    let done = examine(&mut transaction).await?;
    if done < MIGRATIONS.len() {
        for step in &MIGRATIONS[done..] {
            transaction.execute(*step).await.map_err(&failed)?;
        }
        let stamp =
            format!("pragma application_id = {APPLICATION}; pragma user_version = {}", MIGRATIONS.len());
        transaction.execute(sqlx::AssertSqlSafe(stamp)).await.map_err(&failed)?;
    }
    transaction.commit().await.map_err(&failed)
}

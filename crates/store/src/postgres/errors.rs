//! What an error of PostgreSQL's means.

use std::time::Duration;

use crate::StoreError;
use crate::columns::damaged;

/// What an error means that was met while `doing` this.
pub(super) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => damaged("row", error),
        _ => match code(&error).as_deref() {
            Some(NO_SCHEMA | NO_TABLE | NO_COLUMN | NO_FUNCTION | NO_RIGHT) => {
                StoreError::NotPrepared { what: format!("{doing} ({error})") }
            }
            // Data that no repetition will make right: a wrong type, a broken constraint.
            Some(code) if code.starts_with("22") || code.starts_with("23") => damaged("row", error),
            _ => StoreError::Unreachable { doing, source: error.into() },
        },
    }
}

/// The server did not answer.
pub(super) fn silent(doing: &'static str, waited: Duration) -> StoreError {
    StoreError::Unreachable { doing, source: format!("no answer within {waited:?}").into() }
}

/// Two transactions stood in each other's way, or both inserted the same row: repeating one of them helps.
pub(super) fn is_collision(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some(SERIALIZATION | DEADLOCK | KEY_TAKEN))
}

/// The server said no, and the connection is as good as before.
pub(super) fn leaves_connection_usable(error: &sqlx::Error) -> bool {
    match code(error) {
        // 57P01..05: the session was ended. 25P03: it was frozen in a transaction. 08...: the connection itself.
        Some(code) => !(code.starts_with("57P") || code.starts_with("25P") || code.starts_with("08")),
        None => matches!(
            error,
            sqlx::Error::RowNotFound
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::ColumnNotFound(_)
        ),
    }
}

/// SQLSTATE.
pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

const SERIALIZATION: &str = "40001";
const DEADLOCK: &str = "40P01";
const KEY_TAKEN: &str = "23505";
const NO_SCHEMA: &str = "3F000";
const NO_TABLE: &str = "42P01";
const NO_COLUMN: &str = "42703";
const NO_FUNCTION: &str = "42883";
const NO_RIGHT: &str = "42501";

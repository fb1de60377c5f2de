//! Lists for SQLite, and its errors.

use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;
use crate::columns::damaged;

/// An id inside a JSON list.
pub(super) fn hex(id: Uuid) -> String {
    id.as_simple().to_string()
}

/// A JSON list for `json_each`.
pub(super) fn list(rows: &[impl Serialize]) -> String {
    serde_json::to_string(rows).expect("rows hold only text and numbers")
}

/// What an error of SQLite's means, met while `doing` this.
pub(super) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => damaged("row", error),
        _ if matches!(code(&error), Some(CORRUPT | NOT_A_DATABASE)) => damaged("page of the file", error),
        _ => StoreError::Unreachable { doing, source: error.into() },
    }
}

/// Somebody else has the lock.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    code(error) == Some(BUSY)
}

const BUSY: i32 = 5;
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

/// SQLite's result code; extended codes carry it in their low byte.
fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xFF)
}

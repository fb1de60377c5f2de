//! Between Rust's values and SQLite's columns, and between its errors and ours.

use std::error::Error;

use jiff::Timestamp;
use seatshift_messages::Service;
use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;

/// Nanoseconds since 1970. What does not fit (before 1677, after 2262) becomes the nearest that does: such times mean
/// "always" and "never".
pub(super) fn nanoseconds(moment: Timestamp) -> i64 {
    let exact = moment.as_nanosecond();
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn moment(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_err(|error| damaged("time", error))
}

pub(super) fn service(name: &str) -> Result<Service, StoreError> {
    Service::named(name).ok_or_else(|| damaged("service name", format!("`{name}` is no service")))
}

/// Versions, positions and limits; no file holds more than `i64::MAX` of anything.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|error| damaged("number", error))
}

/// An id inside a JSON list.
pub(super) fn hex(id: Uuid) -> String {
    id.as_simple().to_string()
}

/// A JSON list for `json_each`.
pub(super) fn list(rows: &[impl Serialize]) -> String {
    serde_json::to_string(rows).expect("rows hold only text and numbers")
}

pub(super) fn damaged(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Damaged { what, source: source.into() }
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

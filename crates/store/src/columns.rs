//! Between Rust's values and a database's columns.

use std::error::Error;

use jiff::Timestamp;
use seatshift_messages::Service;

use crate::StoreError;

/// Nanoseconds since 1970. What does not fit (before 1677, after 2262) becomes the nearest that does: such times mean
/// "always" and "never".
pub(crate) fn nanoseconds(moment: Timestamp) -> i64 {
    let exact = moment.as_nanosecond();
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

pub(crate) fn moment(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_err(|error| damaged("time", error))
}

pub(crate) fn service(name: &str) -> Result<Service, StoreError> {
    Service::named(name).ok_or_else(|| damaged("service name", format!("`{name}` is no service")))
}

/// Versions, positions and limits; no file holds more than `i64::MAX` of anything.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|error| damaged("number", error))
}

pub(crate) fn damaged(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Damaged { what, source: source.into() }
}

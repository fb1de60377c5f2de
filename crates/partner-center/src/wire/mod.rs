//! Microsoft's JSON, read into our types and written from them. Nothing of it leaves this crate.
//!
//! Reading is tolerant of everything that carries no meaning (a byte order mark, extra keys, missing links, spellings)
//! and strict where a guess could do harm: an object without `items` is not an empty list.

pub(crate) mod cart;
mod customer;
mod directory;
pub(crate) mod equivalent;
pub(crate) mod fault;
mod license;
pub(crate) mod list;
mod offer;
mod order;
mod product;
pub(crate) mod request;
mod scalar;
mod subscription;
pub(crate) mod token;
mod user;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::model::{LicenseWarning, Malformed};
use scalar::Scalar;

/// A type that can be read from one JSON value.
pub(crate) trait Read: Sized {
    fn read(json: &RawValue) -> Result<Self, Malformed>;
}

/// Reads an answer that is one object.
pub(crate) fn one<T: Read>(body: &[u8]) -> Result<T, Malformed> {
    T::read(parse(body)?)
}

/// Reads the answer to a change of licenses.
pub(crate) fn warnings(body: &[u8]) -> Result<Vec<LicenseWarning>, Malformed> {
    one::<license::Warnings>(body).map(|warnings| warnings.0)
}

/// Parses a body, whatever stands before its first brace.
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(without_mark(body)).map_err(malformed)
}

/// Parses a value of a body that was parsed before.
fn piece<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, Malformed> {
    serde_json::from_str(json.get()).map_err(malformed)
}

/// The body without a byte order mark, which Microsoft's answers sometimes begin with.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// What was wrong, without the words of the parser: they quote the value.
fn malformed(error: serde_json::Error) -> Malformed {
    match error.classify() {
        Category::Data => Malformed::Shape,
        Category::Syntax | Category::Eof | Category::Io => Malformed::NotJson,
    }
}

/// A value that must be there.
fn required<T>(value: Option<T>, key: &'static str) -> Result<T, Malformed> {
    value.ok_or(Malformed::Key(key))
}

/// Texts of an array, without the empty ones.
fn texts(values: Option<Vec<Scalar<'_>>>) -> Vec<String> {
    values.unwrap_or_default().iter().filter_map(Scalar::text).collect()
}

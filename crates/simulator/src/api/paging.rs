//! Seek paging: a page, and an opaque token with which the next one is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use uuid::Uuid;

use super::body::invalid;
use crate::state::Problem;

pub(crate) const TOKEN_HEADER: &str = "MS-ContinuationToken";

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seek {
    /// The last id of the page before.
    pub(crate) after: Option<Uuid>,
    pub(crate) size: usize,
}

/// Reads `size`, `seekOperation` and the token header. `default` stands for a missing or zero size; `cap` (0 = none)
/// is the largest page that this world gives.
pub(crate) fn seek(
    query: &Query<'_>,
    headers: &HeaderMap,
    default: usize,
    cap: usize,
) -> Result<Seek, Problem> {
    let token = headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
    let operation = query.get("seekOperation").unwrap_or_default();
    let asked = match query.get("size") {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| invalid("The page size is not a number."))?,
    };
    let (after, remembered) = match (operation.to_ascii_lowercase().as_str(), token) {
        ("first", _) | ("", None) => (None, 0),
        ("next" | "", Some(token)) => {
            decode(token).ok_or_else(|| invalid("The continuation token is invalid."))?
        }
        ("next", None) => return Err(invalid("The continuation token is missing.")),
        _ => return Err(Problem::new(400, 900_127, "The seek operation is not supported.")),
    };
    let size = [asked, remembered, default].into_iter().find(|size| *size > 0).unwrap_or(default);
    let size = if cap > 0 { size.min(cap) } else { size };
    Ok(Seek { after, size: size.max(1) })
}

/// The token that asks for what follows `last`, in pages of this size.
pub(crate) fn token(last: Uuid, size: usize) -> String {
    STANDARD.encode(format!("{}:{size}", last.simple()))
}

fn decode(token: &str) -> Option<(Option<Uuid>, usize)> {
    let bytes = STANDARD.decode(token).ok()?;
    let (last, size) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some((Some(Uuid::parse_str(last).ok()?), size.parse().ok()?))
}

/// A query string, decoded when a value is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a>(pub(crate) &'a str);

impl Query<'_> {
    /// The first value of a key in any case; an empty one counts as missing.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let pair = self.0.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            name.eq_ignore_ascii_case(key).then_some(value)
        })?;
        Some(decoded(pair)).filter(|value| !value.is_empty())
    }
}

/// Percent-decodes, with `+` as a blank.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

//! Reading bodies as tolerantly as the service is known to: keys in any case, enums as text or number, an optional byte
//! order mark.

use serde_json::{Map, Value};

use crate::state::Problem;

/// An object whose keys are looked up without regard to case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a>(&'a Map<String, Value>);

/// Parses a body; 400 / 800002 where it is no JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Problem> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).map_err(|_| invalid("The request body is not valid JSON."))
}

/// The general refusal of a malformed request.
pub(crate) fn invalid(text: &str) -> Problem {
    Problem::new(400, 800_002, text)
}

/// The object that the body must be.
pub(crate) fn object(value: &Value) -> Result<Object<'_>, Problem> {
    value.as_object().map(Object).ok_or_else(|| invalid("The request body is not a JSON object."))
}

impl<'a> Object<'a> {
    /// The value of a key, none where it is missing or null.
    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        let exact = self.0.get(key);
        let found = exact.or_else(|| {
            self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        });
        found.filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// A whole number, also where it was sent as text.
    pub(crate) fn number(self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    pub(crate) fn flag(self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    pub(crate) fn object(self, key: &str) -> Option<Object<'a>> {
        self.get(key)?.as_object().map(Object)
    }

    /// A list; empty where the key is missing or null.
    pub(crate) fn list(self, key: &str) -> &'a [Value] {
        self.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

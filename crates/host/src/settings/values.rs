//! From the file and the environment to checked values, with every fault told at once.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use jiff::Timestamp;
use secrecy::SecretString;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::address;
use super::keys::{self, KEYS, Key, Kind};
use super::nearest::nearest;

/// What begins the name of every environment variable that is read.
pub const PREFIX: &str = "SEATSHIFT__";

/// One fault of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `seatshift.toml, line 3, key partner_center.tennant` or `environment variable SEATSHIFT__...`.
    pub place: String,
    pub cause: String,
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.cause, self.remedy)
    }
}

/// A checked value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Secret(SecretString),
    Flag(bool),
    Count(u64),
    Url(Url),
    Time(Timestamp),
    Address(SocketAddr),
    Servers(Vec<Url>),
}

/// Values by path; the environment has overridden the file.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Reads the file's text (none = no file) and the environment. Faults are added to `problems`, the rest counts.
    pub(super) fn read(
        file: Option<(&str, &str)>,
        environment: impl Iterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Values {
        let mut values = Values::default();
        if let Some((name, text)) = file {
            values.read_file(name, text, problems);
        }
        for (name, text) in environment {
            values.read_variable(&name, &text, problems);
        }
        values
    }

    fn read_file(&mut self, name: &str, text: &str, problems: &mut Vec<Problem>) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                problems.push(Problem {
                    place: format!("{name}, line {line}"),
                    cause: format!("this is not TOML ({})", error.message()),
                    remedy: "mend it there; a text stands in quotation marks".to_owned(),
                });
                return;
            }
        };
        for (key, value) in table {
            let line = line_of(text, key.span().start);
            let key = key.into_inner().into_owned();
            match value.into_inner() {
                DeValue::Table(section) if keys::is_section(&key) => {
                    for (inner, value) in section {
                        let line = line_of(text, inner.span().start);
                        let path = format!("{key}.{}", inner.get_ref());
                        let place = format!("{name}, line {line}, key {path}");
                        self.take(&path, place, value.get_ref(), problems);
                    }
                }
                value => {
                    let place = format!("{name}, line {line}, key {key}");
                    self.take(&key, place, &value, problems);
                }
            }
        }
    }

    fn take(&mut self, path: &str, place: String, value: &DeValue<'_>, problems: &mut Vec<Problem>) {
        let Some(key) = keys::find(path) else {
            problems.push(unknown(path, place));
            return;
        };
        let taken = match (key.kind, value) {
            (Kind::Secret, _) => {
                problems.push(secret_in_file(key, place));
                return;
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
            (Kind::Count(..) | Kind::Hours, DeValue::Integer(number)) => read_text(key, number.as_str()),
            (Kind::Flag | Kind::Count(..) | Kind::Hours, DeValue::String(_)) => {
                Err(format!("this is {}", name_of(value)))
            }
            (_, DeValue::String(text)) => read_text(key, text),
            (Kind::Time, DeValue::Datetime(time)) => read_text(key, &time.to_string()),
            (_, other) => Err(format!("this is {}", name_of(other))),
        };
        self.put(key, taken, place, problems);
    }

    fn read_variable(&mut self, name: &str, text: &str, problems: &mut Vec<Problem>) {
        let Some(rest) = name.strip_prefix(PREFIX) else { return };
        let path = rest.to_lowercase().replace("__", ".");
        let place = format!("environment variable {name}");
        match keys::find(&path) {
            Some(key) => self.put(key, read_text(key, text), place, problems),
            None => problems.push(unknown(&path, place)),
        }
    }

    fn put(
        &mut self,
        key: &'static Key,
        taken: Result<Value, String>,
        place: String,
        problems: &mut Vec<Problem>,
    ) {
        match taken {
            Ok(value) => drop(self.0.insert(key.path, value)),
            Err(cause) => problems.push(Problem { place, cause, remedy: key.kind.remedy() }),
        }
    }

    /// A text; an empty one counts as not given.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match self.0.get(path) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }
    pub(super) fn secret(&self, path: &str) -> Option<SecretString> {
        match self.0.get(path) {
            Some(Value::Secret(secret)) => Some(secret.clone()),
            _ => None,
        }
    }
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        match self.0.get(path) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }
    pub(super) fn count(&self, path: &str) -> Option<u64> {
        match self.0.get(path) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }
    pub(super) fn url(&self, path: &str) -> Option<Url> {
        match self.0.get(path) {
            Some(Value::Url(url)) => Some(url.clone()),
            _ => None,
        }
    }
    pub(super) fn address(&self, path: &str) -> Option<SocketAddr> {
        match self.0.get(path) {
            Some(Value::Address(address)) => Some(*address),
            _ => None,
        }
    }
    pub(super) fn servers(&self, path: &str) -> Vec<Url> {
        match self.0.get(path) {
            Some(Value::Servers(servers)) => servers.clone(),
            _ => Vec::new(),
        }
    }
    pub(super) fn time(&self, path: &str) -> Option<Timestamp> {
        match self.0.get(path) {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        }
    }
}

fn read_text(key: &Key, text: &str) -> Result<Value, String> {
    let not = |what: &str| format!("`{text}` is not {what}");
    match key.kind {
        Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
        Kind::Secret => Ok(Value::Secret(text.trim().to_owned().into())),
        Kind::Flag => text.parse().map(Value::Flag).map_err(|_| not("true or false")),
        Kind::Count(least, most) => match text.replace('_', "").parse() {
            Ok(count) if (least..=most).contains(&count) => Ok(Value::Count(count)),
            _ => Err(not(&format!("a whole number from {least} to {most}"))),
        },
        Kind::Hours => match text.parse() {
            Ok(hours @ 1..=8760) => Ok(Value::Count(hours)),
            _ => Err(not("a number of hours from 1 to 8760")),
        },
        Kind::Url => address::nobodys(text).map(Value::Url),
        Kind::Time => text.parse().map(Value::Time).map_err(|_| not("a moment")),
        Kind::Address => text.parse().map(Value::Address).map_err(|_| not("an address and a port")),
        Kind::Servers(schemes) => address::servers(schemes, text).map(Value::Servers),
        Kind::Database => address::database(text).map(|url| Value::Servers(Vec::from_iter(url))),
        Kind::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Word(_) => Err(format!("`{text}` is not known here")),
    }
}

fn unknown(path: &str, place: String) -> Problem {
    let known = KEYS.iter().filter(|key| key.kind != Kind::Secret).map(|key| key.path);
    let remedy = match nearest(path, known) {
        Some(near) => format!("`{near}` was probably meant"),
        None => "remove it; `seatshift init --print` shows all keys".to_owned(),
    };
    Problem { place, cause: "this key is not known".to_owned(), remedy }
}

fn secret_in_file(key: &Key, place: String) -> Problem {
    let variable = format!("{PREFIX}{}", key.path.to_uppercase().replace('.', "__"));
    Problem {
        place,
        cause: "a secret does not belong in this file".to_owned(),
        remedy: format!(
            "take it out (and renew it, if others could read the file); name a file in `{}_file` or set {variable}",
            key.path
        ),
    }
}

fn name_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a moment",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

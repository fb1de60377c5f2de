//! What went wrong, in words: nobody decides anything by the kind of it, a person reads it.

use std::fmt;
use std::path::Path;

/// Something did not come up, did not answer, or is not installed; the text says what, and what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Error {
        Error(text.into())
    }

    /// `doing: cause`.
    pub(crate) fn while_doing(doing: impl fmt::Display, cause: impl fmt::Display) -> Error {
        Error(format!("{doing}: {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The end of a log file, for an error that a person reads.
pub(crate) fn tail(file: &Path, lines: usize) -> String {
    let text =
        std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

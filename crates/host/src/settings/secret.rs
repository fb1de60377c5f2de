//! Where a secret is. The value itself is read when it is used, and never printed.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::values::Values;

/// Where a secret is.
#[derive(Debug, Clone)]
pub enum Secret {
    /// Given by the environment.
    Given(SecretString),
    /// In a file that holds it and nothing else.
    File(PathBuf),
}

/// A file with a secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: the file with the secret cannot be read ({source})", file.display())]
pub struct SecretUnreadable {
    pub file: PathBuf,
    pub source: io::Error,
}

impl Secret {
    /// The secret of key `path`: as the environment gives it, else in the file that `<path>_file` names.
    pub(super) fn of(values: &Values, path: &str, folder: &Path) -> Option<Secret> {
        let in_file = || values.text(&format!("{path}_file")).map(|name| Secret::File(folder.join(name)));
        values.secret(path).map(Secret::Given).or_else(in_file)
    }

    /// The secret itself, without white space around it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<SecretString, SecretUnreadable> {
        match self {
            Secret::Given(secret) => Ok(secret.clone()),
            Secret::File(file) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(text.trim().to_owned().into()),
                Err(source) => Err(SecretUnreadable { file: file.clone(), source }),
            },
        }
    }
}

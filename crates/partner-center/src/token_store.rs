//! Where the refresh token is kept.
//!
//! A refresh token stands for a person's consent and lives 90 days; each use gives a new one. The newest must be on
//! disk before anything is done with what came along with it: lose it, and a person has to log in again.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt, ready};
use secrecy::{ExposeSecret, SecretString};

/// Keeps the refresh token.
pub trait RefreshTokens: Send + Sync + fmt::Debug {
    /// The newest token; none when nobody has logged in yet.
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>>;
    /// Keeps `new` in place of the old one. When this ends well, `new` survives a crash.
    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>>;

    /// The turn at redeeming: taken before [`RefreshTokens::load`], kept until the new token is stored. For a token that
    /// several processes share, so that no two of them redeem the same one at the same time.
    fn turn(&self) -> BoxFuture<'_, Result<RefreshTurn, TokenStoreError>> {
        ready(Ok(RefreshTurn::alone())).boxed()
    }
}

/// The refresh token could not be read or kept. Says where and what to do; never holds the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TokenStoreError {
    /// Where, why, and what to do.
    pub text: String,
    /// It is an outage, which passes by itself: nobody has to do anything.
    pub passes: bool,
}

impl TokenStoreError {
    /// A person has to do something.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), passes: false }
    }

    /// It passes by itself.
    pub fn outage(text: impl Into<String>) -> Self {
        Self { text: text.into(), passes: true }
    }
}

/// The turn at redeeming the refresh token; gone with it.
pub struct RefreshTurn {
    /// Asks what is held; it holds it too.
    lost: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl RefreshTurn {
    /// Of those who redeem alone.
    pub fn alone() -> Self {
        Self { lost: None }
    }

    /// Over a lock: others wait until `held` is dropped. `lost`: whether they wait no more all the same.
    pub fn holding<T: Send + Sync + 'static>(held: T, lost: fn(&T) -> bool) -> Self {
        Self { lost: Some(Box::new(move || lost(&held))) }
    }

    /// Somebody else may have the turn: whoever has not begun does not begin.
    pub fn is_lost(&self) -> bool {
        self.lost.as_ref().is_some_and(|lost| lost())
    }
}

impl fmt::Debug for RefreshTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshTurn")
    }
}

/// In memory only: for tests and for the simulated partner, whose login needs no keeping.
#[derive(Clone, Default)]
pub struct MemoryTokens(Arc<Mutex<Option<SecretString>>>);

impl MemoryTokens {
    /// Begins with a token.
    pub fn new(token: SecretString) -> Self {
        Self(Arc::new(Mutex::new(Some(token))))
    }
}

impl fmt::Debug for MemoryTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryTokens")
    }
}

impl RefreshTokens for MemoryTokens {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>> {
        ready(Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())).boxed()
    }

    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
        ready(Ok(())).boxed()
    }
}

/// In a file that only its owner may read, replaced in one step.
///
/// The file is small and written about once an hour, so it is written on the spot.
#[derive(Clone, Debug)]
pub struct FileTokens {
    path: PathBuf,
}

impl FileTokens {
    /// Keeps the token in `path`; the folder must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn read(&self) -> Result<Option<SecretString>, TokenStoreError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                private(&self.path)?;
                let token = text.trim();
                Ok((!token.is_empty()).then(|| SecretString::from(token)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.trouble("cannot be read", &error)),
        }
    }

    fn write(&self, token: &SecretString) -> Result<(), TokenStoreError> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        replace(&self.path, &beside, token.expose_secret().as_bytes())
            .map_err(|e| self.trouble("cannot be written", &e))
    }

    fn trouble(&self, what: &str, error: &io::Error) -> TokenStoreError {
        TokenStoreError::new(format!(
            "{} {what} ({error}): check that its folder exists and belongs to the user this runs as",
            self.path.display()
        ))
    }
}

impl RefreshTokens for FileTokens {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, TokenStoreError>> {
        ready(self.read()).boxed()
    }

    fn store(&self, new: SecretString) -> BoxFuture<'_, Result<(), TokenStoreError>> {
        ready(self.write(&new)).boxed()
    }
}

/// Writes beside and renames, with everything on disk before the name changes: after a crash there is the old token or
/// the new one, never half of one.
fn replace(path: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = owner_only().open(beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

#[cfg(unix)]
fn owner_only() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn owner_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    options
}

/// Refuses a token that others on the machine can read: somebody may have it already.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), TokenStoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(TokenStoreError::new(format!(
        "{} can be read by others (mode {:o}): run `chmod 600` on it, and log in again if somebody may have seen it",
        path.display(),
        mode & 0o777
    )))
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<(), TokenStoreError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_keeps_the_newest_token_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refresh-token");
        let tokens = FileTokens::new(&path);
        assert!(tokens.load().await.unwrap().is_none());
        for token in ["first", "second"] {
            tokens.store(token.into()).await.unwrap();
            assert_eq!(tokens.load().await.unwrap().unwrap().expose_secret(), token);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(tokens.load().await.unwrap_err().text.contains("chmod 600"));
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_is_named() {
        let tokens = FileTokens::new("/nonexistent/of/seatshift/token");
        let error = tokens.store("secret-token".into()).await.unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent/of/seatshift/token") && !error.contains("secret-token"),
            "{error}"
        );
    }
}

//! One engine on a store: a lock on a file, with the id of the process that holds it inside.
//!
//! The lock is the operating system's, so it is gone with the process, however that ends; the text inside is for people.
//! What must never happen: a second engine that works on the same rows.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of the file in the state folder.
const NAME: &str = "engine.lock";

/// Longer than anybody takes to look whether an engine runs.
const A_LOOK: Duration = Duration::from_millis(250);

/// Held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "{}: {who} is running an engine on this state already; wait for it or stop it (Ctrl-C stops it gracefully), \
         or use status, show, pause, resume, retry, rollback and accept beside it",
        place.display()
    )]
    Taken { place: PathBuf, who: String },
    #[error("{}: the lock cannot be taken ({source}); check the folder's name and rights (`state_dir`)", place.display())]
    Unusable { place: PathBuf, source: io::Error },
}

impl Lock {
    /// Takes the lock of this state folder, which is made if it is not there. `doing` is what others are told.
    ///
    /// # Errors
    /// When another process has it, with who that is; or when the folder cannot be used.
    pub fn take(state_dir: &Path, doing: &str) -> Result<Lock, LockError> {
        let place = state_dir.join(NAME);
        let unusable = |source| LockError::Unusable { place: place.clone(), source };
        make_private(state_dir).map_err(unusable)?;
        let mut file = open(&place).map_err(unusable)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Whoever only looks whether an engine runs has the lock for a moment.
                Err(TryLockError::WouldBlock) if begun.elapsed() < A_LOOK => {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Taken { place, who: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
            }
        }
        let note = format!("process {} (seatshift {doing})\n", std::process::id());
        let written =
            file.set_len(0).and_then(|()| file.write_all(note.as_bytes())).and_then(|()| file.flush());
        written.map_err(unusable)?;
        Ok(Lock { _file: file })
    }
}

/// Who runs an engine on this state folder; none when nobody does.
pub fn running(state_dir: &Path) -> Option<String> {
    let mut file = OpenOptions::new().read(true).write(true).open(state_dir.join(NAME)).ok()?;
    // Shared: those who look do not see each other.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn open(place: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(place)
}

/// The folder holds names of customers and a token: only its owner may look into it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_engine_is_told_who_runs() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(running(&state), None);
        let lock = Lock::take(&state, "apply").unwrap();
        let told = Lock::take(&state, "apply").unwrap_err().to_string();
        let who = format!("process {} (seatshift apply)", std::process::id());
        assert!(told.contains(&who), "{told}");
        assert_eq!(running(&state), Some(who));
        drop(lock);
        assert_eq!(running(&state), None);
        Lock::take(&state, "apply").unwrap();
    }

    #[test]
    fn looking_whether_an_engine_runs_does_not_keep_one_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        drop(Lock::take(folder.path(), "apply").unwrap());
        let looking = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while looking.load(std::sync::atomic::Ordering::Relaxed) {
                    running(folder.path());
                }
            });
            let taken: Vec<bool> = (0..200).map(|_| Lock::take(folder.path(), "apply").is_ok()).collect();
            looking.store(false, std::sync::atomic::Ordering::Relaxed);
            assert!(taken.into_iter().all(|taken| taken));
        });
    }

    #[test]
    fn the_lock_of_a_process_that_died_is_free() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "process 1 (seatshift apply)").unwrap();
        assert_eq!(running(folder.path()), None);
        Lock::take(folder.path(), "plan").unwrap();
    }
}

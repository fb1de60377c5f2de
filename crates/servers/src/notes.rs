//! The file in a server's directory that says where it listens and with which password: `key=value` lines, for its owner only.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::Error;
use crate::free::{free_ports, is_free};

pub(crate) const FILE: &str = "server.txt";

/// What is kept about one server.
#[derive(Clone, Default)]
pub(crate) struct Notes(BTreeMap<String, String>);

/// Passwords are among them.
impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Notes {
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) {
        self.0.insert(key.to_owned(), value.to_string());
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, Error> {
        self.0.get(key).map(String::as_str).ok_or_else(|| Error::new(format!("{FILE} does not say `{key}`")))
    }

    pub(crate) fn port(&self, key: &str) -> Result<u16, Error> {
        self.text(key)?.parse().map_err(|cause| Error::while_doing(format!("`{key}` in {FILE}"), cause))
    }

    /// The ports of these names: those that an earlier start wrote down, while all of them are free, else new ones. A server
    /// that comes back is where its clients look for it.
    pub(crate) fn keep_or_draw_ports(&mut self, keys: &[&str]) -> Result<(), Error> {
        if keys.iter().all(|key| self.port(key).is_ok_and(is_free)) {
            return Ok(());
        }
        let drawn = free_ports(keys.len())?.numbers();
        keys.iter().zip(drawn).for_each(|(key, port)| self.set(key, port));
        Ok(())
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let lines: String = self.0.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        write_private(&dir.join(FILE), &lines)
    }

    pub(crate) fn read(dir: &Path) -> Result<Notes, Error> {
        let file = dir.join(FILE);
        let text = fs::read_to_string(&file)
            .map_err(|cause| Error::while_doing(format!("reading {}", file.display()), cause))?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(Notes(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()))
    }
}

/// A file that only its owner can read, whole or not there.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<(), Error> {
    let failed = |cause| Error::while_doing(format!("writing {}", file.display()), cause);
    let beside = file.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut new =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    fs::rename(&beside, file).map_err(failed)
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|cause| Error::while_doing(format!("making {}", dir.display()), cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stay_while_all_of_them_are_free() {
        let mut notes = Notes::default();
        let ports = |notes: &Notes| ["a", "b"].map(|key| notes.port(key).unwrap());
        notes.keep_or_draw_ports(&["a", "b"]).unwrap();
        let first = ports(&notes);
        notes.keep_or_draw_ports(&["a", "b"]).unwrap();
        assert_eq!(ports(&notes), first);
        let _taken = std::net::TcpListener::bind(("127.0.0.1", first[1])).unwrap();
        notes.keep_or_draw_ports(&["a", "b"]).unwrap();
        assert_ne!(ports(&notes)[1], first[1]);
    }
}

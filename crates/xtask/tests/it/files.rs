//! The files under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Compose file, with its anchors and merges resolved.
pub(crate) fn compose() -> Value {
    let mut yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text("docker-compose.yml")).unwrap();
    yaml.apply_merge().unwrap();
    serde_json::to_value(yaml).unwrap()
}

/// The commands at the head of the Compose file.
pub(crate) fn compose_commands() -> Vec<String> {
    let file = text("docker-compose.yml");
    let head = file.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix("#   ")).map(str::to_owned).collect()
}

/// Names and bodies of its services.
pub(crate) fn containers(compose: &Value) -> Vec<(&str, &Value)> {
    compose["services"].as_object().unwrap().iter().map(|(name, body)| (name.as_str(), body)).collect()
}

/// The texts of a list; none where there is none.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// A folder of its own, gone at the end.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn of(test: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("seatshift-xtask-{}-{test}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `cargo xtask ...`; what it printed.
pub(crate) fn xtask(words: &[&str]) -> String {
    let (succeeded, said) = tried(words);
    assert!(succeeded, "cargo xtask {}: {said}", words.join(" "));
    said
}

/// `cargo xtask ...`, which must refuse; what it said.
pub(crate) fn refused(words: &[&str]) -> String {
    let (succeeded, said) = tried(words);
    assert!(!succeeded, "cargo xtask {}: {said}", words.join(" "));
    said
}

fn tried(words: &[&str]) -> (bool, String) {
    let answer = Command::new(env!("CARGO_BIN_EXE_seatshift-xtask")).args(words).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
    (answer.status.success(), said)
}

//! The embedded mode beside the distributed one: the same world, the same command, no server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Operator, Options, Ran, Simulated, process};

/// One folder, one process at a time.
#[derive(Debug)]
pub struct Alone {
    simulated: Simulated,
    settings: Vec<(String, String)>,
    folder: TempDir,
}

impl Alone {
    pub fn start(options: &Options) -> Alone {
        let folder = tempfile::tempdir().expect("a folder");
        let simulated = Simulated::serve(folder.path(), options);
        Alone { simulated, settings: options.settings.clone(), folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a command, which says nothing.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::command("seatshift", self.folder.path());
        command.args(["--config", "seatshift.toml"]).args(arguments);
        for (key, value) in &self.settings {
            command.env(format!("SEATSHIFT__{key}"), value);
        }
        command
    }
}

impl Operator for Alone {
    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the command runs"))
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn simulated(&self) -> &Simulated {
        &self.simulated
    }
}

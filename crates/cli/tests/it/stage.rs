//! A folder with a configuration and a small simulated partner in it, and the binary that is run there.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A place of its own for one test.
pub(crate) struct Stage {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

impl Stage {
    /// An empty folder.
    pub(crate) fn empty() -> Stage {
        Stage { folder: tempfile::tempdir().unwrap() }
    }

    /// With a simulated partner whose clock runs so much faster.
    pub(crate) fn with_world(customers: usize, scale: u32) -> Stage {
        let stage = Stage::empty();
        let customers = customers.to_string();
        stage
            .run(&["simulator", "--customers", &customers, "--seed", "5", "--write-world", "world.json"])
            .ends(0);
        stage.configure(scale);
        stage
    }

    pub(crate) fn configure(&self, scale: u32) {
        let text = format!(
            "allow_changes = true\nstate_dir = \"state\"\noperator = \"tester\"\n\n\
             [simulator]\nworld = \"world.json\"\nscale = {scale}\n"
        );
        std::fs::write(self.path("seatshift.toml"), text).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatshift"));
        command.current_dir(self.folder()).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SEATSHIFT")) {
            command.env_remove(name);
        }
        command.env_remove("RUST_LOG").env_remove("CARGO");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The same with environment variables.
    pub(crate) fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).envs(environment.iter().copied()).output().unwrap())
    }

    /// A simulated partner in a process of its own, and `sim/seatshift.toml` that leads to it.
    pub(crate) fn simulator(&self, customers: usize, scale: u32, faults: &str) -> Child {
        std::fs::create_dir(self.path("sim")).unwrap();
        let (customers, scale) = (customers.to_string(), scale.to_string());
        let mut server = self.start(&[
            "simulator",
            "--customers",
            &customers,
            "--seed",
            "5",
            "--scale",
            &scale,
            "--faults",
            faults,
            "--write-config",
            "sim/seatshift.toml",
            "--write-world",
            "sim/world.json",
            "--listen",
            "127.0.0.1:0",
        ]);
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let document: String = lines.by_ref().take_while(|line| line != "}").collect();
        let startup: Value = serde_json::from_str(&format!("{document}}}")).unwrap();
        assert!(startup["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        server
    }

    /// Starts it; what it says is kept for later.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Waits for a child that was started.
pub(crate) fn wait(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

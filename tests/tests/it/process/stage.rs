//! A folder, a simulator that serves a world file, and the binary that is run against it.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// The binary of this very build: made by cargo where this test was made, so that it is never an old one.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("this test has a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST").to_path_buf();
    let target = profile.parent().expect("target/PROFILE").to_path_buf();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--package", "seatshift-cli", "--bin", "seatshift"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", &target).status();
    assert!(built.expect("cargo runs").success(), "the binary cannot be built");
    profile.join("seatshift")
});

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The place of one test.
pub(crate) struct Stage {
    folder: TempDir,
    simulator: Child,
    address: String,
    world: PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.simulator.kill().ok();
        self.simulator.wait().ok();
    }
}

impl Stage {
    /// Serves a world file of `tests/worlds`, at so many simulated seconds in a real one.
    pub(crate) fn serving(world: &str, scale: u32) -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds").join(world);
        let mut simulator = command(folder.path())
            .args([
                "simulator",
                "--output",
                "json",
                "--listen",
                "127.0.0.1:0",
                "--write-config",
                "seatshift.toml",
            ])
            .args(["--scale", &scale.to_string()])
            .arg("--world")
            .arg(&world)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        // Its one document says that it listens; the configuration is written by then.
        let said = BufReader::new(simulator.stdout.take().expect("a pipe"));
        let startup = serde_json::Deserializer::from_reader(said).into_iter::<Value>().next();
        let startup = startup.expect("it says where it listens").expect("in JSON");
        let address =
            startup["base_url"].as_str().expect("an address").trim_start_matches("http://").to_owned();
        Stage { folder, simulator, address, world }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.args(arguments);
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the binary runs"))
    }

    /// Starts it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts")
    }

    /// Tells the books what the plan intends; a person's rollback excuses what is not moved.
    pub(crate) fn state_intent(&self, rolled_back: bool) {
        let world = self.world.display().to_string();
        let ran =
            self.run(&["simulator", "--output", "json", "--world", &world, "--intent", "plan.csv"]).ends(0);
        let mut intent = ran.json();
        for row in intent["rows"].as_array_mut().expect("rows") {
            row["stopped_by_person"] = rolled_back.into();
        }
        self.simulator("POST", "intent", &intent);
    }

    /// A call of the simulator's control.
    pub(crate) fn simulator(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).expect("the simulator listens");
        let head = format!(
            "{method} /_simulator/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Calls of one operation so far.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.simulator("GET", "calls", &Value::Null)["by_operation"][operation].as_u64().unwrap_or(0)
    }

    /// Every figure of the books is zero, and they have seen something.
    #[track_caller]
    pub(crate) fn assert_no_harm(&self) {
        let audit = self.simulator("GET", "audit", &Value::Null);
        let figures = audit["figures"].as_object().expect("figures");
        assert_eq!(figures.len(), 7, "{audit}");
        assert!(figures.values().all(|figure| figure == 0), "{audit}");
        assert!(audit["examined"]["changes"].as_u64() > Some(0), "{audit}");
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(&*BINARY);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SEATSHIFT")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG");
    command
}

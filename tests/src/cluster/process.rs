//! Processes of this very build: started, killed, frozen, asked to stop, each with its log in a file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Where cargo put what it built together with this program.
static PROFILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("this program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    // Tests lie one deeper, in `deps`.
    if folder.ends_with("deps") {
        folder.parent().expect("target/PROFILE/deps").to_path_buf()
    } else {
        folder.to_path_buf()
    }
});

/// Set by whoever has just built all binaries (`cargo xtask bench`).
const BUILT_ALREADY: &str = "SEATSHIFT_BINARIES_ARE_BUILT";

/// Makes the binaries where this program was made, so that they are never old ones.
static BUILT: LazyLock<()> = LazyLock::new(|| {
    if std::env::var_os(BUILT_ALREADY).is_some() {
        return;
    }
    let target = PROFILE.parent().expect("target/PROFILE").to_path_buf();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--workspace", "--bins"]);
    if PROFILE.ends_with("release") {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", &target).status();
    assert!(built.expect("cargo runs").success(), "the binaries cannot be built");
});

/// The path of a binary of this build: `seatshift`, `seatshift-purchase`.
pub fn binary(name: &str) -> PathBuf {
    LazyLock::force(&BUILT);
    PROFILE.join(name)
}

/// A command without anything of the caller's own configuration in its environment.
pub fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary(name));
    command.current_dir(folder).stdin(Stdio::null());
    for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("SEATSHIFT__")) {
        command.env_remove(variable);
    }
    command.env_remove("RUST_LOG");
    command
}

/// A running process. Killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    pub name: String,
    child: Child,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Starts it; what it says goes behind whatever stands in `<folder>/<name>.log`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> io::Result<Process> {
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        let child = command.stdout(out.try_clone()?).stderr(out).spawn()?;
        Ok(Process { name: name.to_owned(), child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Stops its clockwork until [`Process::thaw`]: to everybody else it is a black hole.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} cannot be sent SIG{signal}", self.name);
    }

    /// How it ended; none while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked for")
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ends_within(&mut self, patience: Duration) -> ExitStatus {
        until(
            patience,
            || format!("the end of {}\n{}", self.name, tail(&self.log)),
            || self.child.try_wait().expect("a child can be asked for"),
        )
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Processor time so far, in seconds, with that of children it has waited for.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.id())
    }
}

/// Processor time of a process and of the children that it has waited for, in seconds.
pub fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name in brackets, which may hold blanks: fields 14 to 17 are ticks in user and system mode, its own and
    // those of children that it has waited for.
    let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(4);
    ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Its share of the memory it uses, with what it shares with others counted once over all (PSS), in bytes; and the peak of
/// its resident memory.
pub fn memory(process: u32) -> (u64, u64) {
    let read = |file: &str, key: &str| {
        let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (read("smaps_rollup", "Pss:"), read("status", "VmHWM:"))
}

/// The end of a log, for the text of a failure.
pub fn tail(log: &Path) -> String {
    const BYTES: u64 = 6_000;
    let Ok(mut file) = File::open(log) else { return String::new() };
    let length = file.metadata().map_or(0, |data| data.len());
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES))).ok();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Looks until there is an answer; fails with what was waited for.
#[track_caller]
pub fn until<T>(patience: Duration, what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain for {}", what());
        rest(Duration::from_millis(100));
    }
}

/// Lets real time pass: other processes are waited for, or harmed for a while, and there is nothing to be woken by.
#[expect(clippy::disallowed_methods, reason = "other processes live in real time")]
pub fn rest(time: Duration) {
    std::thread::sleep(time);
}

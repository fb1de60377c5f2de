//! Processes: started apart from us, found again by pid file, never signaled unless they carry our mark.
//!
//! The mark is the environment variable [`MARK`] with the server's directory. A pid file alone would not do: numbers are used again,
//! and another process may have that one by now.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// Set for every process started here, to the directory of its server.
const MARK: &str = "SEATSHIFT_SERVER";

/// One process, by its pid file `<dir>/<name>.pid`. Dropping this value does not end it.
#[derive(Debug)]
pub struct Process {
    dir: PathBuf,
    name: String,
    /// Ours to wait for; `None` when another process started it.
    child: Option<Child>,
}

impl Process {
    /// One that another process started; it need not run.
    #[must_use]
    pub fn found(dir: &Path, name: &str) -> Process {
        Process { dir: dir.to_owned(), name: name.to_owned(), child: None }
    }

    /// Starts it in a process group of its own (a Ctrl-C at our terminal is for us; we stop it in our order), its output
    /// into `<dir>/<name>.out`. The command must become the server itself, by `exec`: its pid is written down.
    ///
    /// # Errors
    /// When the program cannot be started or the files cannot be written.
    pub fn start(dir: &Path, name: &str, command: &mut Command) -> Result<Process, Error> {
        let failed = |cause: std::io::Error| Error::while_doing(format!("starting {name}"), cause);
        let out = fs::File::create(dir.join(format!("{name}.out"))).map_err(failed)?;
        command.env(MARK, dir).process_group(0).stdin(Stdio::null());
        command.stdout(out.try_clone().map_err(failed)?).stderr(out);
        let child = command.spawn().map_err(failed)?;
        fs::write(dir.join(format!("{name}.pid")), child.id().to_string()).map_err(failed)?;
        // `spawn` comes back a moment before the kernel shows the environment; until then nobody would find the process.
        let mut started = Process { dir: dir.to_owned(), name: name.to_owned(), child: Some(child) };
        within(Duration::from_secs(5), || started.pid().is_some() || started.wait_gone(Duration::ZERO));
        Ok(started)
    }

    /// Its pid while it runs and is the one that was started for this directory.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let pid = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        (!is_gone(pid) && carries_mark(pid, &self.dir)).then_some(pid)
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join(format!("{}.pid", self.name))
    }

    /// Sends a signal (`KILL`, `TERM`, `STOP`...), if it runs.
    pub fn signal(&self, signal: &str) {
        if let Some(pid) = self.pid() {
            send(signal, &[pid]);
        }
    }

    /// Whether it was gone before the patience was at its end.
    pub fn wait_gone(&mut self, patience: Duration) -> bool {
        let Some(child) = &mut self.child else {
            let pid = self.pid();
            return within(patience, || pid.is_none_or(is_gone));
        };
        within(patience, || !matches!(child.try_wait(), Ok(None)))
    }

    /// Asks with one signal, and kills what has not gone in time. Gone when this returns.
    pub fn end(&mut self, signal: &str, patience: Duration) {
        self.signal(signal);
        self.finish(patience);
    }

    /// Waits for the end of one that was asked already, and kills what has not gone in time. Gone when this returns.
    pub fn finish(&mut self, patience: Duration) {
        if !self.wait_gone(patience) {
            self.signal("KILL");
            self.wait_gone(Duration::from_secs(10));
        }
        let _ = fs::remove_file(self.pid_file());
    }
}

/// Sends a signal. Through `kill`, because the call itself would be `unsafe` here.
pub(crate) fn send(signal: &str, pids: &[u32]) {
    if !pids.is_empty() {
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", "kill -s \"$@\" 2>/dev/null", "kill", signal]);
        let _ = kill.args(pids.iter().map(u32::to_string)).status();
    }
}

/// Gone, or dead and only not waited for by its parent.
pub(crate) fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `pid (name) state parent ...`; the name may hold anything, also parentheses.
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn carries_mark(pid: u32, dir: &Path) -> bool {
    let mark = format!("{MARK}={}", dir.display());
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

/// The processes whose parent this is.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_is =
            |rest: &str| rest.split(' ').nth(1).and_then(|parent| parent.parse().ok()) == Some(parent);
        stat.rsplit_once(") ").is_some_and(|(_, rest)| parent_is(rest))
    })
    .collect()
}

/// Looks again and again, first soon and then every tenth of a second, until it is so or the patience is at its end.
pub(crate) fn within(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
    while !is_so() {
        if begun.elapsed() >= patience {
            return false;
        }
        rest(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    true
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting for processes of others, in synchronous code that holds nothing"
)]
pub(crate) fn rest(duration: Duration) {
    std::thread::sleep(duration);
}

/// Kills a server's processes when we are gone, however we went: a shell that waits for the end of a pipe that only we hold.
///
/// (A death signal of the kernel would be simpler, but it comes when the *thread* ends that started the server.)
#[derive(Debug)]
pub(crate) struct Keeper(Child);

impl Keeper {
    pub(crate) fn over(dir: &Path) -> Result<Keeper, Error> {
        const SCRIPT: &str = r#"
            trap '' HUP INT TERM
            read -r never
            for file in "$1"/*.pid; do
                pid=$(cat "$file" 2> /dev/null) || continue
                grep -aqs "$2=$1" "/proc/$pid/environ" && kill -s KILL "$pid"
            done"#;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "seatshift-keeper"]).arg(dir).arg(MARK);
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Keeper).map_err(|cause| Error::while_doing("starting the keeper", cause))
    }
}

/// Not needed any more: the server was stopped, or is to be left running.
impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_its_pid_file_and_ended() {
        let dir = tempdir("ended");
        let mut ours = Process::start(&dir, "idle", Command::new("sleep").arg("600")).unwrap();
        let mut found = Process::found(&dir, "idle");
        let pid = found.pid().unwrap();
        assert_eq!(ours.pid(), Some(pid));
        found.signal("TERM");
        assert!(ours.wait_gone(Duration::from_secs(10)) && found.wait_gone(Duration::from_secs(10)));
        assert_eq!(found.pid(), None);
    }

    #[test]
    fn a_pid_of_somebody_else_is_never_signaled() {
        let dir = tempdir("foreign");
        let mut foreign = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(dir.join("idle.pid"), foreign.id().to_string()).unwrap();
        Process::found(&dir, "idle").end("KILL", Duration::ZERO);
        assert!(!is_gone(foreign.id()));
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }

    #[test]
    fn the_keeper_kills_what_a_killed_starter_left() {
        let dir = tempdir("kept");
        let mut left = Process::start(&dir, "idle", Command::new("sleep").arg("600")).unwrap();
        let mut keeper = Keeper::over(&dir).unwrap();
        drop(keeper.0.stdin.take()); // as the kernel does when we end
        assert!(left.wait_gone(Duration::from_secs(10)));
    }

    #[test]
    fn a_dismissed_keeper_leaves_the_server_running() {
        let dir = tempdir("left");
        let mut left = Process::start(&dir, "idle", Command::new("sleep").arg("600")).unwrap();
        drop(Keeper::over(&dir).unwrap());
        assert!(!left.wait_gone(Duration::from_millis(100)));
        left.end("KILL", Duration::from_secs(10));
    }

    fn tempdir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("seatshift-process-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }
}

//! One process of the service under test, and its log.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatshift-purchase"));
    // Nothing of the machine's own.
    command.env_clear().current_dir(env!("CARGO_TARGET_TMPDIR"));
    for (key, value) in
        [("TENANT", "partner.example.net"), ("CLIENT_ID", "app"), ("CLIENT_SECRET", "hidden-secret")]
    {
        command.env(format!("SEATSHIFT__PARTNER_CENTER__{key}"), value);
    }
    command
}

pub(crate) struct Process {
    child: Child,
    lines: Receiver<Value>,
    seen: Vec<Value>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Process { child, lines, seen: Vec::new() }
    }

    /// The first line with this message, from now on.
    pub(crate) fn says(&mut self, message: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line["message"] == message {
                        return line;
                    }
                }
                Err(_) => panic!("it does not say `{message}`: {:#?}", self.seen),
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn ends(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of a page.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Asks for a page until it is as wanted.
pub(crate) fn until(address: &str, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let (status, body) = get(address, path);
        if wanted(status, &body) {
            return body;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{path} stays {status}: {body}");
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

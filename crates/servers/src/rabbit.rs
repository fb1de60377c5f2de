//! A RabbitMQ node of its own: own Erlang cookie, own epmd, own ports, all on loopback.

mod command;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Error;
use crate::error::tail;
use crate::free::{is_free, random_hex};
use crate::http::{json, request, segment};
use crate::install;
use crate::notes::{Notes, create_dir};
use crate::process::{Keeper, Process, within};

/// The name of the administrator.
const ADMIN: &str = "admin";
/// A boot takes 5 s on an idle machine; a machine full of tests is not idle.
const BOOT: Duration = Duration::from_secs(120);
/// A clean stop takes some 6 s.
const STOP: Duration = Duration::from_secs(30);
/// How often a boot is tried with other ports, when somebody took one between drawing and binding it.
const TRIES: usize = 3;
/// The usual limit below which the disk alarm goes off: private servers need not keep the machine's disk free.
const DISK_FREE: &str = "50MB";

/// A private RabbitMQ with the management and Prometheus plugins.
#[derive(Debug)]
pub struct Rabbit {
    dir: PathBuf,
    notes: Notes,
    node: Process,
    epmd: Process,
    /// There while we are the one who stops it.
    keeper: Option<Keeper>,
    owned: bool,
}

impl Rabbit {
    /// Starts a node in a directory of its own (made if missing; data of an earlier run in it are used) and waits until it is ready.
    ///
    /// # Errors
    /// When it is not installed or does not boot; with the end of its log.
    pub fn start(dir: &Path) -> Result<Rabbit, Error> {
        Rabbit::start_with(dir, "")
    }

    /// The same with lines added to its `rabbitmq.conf`, e.g. a TLS listener (its port from [`free_ports`](crate::free_ports)).
    ///
    /// # Errors
    /// As [`Rabbit::start`].
    pub fn start_with(dir: &Path, configuration: &str) -> Result<Rabbit, Error> {
        install::rabbitmq()?;
        create_dir(dir)?;
        let dir = dir.canonicalize().map_err(|cause| Error::while_doing(dir.display(), cause))?;
        let mut last = Error::new("RabbitMQ was not started");
        for _ in 0..TRIES {
            let mut rabbit = Rabbit::prepared(&dir, configuration)?;
            match rabbit.boot() {
                Ok(()) => return Ok(rabbit),
                Err(error) => last = error,
            }
            rabbit.end_all("KILL");
            if !rabbit.met_a_taken_port() {
                break;
            }
        }
        Err(last)
    }

    /// One that another process started there; it is not stopped when this value is dropped.
    ///
    /// # Errors
    /// When none runs there.
    pub fn attach(dir: &Path) -> Result<Rabbit, Error> {
        let here = |cause| Error::while_doing(format!("no RabbitMQ in {}", dir.display()), cause);
        let dir = dir.canonicalize().map_err(here)?;
        let notes = Notes::read(&dir)?;
        let rabbit = Rabbit::of(dir, notes, None);
        rabbit
            .pid()
            .map(|_| ())
            .ok_or_else(|| Error::new(format!("no RabbitMQ runs in {}", rabbit.dir.display())))?;
        Ok(rabbit)
    }

    fn of(dir: PathBuf, notes: Notes, keeper: Option<Keeper>) -> Rabbit {
        let (node, epmd) = (Process::found(&dir, "rabbit"), Process::found(&dir, "epmd"));
        Rabbit { dir, notes, node, epmd, owned: keeper.is_some(), keeper }
    }

    /// Everything but the processes: ports drawn and passwords made (both kept from an earlier start), files written.
    fn prepared(dir: &Path, configuration: &str) -> Result<Rabbit, Error> {
        let mut notes = Notes::read(dir).unwrap_or_default();
        if notes.text("password").is_err() {
            notes.set("password", random_hex::<16>()?);
        }
        Rabbit::end_what_is_left(dir);
        notes.keep_or_draw_ports(&["amqp", "management", "prometheus", "distribution", "epmd"])?;
        notes.write(dir)?;
        command::write_files(dir, &notes, configuration)?;
        Ok(Rabbit::of(dir.to_owned(), notes, Some(Keeper::over(dir)?)))
    }

    fn boot(&mut self) -> Result<(), Error> {
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &self.notes.port("epmd")?.to_string()]);
        self.epmd = Process::start(&self.dir, "epmd", &mut epmd)?;
        self.node = Process::start(&self.dir, "rabbit", &mut command::server(&self.dir, &self.notes)?)?;
        let mut ended = false;
        let ready = within(BOOT, || {
            ended = self.node.wait_gone(Duration::ZERO);
            ended || self.is_ready()
        });
        if ready && !ended {
            return Ok(());
        }
        let why = if ended { "ended while booting" } else { "was not ready in time" };
        let (out, log) = (self.dir.join("rabbit.out"), self.dir.join("log/rabbit.log"));
        Err(Error::new(format!(
            "RabbitMQ in {} {why}:\n{}\n{}",
            self.dir.display(),
            tail(&out, 12),
            tail(&log, 12)
        )))
    }

    /// It answers on all three ports: over AMQP with its greeting, because the port alone opens earlier.
    fn is_ready(&self) -> bool {
        let greets = || -> Option<bool> {
            let mut stream = connect(self.port())?;
            stream.write_all(b"AMQP\0\0\x09\x01").ok()?;
            let mut first = [0];
            stream.read_exact(&mut first).ok()?;
            Some(first == [1]) // a method frame: connection.start
        };
        connect(self.prometheus_port()).is_some()
            && self.api("GET", "/api/overview", "").is_ok()
            && greets() == Some(true)
    }

    fn met_a_taken_port(&self) -> bool {
        let said = format!(
            "{}{}",
            tail(&self.dir.join("rabbit.out"), 60),
            tail(&self.dir.join("log/rabbit.log"), 200)
        );
        ["eaddrinuse", "in use by another", "address in use", "already in use"]
            .iter()
            .any(|word| said.contains(word))
    }

    /// The pid of the Erlang VM, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.node.pid()
    }

    /// The AMQP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.notes.port("amqp").unwrap_or_default()
    }

    /// The port of the management API and page.
    #[must_use]
    pub fn management_port(&self) -> u16 {
        self.notes.port("management").unwrap_or_default()
    }

    /// The port of `/metrics`.
    #[must_use]
    pub fn prometheus_port(&self) -> u16 {
        self.notes.port("prometheus").unwrap_or_default()
    }

    /// `amqp://admin:...@127.0.0.1:port/vhost`
    #[must_use]
    pub fn admin_url(&self, vhost: &str) -> String {
        format!("amqp://{ADMIN}:{}@127.0.0.1:{}/{}", self.password(), self.port(), segment(vhost))
    }

    /// `http://admin:...@127.0.0.1:port`
    #[must_use]
    pub fn management_url(&self) -> String {
        format!("http://{ADMIN}:{}@127.0.0.1:{}", self.password(), self.management_port())
    }

    fn password(&self) -> &str {
        self.notes.text("password").unwrap_or_default()
    }

    /// A request to the management API, e.g. `("GET", "/api/queues/vhost", "")`; answers the body.
    ///
    /// # Errors
    /// Any answer but a success.
    pub fn api(&self, method: &str, path: &str, body: &str) -> Result<String, Error> {
        let (status, answer) = request(self.management_port(), ADMIN, self.password(), method, path, body)?;
        if !(200..300).contains(&status) {
            return Err(Error::new(format!("{method} {path} answered {status}: {answer}")));
        }
        Ok(answer)
    }

    /// Makes a vhost, with all rights for the administrator.
    ///
    /// # Errors
    /// When the management API refuses.
    pub fn add_vhost(&self, name: &str) -> Result<(), Error> {
        let name = segment(name);
        self.api("PUT", &format!("/api/vhosts/{name}"), "{}")?;
        let all = r#"{"configure":".*","write":".*","read":".*"}"#;
        self.api("PUT", &format!("/api/permissions/{name}/{ADMIN}"), all).map(|_| ())
    }

    /// Deletes a vhost with everything in it.
    ///
    /// # Errors
    /// When the management API refuses.
    pub fn delete_vhost(&self, name: &str) -> Result<(), Error> {
        self.api("DELETE", &format!("/api/vhosts/{}", segment(name)), "").map(|_| ())
    }

    /// Makes a user (or sets the password of one) with these rights on a vhost: regular expressions over resource names.
    ///
    /// # Errors
    /// When the management API refuses.
    #[expect(
        clippy::too_many_arguments,
        reason = "the three rights are what RabbitMQ calls them, in its order"
    )]
    pub fn add_user(
        &self,
        vhost: &str,
        user: &str,
        password: &str,
        configure: &str,
        write: &str,
        read: &str,
    ) -> Result<(), Error> {
        let made = format!(r#"{{"password":{},"tags":""}}"#, json(password));
        self.api("PUT", &format!("/api/users/{}", segment(user)), &made)?;
        let (configure, write, read) = (json(configure), json(write), json(read));
        let rights = format!(r#"{{"configure":{configure},"write":{write},"read":{read}}}"#);
        let path = format!("/api/permissions/{}/{}", segment(vhost), segment(user));
        self.api("PUT", &path, &rights).map(|_| ())
    }

    /// `rabbitmqctl` on this node (1 to 2 s a call); answers what it printed.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn ctl(&self, words: &[&str]) -> Result<String, Error> {
        let mut command = command::tool("rabbitmqctl", &self.dir, &self.notes)?;
        let answer = command.arg("--quiet").args(words).output();
        let answer = answer.map_err(|cause| Error::while_doing("rabbitmqctl", cause))?;
        if !answer.status.success() {
            let said = [answer.stdout, answer.stderr].concat();
            return Err(Error::while_doing(
                format!("rabbitmqctl {}", words.join(" ")),
                String::from_utf8_lossy(&said),
            ));
        }
        Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    /// SIGKILL of the node, as a power cut; gone when this returns.
    pub fn kill(&mut self) {
        self.node.end("KILL", Duration::from_secs(10));
    }

    /// Stops it where it stands, connections open: a black hole. Undone by [`Rabbit::thaw`].
    pub fn freeze(&self) {
        self.node.signal("STOP");
    }

    /// Lets a frozen node go on.
    pub fn thaw(&self) {
        self.node.signal("CONT");
    }

    /// The disk alarm: publishers are blocked while it is on.
    ///
    /// # Errors
    /// When `rabbitmqctl` fails.
    pub fn disk_alarm(&self, on: bool) -> Result<(), Error> {
        self.ctl(&["set_disk_free_limit", if on { "1000000GB" } else { DISK_FREE }]).map(|_| ())
    }

    /// Starts it again after [`Rabbit::kill`] or [`Rabbit::stop`] (or kills it first), on the same ports and data. Whether it is
    /// stopped on drop stays as it was.
    ///
    /// # Errors
    /// When it does not boot.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.end_all("KILL");
        let ports =
            [self.port(), self.management_port(), self.prometheus_port(), self.notes.port("distribution")?];
        within(Duration::from_secs(10), || ports.into_iter().all(is_free));
        if self.owned && self.keeper.is_none() {
            self.keeper = Some(Keeper::over(&self.dir)?);
        }
        self.boot()
    }

    /// Stops it cleanly, with its epmd; the data stay.
    ///
    /// # Errors
    /// None today: what does not stop is killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.thaw();
        self.end_all("TERM");
        Ok(())
    }

    /// Leaves it running when this value is dropped and when this process ends.
    pub(crate) fn leave(&mut self) {
        self.owned = false;
        self.keeper = None;
    }

    /// The port mapper outlives a node that was killed, and would hold its port.
    pub(crate) fn end_what_is_left(dir: &Path) {
        if let Ok(dir) = dir.canonicalize() {
            Process::found(&dir, "epmd").end("KILL", Duration::from_secs(10));
        }
    }

    fn end_all(&mut self, signal: &str) {
        self.node.end(signal, STOP);
        self.epmd.end("KILL", Duration::from_secs(10));
        self.keeper = None;
    }
}

/// What was started here is stopped here; at once, because nobody will read its data.
impl Drop for Rabbit {
    fn drop(&mut self) {
        if self.owned {
            self.end_all("KILL");
        }
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1))
            .ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    Some(stream)
}

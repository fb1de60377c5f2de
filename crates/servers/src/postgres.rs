//! A PostgreSQL cluster of its own: TCP on loopback with a password, no sockets, `fsync` on because it gets killed.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Error;
use crate::error::tail;
use crate::free::{is_free, random_hex};
use crate::install;
use crate::notes::{Notes, create_dir, write_private};
use crate::process::{Keeper, Process, children, is_gone, send, within};

/// The superuser.
const ADMIN: &str = "postgres";
const BOOT: Duration = Duration::from_secs(60);
/// A fast shutdown writes a checkpoint.
const STOP: Duration = Duration::from_secs(30);
const TRIES: usize = 3;

/// A private PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    notes: Notes,
    server: Process,
    /// There while we are the one who stops it.
    keeper: Option<Keeper>,
    owned: bool,
    /// Its data began with this value, so they may end with it.
    made: bool,
}

impl Postgres {
    /// Makes a cluster in a directory of its own (or uses the one made there earlier, on the port that it had if that is
    /// free), starts it and waits until it is ready.
    /// As root it runs as the user `postgres`, because PostgreSQL refuses root.
    ///
    /// # Errors
    /// When it is not installed or does not start; with the end of its log.
    pub fn start(dir: &Path) -> Result<Postgres, Error> {
        Postgres::start_with(dir, "")
    }

    /// The same with lines added to its `postgresql.conf`.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_with(dir: &Path, configuration: &str) -> Result<Postgres, Error> {
        install::postgres()?;
        create_dir(dir)?;
        let dir = dir.canonicalize().map_err(|cause| Error::while_doing(dir.display(), cause))?;
        let mut last = Error::new("PostgreSQL was not started");
        for _ in 0..TRIES {
            let mut postgres = Postgres::prepared(&dir, configuration)?;
            match postgres.boot() {
                Ok(()) => return Ok(postgres),
                Err(error) => last = error,
            }
            // The port, or the memory that the last processes of a killed server still hold for a moment.
            let said = tail(&dir.join("postgres.out"), 40);
            let again = said.contains("Address already in use") || said.contains("is still in use");
            postgres.end("KILL");
            if !again {
                break;
            }
        }
        Err(last)
    }

    /// One that another process started there; it is not stopped when this value is dropped.
    ///
    /// # Errors
    /// When none runs there.
    pub fn attach(dir: &Path) -> Result<Postgres, Error> {
        let here = |cause| Error::while_doing(format!("no PostgreSQL in {}", dir.display()), cause);
        let dir = dir.canonicalize().map_err(here)?;
        let notes = Notes::read(&dir)?;
        let found = Postgres::of(&dir, notes, false);
        found
            .pid()
            .map(|_| ())
            .ok_or_else(|| Error::new(format!("no PostgreSQL runs in {}", found.dir.display())))?;
        Ok(found)
    }

    fn of(dir: &Path, notes: Notes, owned: bool) -> Postgres {
        let server = Process::found(dir, "postgres");
        Postgres { server, dir: dir.to_owned(), notes, keeper: None, owned, made: false }
    }

    /// Whether data kept for this directory are in it. They are not when we are root and the user `postgres` cannot get
    /// there: then they are among the temporary files, which a machine may delete when it boots.
    #[must_use]
    pub fn keeps_data_in(dir: &Path) -> bool {
        !install::is_root() || dir.ancestors().filter(|above| above.exists()).all(passable)
    }

    fn prepared(dir: &Path, configuration: &str) -> Result<Postgres, Error> {
        let mut notes = Notes::read(dir).unwrap_or_default();
        if notes.text("password").is_err() {
            notes.set("password", random_hex::<16>()?);
            notes.set("data", data_directory(dir)?.display());
        }
        notes.keep_or_draw_ports(&["port"])?;
        notes.write(dir)?;
        let mut postgres = Postgres::of(dir, notes, true);
        if !postgres.data()?.join("PG_VERSION").exists() {
            postgres.made = true;
            postgres.init()?;
        }
        postgres.configure(configuration)?;
        postgres.keeper = Some(Keeper::over(dir)?);
        Ok(postgres)
    }

    fn data(&self) -> Result<PathBuf, Error> {
        self.notes.text("data").map(PathBuf::from)
    }

    fn init(&self) -> Result<(), Error> {
        let data = self.data()?;
        let password = data.with_extension("password");
        write_private(&password, self.password())?;
        give_to_server(&password)?;
        let mut initdb = as_server(&self.bin("initdb"))?;
        initdb.args([
            "--username",
            ADMIN,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ]);
        initdb.args(["--no-sync", "--no-instructions", "--pwfile"]).arg(&password).arg("--pgdata").arg(&data);
        let answer = initdb.output().map_err(|cause| Error::while_doing("initdb", cause))?;
        let _ = fs::remove_file(&password);
        if !answer.status.success() {
            return Err(Error::while_doing("initdb", String::from_utf8_lossy(&answer.stderr)));
        }
        Ok(())
    }

    fn configure(&self, more: &str) -> Result<(), Error> {
        let conf = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
             max_connections = 200\nshared_buffers = 128MB\nfsync = on\nsynchronous_commit = on\n\
             logging_collector = off\nlog_lock_waits = on\nlog_line_prefix = '%m [%p] %u@%d '\n{more}\n",
            port = self.port()
        );
        // Read after `postgresql.conf`, and before what `ALTER SYSTEM` wrote.
        let data = self.data()?;
        let include = data.join("seatshift.conf");
        write_private(&include, &conf)?;
        give_to_server(&include)?;
        let main = data.join("postgresql.conf");
        let failed = |cause| Error::while_doing(format!("{}", main.display()), cause);
        let text = fs::read_to_string(&main).map_err(failed)?;
        if !text.contains("include 'seatshift.conf'") {
            fs::write(&main, text + "\ninclude 'seatshift.conf'\n").map_err(failed)?;
        }
        Ok(())
    }

    fn boot(&mut self) -> Result<(), Error> {
        let mut server = as_server(&self.bin("postgres"))?;
        server.arg("-D").arg(self.data()?);
        self.server = Process::start(&self.dir, "postgres", &mut server)?;
        let mut ended = false;
        let ready = within(BOOT, || {
            ended = self.server.wait_gone(Duration::ZERO);
            ended || self.is_ready()
        });
        if ready && !ended {
            return Ok(());
        }
        let why = if ended { "ended while starting" } else { "was not ready in time" };
        let said = tail(&self.dir.join("postgres.out"), 12);
        Err(Error::new(format!("PostgreSQL in {} {why}:\n{said}", self.dir.display())))
    }

    /// The port opens before recovery is done; a statement is what tells.
    fn is_ready(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
            && self.query(ADMIN, "select 1").is_ok()
    }

    /// The pid of the postmaster, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.notes.port("port").unwrap_or_default()
    }

    /// `postgres://postgres:...@127.0.0.1:port/database`
    #[must_use]
    pub fn admin_url(&self, database: &str) -> String {
        format!("postgres://{ADMIN}:{}@127.0.0.1:{}/{database}", self.password(), self.port())
    }

    fn password(&self) -> &str {
        self.notes.text("password").unwrap_or_default()
    }

    /// One of its programs: `pg_test_fsync`, `pgbench`, ...
    #[must_use]
    pub fn bin(&self, tool: &str) -> PathBuf {
        install::postgres().unwrap_or_default().join(tool)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        self.query(ADMIN, &format!("create database \"{name}\"")).map(|_| ())
    }

    /// Makes a database as a copy of another, to which nobody may be connected.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn copy_database(&self, name: &str, template: &str) -> Result<(), Error> {
        self.query(ADMIN, &format!("create database \"{name}\" template \"{template}\"")).map(|_| ())
    }

    /// Deletes a database and throws out whoever is connected to it.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.query(ADMIN, &format!("drop database if exists \"{name}\" with (force)")).map(|_| ())
    }

    /// One statement as superuser; answers rows as lines, columns separated by `|`.
    ///
    /// # Errors
    /// When the statement fails; with what the server said.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, Error> {
        answered(self.psql(database).args(["-At", "-c", sql])).map(|text| text.trim_end().to_owned())
    }

    /// The whole database as SQL.
    ///
    /// # Errors
    /// When `pg_dump` fails.
    pub fn dump(&self, database: &str) -> Result<String, Error> {
        answered(self.client("pg_dump", database).args(["--no-owner", "--no-comments"]))
    }

    /// Runs an SQL script, e.g. a dump, in one transaction.
    ///
    /// # Errors
    /// When a statement of it fails; nothing of it is done then.
    pub fn load(&self, database: &str, sql: &str) -> Result<(), Error> {
        let script = self.dir.join(format!("{}.sql", random_hex::<8>()?));
        write_private(&script, sql)?;
        let loaded = answered(self.psql(database).arg("--single-transaction").arg("-f").arg(&script));
        let _ = fs::remove_file(&script);
        loaded.map(|_| ())
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = self.client("psql", database);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    fn client(&self, tool: &str, database: &str) -> Command {
        let mut client = Command::new(self.bin(tool));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            client.env_remove(name);
        }
        client.env("PGPASSWORD", self.password()).env("PGCONNECT_TIMEOUT", "10");
        client.args(["-h", "127.0.0.1", "-p", &self.port().to_string(), "-U", ADMIN, "-d", database]);
        client
    }

    /// SIGKILL of the whole server, as a power cut; every process of it is gone when this returns.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// Stops it where it stands, connections open. Undone by [`Postgres::thaw`].
    pub fn freeze(&self) {
        send("STOP", &self.processes());
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        send("CONT", &self.processes());
    }

    fn processes(&self) -> Vec<u32> {
        self.pid().map(|pid| [vec![pid], children(pid)].concat()).unwrap_or_default()
    }

    /// Starts it again after [`Postgres::kill`] or [`Postgres::stop`] (or stops it first), on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.end("INT");
        let port = self.port();
        within(Duration::from_secs(10), || is_free(port));
        if self.owned && self.keeper.is_none() {
            self.keeper = Some(Keeper::over(&self.dir)?);
        }
        self.boot()
    }

    /// Stops it: connections are cut, what was committed is written; the data stay.
    ///
    /// # Errors
    /// None today: what does not stop is killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.thaw();
        self.end("INT");
        Ok(())
    }

    /// Leaves it running when this value is dropped and when this process ends.
    pub(crate) fn leave(&mut self) {
        self.owned = false;
        self.keeper = None;
    }

    /// Deletes the data of a stopped server, where they had to be put outside of its directory.
    pub(crate) fn remove_data_outside(dir: &Path) {
        let data = Notes::read(dir).and_then(|notes| notes.text("data").map(PathBuf::from));
        if let Ok(data) = data
            && let Some(home) = data.parent().filter(|home| dir.canonicalize().is_ok_and(|dir| dir != *home))
        {
            let _ = fs::remove_dir_all(home);
            let _ = fs::remove_file(dir.join(crate::notes::FILE));
        }
    }

    fn end(&mut self, signal: &str) {
        let others: Vec<u32> = self.pid().map(children).unwrap_or_default();
        if signal == "KILL" {
            send("KILL", &self.processes());
        }
        self.server.end(signal, STOP);
        // A new postmaster refuses to start while one process of the old one is attached to its memory.
        if !within(Duration::from_secs(10), || others.iter().all(|pid| is_gone(*pid))) {
            send("KILL", &others);
        }
        self.keeper = None;
    }
}

/// What was started here is stopped here; at once, because nobody will read its data. Data that were there before stay.
impl Drop for Postgres {
    fn drop(&mut self) {
        if self.owned {
            self.end("KILL");
            if self.made {
                Postgres::remove_data_outside(&self.dir);
            }
        }
    }
}

/// Where the cluster's files go: into the server's directory, or, when we are root and the user `postgres` cannot get there
/// (a checkout in root's home), into one of its own among the temporary files.
fn data_directory(dir: &Path) -> Result<PathBuf, Error> {
    if !install::is_root() {
        return Ok(dir.join("data"));
    }
    let mut home = dir.to_owned();
    let open = fs::Permissions::from_mode(0o711);
    fs::set_permissions(dir, open).map_err(|cause| Error::while_doing(dir.display(), cause))?;
    if !dir.ancestors().all(passable) {
        home = std::env::temp_dir().join(format!("seatshift-postgres-{}", random_hex::<6>()?));
        create_dir(&home)?;
    }
    let data = home.join("data");
    create_dir(&data)?;
    give_to_server(&data)?;
    Ok(data)
}

/// Whether anybody may go through this directory.
fn passable(above: &Path) -> bool {
    fs::metadata(above).is_ok_and(|it| it.permissions().mode() & 0o001 != 0)
}

/// Who PostgreSQL runs as: `None` is ourselves.
fn server_user() -> Result<Option<(u32, u32)>, Error> {
    if !install::is_root() {
        return Ok(None);
    }
    let users =
        fs::read_to_string("/etc/passwd").map_err(|cause| Error::while_doing("/etc/passwd", cause))?;
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == "postgres");
    let ids = fields.and_then(|user| Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?)));
    ids.map(Some)
        .ok_or_else(|| Error::new("PostgreSQL refuses to run as root, and there is no user `postgres`"))
}

fn give_to_server(path: &Path) -> Result<(), Error> {
    match server_user()? {
        None => Ok(()),
        Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(|cause| {
            Error::while_doing(format!("giving {} to the user postgres", path.display()), cause)
        }),
    }
}

fn as_server(program: &Path) -> Result<Command, Error> {
    let mut command = Command::new(program);
    if let Some((user, group)) = server_user()? {
        command.uid(user).gid(group);
    }
    // A directory it may not enter, as the current one, ends it.
    command.current_dir("/").env_remove("PGDATA").env("LC_ALL", "C.UTF-8");
    Ok(command)
}

fn answered(command: &mut Command) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let answer = command.output().map_err(|cause| Error::while_doing(&program, cause))?;
    if !answer.status.success() {
        return Err(Error::while_doing(program, String::from_utf8_lossy(&answer.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

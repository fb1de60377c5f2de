//! The distributed mode as a whole: real RabbitMQ, real PostgreSQL, the simulator and any number of each service, each a
//! process of its own, on one machine.
//!
//! What is harmed here is harmed from outside: processes are killed, servers are frozen, connections are cut. What must never
//! happen here: a question to a service's inside that an operator could not ask too, but for the judge's look at the servers.

mod alone;
mod figures;
mod history;
mod judge;
mod operator;
pub mod process;
mod proxy;
mod simulated;
mod snapshot;
mod uniform;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use seatshift_messages::Service;
use seatshift_servers::{Postgres, Rabbit, Shared};
use seatshift_simulator::world::World;
use serde_json::Value;
use tempfile::TempDir;

pub use alone::Alone;
pub use figures::Figures;
pub use history::History;
pub use judge::Judged;
pub use operator::{Operator, Ran};
use process::{Process, until};
pub use proxy::Proxy;
pub use simulated::Simulated;
pub use uniform::uniform;
pub use usage::{Meter, Usage, family_cpu_seconds};

/// What is brought up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Customers of the world, and the seed that it and its faults are made from.
    pub customers: usize,
    pub seed: u64,
    /// `none`, `light`, `hostile`.
    pub faults: String,
    /// A world of its own, in place of a generated one.
    pub world: Option<World>,
    /// Simulated seconds in a real one.
    pub scale: u32,
    /// Processes of each service.
    pub replicas: usize,
    /// Connections to broker and database go through proxies.
    pub proxied: bool,
    /// Lines added to PostgreSQL's configuration.
    pub postgres: String,
    /// More of the services' configuration: `RUN__MAX_IN_FLIGHT` and its value.
    pub settings: Vec<(String, String)>,
}

impl Options {
    pub fn new(seed: u64, customers: usize, faults: &str) -> Options {
        Options {
            customers,
            seed,
            faults: faults.to_owned(),
            world: None,
            scale: 600,
            replicas: 2,
            proxied: false,
            postgres: String::new(),
            settings: Vec::new(),
        }
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Options {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// Name of the virtual host and of the database.
const NAME: &str = "seatshift";
/// Passwords of a system that lives as long as a test.
const PASSWORD: &str = "only-on-loopback";
/// The operator's token.
const TOKEN: &str = "operator-token-of-a-test";
/// For a process to start, be asked, or stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running system. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // Stopped in this order.
    services: BTreeMap<(Service, usize), Process>,
    pub simulated: Simulated,
    pub proxies: Option<Proxies>,
    pub rabbit: Rabbit,
    pub postgres: Postgres,
    control_port: u16,
    /// Events from before a take-over.
    earlier: History,
    options: Options,
    folder: TempDir,
}

/// The ways to the servers.
#[derive(Debug)]
pub struct Proxies {
    pub rabbit: Proxy,
    pub postgres: Proxy,
}

impl Cluster {
    /// Brings everything up, and waits until it is ready.
    pub fn start(options: Options) -> Cluster {
        let mut cluster = Cluster::bring_up(options);
        cluster.prepare();
        cluster.start_services();
        cluster
    }

    /// The servers, with nothing in them but an empty database and virtual host, and the simulator.
    fn bring_up(options: Options) -> Cluster {
        eprintln!("cluster: {:?}", Options { world: None, ..options.clone() });
        let folder = tempfile::tempdir().expect("a folder");
        let Shared { rabbit, postgres } =
            Shared::start_with(folder.path(), &options.postgres).unwrap_or_else(|error| panic!("{error}"));
        let proxies = options.proxied.then(|| Proxies {
            rabbit: Proxy::to(rabbit.port()).expect("a way to the broker"),
            postgres: Proxy::to(postgres.port()).expect("a way to the database"),
        });
        let simulated = Simulated::serve(folder.path(), &options);
        let control_port = free_port();
        let services = BTreeMap::new();
        let earlier = History::default();
        let cluster = Cluster {
            services,
            simulated,
            proxies,
            rabbit,
            postgres,
            control_port,
            earlier,
            options,
            folder,
        };
        cluster.postgres.create_database(NAME).expect("a database");
        cluster.rabbit.add_vhost(NAME).expect("a virtual host");
        cluster
    }

    fn start_services(&mut self) {
        for service in Service::ALL {
            for replica in 0..self.options.replicas {
                self.start_replica(service, replica);
            }
        }
        self.until_ready();
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn scale(&self) -> u32 {
        self.options.scale
    }

    fn prepare(&self) {
        let mut prepare = process::command("seatshift-control", self.folder());
        prepare
            .args(["--config", "seatshift.toml", "--prepare-database"])
            .env("SEATSHIFT__DATABASE__ADMIN_URL", self.postgres.admin_url(NAME));
        for service in Service::ALL {
            prepare.env(format!("SEATSHIFT__DATABASE__{}_PASSWORD", service.name().to_uppercase()), PASSWORD);
        }
        let done = prepare.output().expect("control runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        for service in Service::ALL {
            let rights = seatshift_bus::rights(service);
            self.rabbit
                .add_user(NAME, service.name(), PASSWORD, &rights.configure, &rights.write, &rights.read)
                .expect("a user of the broker");
        }
    }

    /// Starts one process of a service.
    pub fn start_replica(&mut self, service: Service, replica: usize) {
        let name = format!("{service}-{replica}");
        let command = self.service(service, replica);
        let process = Process::start(&name, command, self.folder()).expect("a service starts");
        self.services.insert((service, replica), process);
    }

    fn service(&self, service: Service, replica: usize) -> Command {
        let name = service.name();
        let (broker, database) = match &self.proxies {
            Some(proxies) => (proxies.rabbit.port(), proxies.postgres.port()),
            None => (self.rabbit.port(), self.postgres.port()),
        };
        let mut command = process::command(&format!("seatshift-{name}"), self.folder());
        command.args(["--config", "seatshift.toml"]);
        let set = [
            ("DATABASE__URL", format!("postgres://seatshift_{name}@127.0.0.1:{database}/{NAME}")),
            ("DATABASE__PASSWORD", PASSWORD.to_owned()),
            ("BROKER__URL", format!("amqp://{name}@127.0.0.1:{broker}/{NAME}")),
            ("BROKER__PASSWORD", PASSWORD.to_owned()),
            ("SERVICE__LISTEN", "127.0.0.1:0".to_owned()),
            ("PARTNER_CENTER__CALL_SECONDS", "10".to_owned()),
            ("TELEMETRY__FORMAT", "json".to_owned()),
            // The first one, as a person's login would bring it; from then on it is in the database.
            (
                "PARTNER_CENTER__REFRESH_TOKEN",
                std::fs::read_to_string(self.path("refresh-token")).unwrap_or_default(),
            ),
        ];
        for (key, value) in set {
            command.env(format!("SEATSHIFT__{key}"), value);
        }
        if service == Service::Control {
            // The first replica has the address that the operator knows.
            let port = if replica == 0 { self.control_port } else { 0 };
            command.env("SEATSHIFT__CONTROL__LISTEN", format!("127.0.0.1:{port}"));
            command.env("SEATSHIFT__CONTROL__TOKEN", TOKEN);
        }
        for (key, value) in &self.options.settings {
            command.env(format!("SEATSHIFT__{key}"), value);
        }
        command
    }

    /// One running process.
    pub fn replica(&mut self, service: Service, replica: usize) -> &mut Process {
        self.services.get_mut(&(service, replica)).expect("a replica that was started")
    }

    /// SIGKILL, and starts it again.
    pub fn kill_and_restart(&mut self, service: Service, replica: usize) {
        self.replica(service, replica).kill();
        self.start_replica(service, replica);
    }

    /// All running processes of services.
    pub fn services(&self) -> impl Iterator<Item = &Process> {
        self.services.values()
    }

    /// The name of a service that is no longer there though nobody has stopped it.
    pub fn ended(&self) -> Option<&str> {
        // Ended, and not waited for yet, it is a zombie; what was killed on purpose was waited for.
        let gone = |process: &&Process| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|state| state.starts_with('Z'))
        };
        self.services().find(gone).map(|process| process.name.as_str())
    }

    /// Waits until every service says that it is ready.
    pub fn until_ready(&mut self) {
        let keys: Vec<(Service, usize)> = self.services.keys().copied().collect();
        for (service, replica) in keys {
            self.until_replica_ready(service, replica);
        }
    }

    /// Waits until this one says that it is ready.
    pub fn until_replica_ready(&mut self, service: Service, replica: usize) {
        let process = self.replica(service, replica);
        let name = process.name.clone();
        let mut why = String::from("it does not say where it listens");
        let ready = std::cell::RefCell::new(String::new());
        until(
            PATIENCE,
            || format!("{name} to be ready: {}", ready.borrow()),
            || {
                if let Some(ended) = process.ended() {
                    panic!("{name} has ended ({ended}):\n{}", process.log());
                }
                match health_address(&process.log()).map(|address| http(&address, "GET", "/readyz", &[], ""))
                {
                    Some(Ok((200, _))) => return Some(()),
                    Some(Ok((status, body))) => why = format!("{status} {body}"),
                    Some(Err(error)) => why = error.to_string(),
                    None => {}
                }
                ready.borrow_mut().clone_from(&why);
                None
            },
        );
    }

    /// A page of a replica's health server: `/metrics`.
    pub fn page(&mut self, service: Service, replica: usize, path: &str) -> String {
        let log = self.replica(service, replica).log();
        let address = health_address(&log).expect("it says where it listens");
        http(&address, "GET", path, &[], "").expect("it answers").1
    }
}

/// Where a service's log says that its health server listens; the last time, if it was started again.
fn health_address(log: &str) -> Option<String> {
    log.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let health = line.get("health").or_else(|| line.get("fields")?.get("health"))?;
        Some(health.as_str()?.trim_start_matches("http://").to_owned())
    })
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// One request, one answer: status and body.
pub fn http(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<(u16, String)> {
    use std::io::{Error, Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    });
    parts.ok_or_else(|| Error::other(format!("this is no answer: {answer}")))
}

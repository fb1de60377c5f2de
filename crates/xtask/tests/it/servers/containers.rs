//! Each container's command with its environment, as a plain process: what Docker would do, but for the network and the walls.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seatshift_servers::{Postgres, free_ports};
use serde_json::Value;

use super::{broker, programs, rest};
use crate::files::{Dir, compose, compose_commands, texts, xtask};

/// Boots and first connections, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_container_comes_up_becomes_healthy_and_drains() {
    let dir = Dir::of("containers");
    let (secrets, config) = (dir.0.join("secrets"), dir.0.join("config"));
    fs::create_dir_all(&config).unwrap();
    xtask(&["secrets", "--dir", secrets.to_str().unwrap()]);
    let rabbit = broker(&dir.0.join("rabbitmq"), &secrets);
    let postgres = Postgres::start(&dir.0.join("postgresql")).unwrap();
    postgres.create_database("seatshift").unwrap();

    let compose = compose();
    let mut network = Network::default();
    network.add("/run/secrets", secrets.to_str().unwrap());
    network.add("/config", config.to_str().unwrap());
    network.add("@rabbitmq:5672", &format!("@127.0.0.1:{}", rabbit.port()));
    network.add("@postgres:5432", &format!("@127.0.0.1:{}", postgres.port()));
    // The cluster has a password and an address of its own here.
    let admin_url = fs::read_to_string(secrets.join("database-admin-url")).unwrap();
    let made = fs::read_to_string(secrets.join("postgres-password")).unwrap();
    assert_eq!(admin_url.trim(), format!("postgres://postgres:{made}@postgres:5432/seatshift"));
    fs::write(secrets.join("database-admin-url"), postgres.admin_url("seatshift")).unwrap();
    let ports = free_ports(6).unwrap();
    let numbers = ports.numbers();
    drop(ports);
    network.add("0.0.0.0:8080", &format!("127.0.0.1:{}", numbers[0]));
    network.add("simulator:8080", &format!("127.0.0.1:{}", numbers[0]));
    network.add("/127.0.0.1/8080", &format!("/127.0.0.1/{}", numbers[0]));

    let simulator = Container::of("simulator", &compose["services"]["simulator"], &network);
    let running = simulator.start(&dir.0);
    simulator.wait_healthy();
    let prepare = Container::of("prepare", &compose["services"]["prepare"], &network);
    for time in ["once", "again"] {
        let ended = prepare.start(&dir.0).0.wait().unwrap();
        assert!(ended.success(), "preparing the database {time}: {}", prepare.log(&dir.0));
    }

    let written = files(&config);
    let services: Vec<(Container, Running)> = ["control", "purchase", "reassignment", "suspension"]
        .into_iter()
        .zip(&numbers[1..])
        .map(|(service, port)| {
            let mut network = network.clone();
            network.add("0.0.0.0:9100", &format!("127.0.0.1:{port}"));
            network.add("/127.0.0.1/9100", &format!("/127.0.0.1/{port}"));
            network.add("0.0.0.0:9180", &format!("127.0.0.1:{}", numbers[5]));
            let container = Container::of(service, &compose["services"][service], &network);
            let running = container.start(&dir.0);
            (container, running)
        })
        .collect();
    for (container, _) in &services {
        container.wait_healthy_or(|| container.log(&dir.0));
    }
    operate(&dir.0, &secrets, numbers[5]);
    for (container, mut running) in services {
        assert!(
            running.stop().success(),
            "{} did not end cleanly: {}",
            container.name,
            container.log(&dir.0)
        );
    }
    assert_eq!(
        files(&config),
        written,
        "a service wrote to its file system, which is read-only in a container"
    );
    drop(running);
}

/// What the head of the Compose file tells a person to type, word for word, from a checkout with its programs built.
fn operate(dir: &Path, secrets: &Path, control: u16) {
    let checkout = dir.join("checkout");
    fs::create_dir_all(checkout.join("target")).unwrap();
    fs::create_dir_all(checkout.join("deploy")).unwrap();
    std::os::unix::fs::symlink(programs(), checkout.join("target/release")).unwrap();
    std::os::unix::fs::symlink(secrets, checkout.join("deploy/secrets")).unwrap();

    let commands = compose_commands();
    let (before, typed) = commands.split_at(3);
    assert_eq!(
        before,
        ["cargo xtask secrets", "docker compose up --build --detach", "cargo build --release"]
    );
    // 3: some row waits for a person's decision, as in every world of the simulator.
    let checked =
        |command: &String| format!("{command}\nended=$?; test $ended -eq 0 -o $ended -eq 3 || exit $ended\n");
    let script: String = typed.iter().map(checked).collect();
    let script = script.replace("127.0.0.1:9180", &format!("127.0.0.1:{control}"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(&checkout).env_clear().env("PATH", "/usr/bin:/bin");
    let answer = shell.output().unwrap();
    let said =
        [answer.stdout, answer.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).join("\n");
    assert!(answer.status.success(), "{}: {said}", answer.status);
    let completed =
        said.lines().filter_map(|line| line.strip_suffix(" completed")?.trim().parse::<u32>().ok());
    assert!(completed.max() > Some(10), "next to nothing was moved: {said}");
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What an address or a path inside a container is outside of it.
#[derive(Clone, Default)]
struct Network(Vec<(String, String)>);

impl Network {
    fn add(&mut self, inside: &str, outside: &str) {
        self.0.push((inside.to_owned(), outside.to_owned()));
    }

    fn outside(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (inside, outside)| text.replace(inside, outside))
    }
}

struct Container {
    name: String,
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    health: Vec<String>,
}

impl Container {
    fn of(name: &str, body: &Value, network: &Network) -> Container {
        let outside =
            |texts: Vec<&str>| texts.into_iter().map(|text| network.outside(text)).collect::<Vec<_>>();
        // The image's entry point is its program.
        let program = programs().join(body["build"]["args"]["SERVICE"].as_str().unwrap());
        let mut command = vec![program.to_str().unwrap().to_owned()];
        command.extend(outside(texts(&body["command"])));
        let told = body["environment"].as_object().into_iter().flatten();
        let environment: BTreeMap<String, String> =
            told.map(|(key, value)| (key.clone(), network.outside(value.as_str().unwrap()))).collect();
        let health = outside(texts(&body["healthcheck"]["test"]).into_iter().skip(1).collect());
        Container { name: name.to_owned(), command, environment, health }
    }

    fn start(&self, dir: &Path) -> Running {
        let log = fs::File::create(dir.join(format!("{}.log", self.name))).unwrap();
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).env_clear().envs(&self.environment).current_dir(dir.join("config"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Running(command.spawn().unwrap())
    }

    fn log(&self, dir: &Path) -> String {
        fs::read_to_string(dir.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    fn wait_healthy(&self) {
        self.wait_healthy_or(String::new);
    }

    fn wait_healthy_or(&self, log: impl Fn() -> String) {
        let begun = Instant::now();
        let healthy = || {
            let mut check = Command::new(&self.health[0]);
            check
                .args(&self.health[1..])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        while !healthy() {
            assert!(begun.elapsed() < PATIENCE, "{} does not become healthy: {}", self.name, log());
            rest();
        }
    }
}

/// A process that ends with the test, however that ends.
struct Running(Child);

impl Running {
    /// As `docker stop`: told, and given the time that the file gives it.
    fn stop(&mut self) -> std::process::ExitStatus {
        Command::new("kill").args(["-s", "TERM", &self.0.id().to_string()]).status().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it would have been killed");
            rest();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! `cargo xtask stack`, from up to down.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use seatshift_servers::{Postgres, Shared};

use crate::files::{Dir, refused, xtask};

use super::programs;

#[test]
fn a_stack_comes_up_takes_commands_loses_a_process_and_goes_down() {
    let dir = Dir::of("stack");
    let (place, programs) = (dir.0.join("stack"), programs());
    let (place, binaries) = (place.to_str().unwrap(), programs.to_str().unwrap());
    let up = ["stack", "up", "--dir", place, "--binaries", binaries, "--customers", "3", "--faults", "none"];
    let down = Down(place);
    let told = xtask(&[&up[..], &["--replicas", "purchase=2"]].concat());
    assert!(told.contains("purchase-2") && told.contains("plan"), "{told}");
    assert!(told.contains(&format!("cargo xtask stack status --dir {place}")), "{told}");

    let status = xtask(&["stack", "status", "--dir", place]);
    assert_eq!(status.lines().filter(|line| line.ends_with("ready")).count(), 8, "{status}");

    // The person's commands reach control through the file that was written for them.
    let mut seatshift = Command::new(programs.join("seatshift"));
    let asked =
        seatshift.current_dir(&dir.0).args(["--config", &format!("{place}/seatshift.toml"), "status"]);
    let answer = asked.output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));

    let killed = xtask(&["stack", "kill", "purchase-2", "--seconds", "1", "--every", "1", "--dir", place]);
    assert!(killed.contains("killed purchase-2") && killed.contains("ready again"), "{killed}");

    // Fewer replicas than before: the one too many is stopped.
    xtask(&[&up[..], &["--replicas", "purchase=1"]].concat());
    let status = xtask(&["stack", "status", "--dir", place]);
    assert!(status.contains("purchase-1") && !status.contains("purchase-2"), "{status}");

    let log = fs::read_to_string(format!("{place}/processes/purchase-2.out")).unwrap();
    assert!(log.lines().last().unwrap().contains(r#""clean":true"#), "it was not let finish: {log}");

    drop(down);
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let left = processes.filter(|entry| {
        fs::read(entry.path().join("environ"))
            .is_ok_and(|environment| String::from_utf8_lossy(&environment).contains(place))
    });
    assert_eq!(left.count(), 0, "something was left running");
}

#[test]
fn up_repairs_a_stack_and_says_what_it_does_not_change() {
    let dir = Dir::of("repair");
    let (place, binaries) = (dir.0.join("stack"), dir.0.join("binaries"));
    let [place, binaries] = [&place, &binaries].map(|path| path.to_str().unwrap());
    linked(binaries);
    let up = ["stack", "up", "--dir", place, "--binaries", binaries];
    let down = Down(place);
    xtask(&[&up[..], &["--customers", "3", "--faults", "none", "--replicas", "purchase=2"]].concat());
    let first = pids(place);
    assert_eq!(first.len(), 8, "{first:?}");

    // Another world than the one that runs is refused; the same one, and none in particular, is not.
    let other = refused(&[&up[..], &["--customers", "999", "--faults", "none"]].concat());
    assert!(other.contains("--customers 999 (it has 3)") && !other.contains("--faults none"), "{other}");

    // A database that is down says nothing about the broker, and comes back where everybody looks for it.
    let port = postgres(place).port();
    postgres(place).stop().unwrap();
    let status = refused(&["stack", "status", "--dir", place]);
    let of = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(of("rabbitmq").ends_with("ready") && of("postgresql").contains("does not run"), "{status}");
    xtask(&up);
    assert_eq!(postgres(place).port(), port);
    let second = pids(place);
    assert_eq!(without_postgres(&first), without_postgres(&second), "what ran was restarted, or is gone");

    // When its port is taken meanwhile it gets another one, and the services are told.
    postgres(place).stop().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let told = xtask(&up);
    drop(taken);
    assert_ne!(postgres(place).port(), port);
    assert!(told.contains("control-1: what it was started with"), "{told}");
    let third = pids(place);
    assert!(
        third.iter().all(|(name, pid)| second[name] != *pid || ["simulator", "rabbitmq"].contains(&&**name))
    );

    // A program that was built anew replaces the processes of the old one, and only those.
    let program = Path::new(binaries).join("seatshift-purchase");
    let built = program.canonicalize().unwrap();
    fs::remove_file(&program).unwrap();
    fs::copy(built, &program).unwrap();
    xtask(&up);
    let fourth = pids(place);
    let changed: Vec<&str> =
        fourth.iter().filter(|(name, pid)| third[*name] != **pid).map(|(name, _)| &**name).collect();
    assert_eq!(changed, ["purchase-1", "purchase-2"]);
    drop(down);
}

#[test]
fn the_record_of_real_purchases_outlives_every_up_and_down() {
    let dir = Dir::of("kept");
    let (place, config) = (dir.0.join("stack"), dir.0.join("config/seatshift.toml"));
    let (place, config, programs) = (place.to_str().unwrap(), config.to_str().unwrap(), programs());
    // For the stack this is the real one.
    let mut partner_center = Command::new(programs.join("seatshift"));
    partner_center.args([
        "simulator",
        "--customers",
        "2",
        "--listen",
        "127.0.0.1:0",
        "--write-config",
        config,
    ]);
    let _partner_center = Killed(partner_center.stdout(Stdio::null()).spawn().unwrap());
    let begun = std::time::Instant::now();
    while !Path::new(config).exists() {
        assert!(begun.elapsed().as_secs() < 60);
        super::rest();
    }

    let simulated = ["stack", "up", "--dir", place, "--binaries", programs.to_str().unwrap()];
    let real = [&simulated[..], &["--real-partner-center", "--config", config]].concat();
    let _down = Down(place);
    xtask(&real);
    postgres(place).query("seatshift", "create table bought (what text)").unwrap();
    assert!(refused(&simulated).contains("real Partner Center"));
    xtask(&["stack", "down", "--dir", place]);
    assert!(refused(&simulated).contains("real Partner Center"));
    assert!(refused(&["stack", "down", "--delete", "--dir", place]).contains("real Partner Center"));
    xtask(&real);
    postgres(place).query("seatshift", "select * from bought").unwrap();
}

fn postgres(place: &str) -> Postgres {
    Shared::each_at(Path::new(place)).1.unwrap()
}

/// A folder with links to all programs, so that one of them can be replaced.
fn linked(folder: &str) {
    fs::create_dir_all(folder).unwrap();
    for program in [
        "seatshift",
        "seatshift-control",
        "seatshift-purchase",
        "seatshift-reassignment",
        "seatshift-suspension",
    ] {
        std::os::unix::fs::symlink(programs().join(program), Path::new(folder).join(program)).unwrap();
    }
}

/// The pid of each process, all being ready.
fn pids(place: &str) -> BTreeMap<String, u32> {
    let status = xtask(&["stack", "status", "--dir", place]);
    let rows = status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.map(|row| (row[0].to_owned(), row[1].parse().unwrap())).collect()
}

fn without_postgres(pids: &BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    pids.iter().filter(|(name, _)| *name != "postgresql").map(|(name, pid)| (name.clone(), *pid)).collect()
}

/// Gone at the end, also when the test has failed.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Down, also when the test has failed.
struct Down<'a>(&'a str);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        let _ = Command::new(env!("CARGO_BIN_EXE_seatshift-xtask"))
            .args(["stack", "down", "--dir", self.0])
            .status();
    }
}

//! One node, through everything that a harm test does to it (a boot takes 5 s: so one test, not six).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use seatshift_servers::Rabbit;

use super::{Dir, is_gone};

#[test]
fn a_node_survives_kill_freeze_alarm_and_restart_and_is_gone_when_dropped() {
    let dir = Dir::of("rabbit");
    let mut rabbit = Rabbit::start(&dir.0).unwrap();
    let first = rabbit.pid().unwrap();
    assert!(is_private(first), "the node listens beyond loopback");

    rabbit.add_vhost("t/1").unwrap();
    rabbit.add_user("t/1", "reader", "secret", "^$", "^$", r"^seatshift\.a$").unwrap();
    let rights = rabbit.ctl(&["list_permissions", "-p", "t/1"]).unwrap();
    assert!(rights.contains(r"^seatshift\.a$"), "{rights}");
    assert!(rabbit.admin_url("t/1").ends_with("/t%2F1"));

    rabbit.freeze();
    assert!(!greets(rabbit.port()), "a frozen node answered");
    rabbit.thaw();
    assert!(greets(rabbit.port()));

    rabbit.disk_alarm(true).unwrap();
    assert!(rabbit.api("GET", "/api/health/checks/local-alarms", "").is_err());
    rabbit.disk_alarm(false).unwrap();
    rabbit.api("GET", "/api/health/checks/local-alarms", "").unwrap();

    rabbit.kill();
    assert!(is_gone(first));
    assert!(Rabbit::attach(&dir.0).is_err());
    rabbit.restart().unwrap();
    let second = rabbit.pid().unwrap();
    assert_ne!(first, second);
    assert_eq!(Rabbit::attach(&dir.0).unwrap().pid(), Some(second));
    assert!(
        rabbit.api("GET", "/api/vhosts/t%2F1", "").is_ok(),
        "what was there before the kill is there after it"
    );
    rabbit.delete_vhost("t/1").unwrap();

    drop(rabbit);
    assert!(is_gone(second));
}

fn greets(port: u16) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    stream.write_all(b"AMQP\0\0\x09\x01").unwrap();
    stream.read_exact(&mut [0]).is_ok()
}

/// Every TCP socket that the process listens on is on loopback.
fn is_private(pid: u32) -> bool {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|fd| {
            std::fs::read_link(fd.path())
                .ok()?
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        })
        .collect();
    let listening = |table: &str, loopback: &str| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        let rows =
            table.lines().skip(1).map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let ours: Vec<String> = rows
            .filter(|row| row[3] == "0A" && sockets.contains(&row[9]))
            .map(|row| row[1].clone())
            .collect();
        (ours.len(), ours.iter().all(|address| address.starts_with(loopback)))
    };
    let (four, private) = listening("/proc/net/tcp", "0100007F:");
    let (six, _) = listening("/proc/net/tcp6", "none");
    four >= 4 && private && six == 0
}

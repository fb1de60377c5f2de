//! One cluster, through everything that a harm test does to it.

use seatshift_servers::Postgres;

use super::{Dir, is_gone};

#[test]
fn what_was_committed_survives_a_kill_and_the_server_is_gone_when_dropped() {
    let dir = Dir::of("postgres");
    let mut postgres = Postgres::start(&dir.0).unwrap();
    let first = postgres.pid().unwrap();
    assert_eq!(postgres.query("postgres", "show fsync").unwrap(), "on");

    postgres.create_database("a").unwrap();
    postgres.load("a", "create table kept (n int); insert into kept values (1), (2);").unwrap();
    assert!(postgres.load("a", "insert into kept values (3); select * from missing;").is_err());
    assert_eq!(
        postgres.query("a", "select count(*), max(n) from kept").unwrap(),
        "2|2",
        "a script is one transaction"
    );

    postgres.kill();
    assert!(is_gone(first));
    assert!(postgres.query("a", "select 1").is_err());
    postgres.restart().unwrap();
    assert_eq!(postgres.query("a", "select count(*) from kept").unwrap(), "2");

    let dump = postgres.dump("a").unwrap();
    postgres.create_database("b").unwrap();
    postgres.load("b", &dump).unwrap();
    assert_eq!(postgres.query("b", "select sum(n) from kept").unwrap(), "3");
    postgres.copy_database("c", "b").unwrap();
    postgres.drop_database("b").unwrap();

    postgres.stop().unwrap();
    assert!(Postgres::attach(&dir.0).is_err());
    drop(postgres);
    // Another start in the same directory finds the data of the first.
    let again = Postgres::start(&dir.0).unwrap();
    assert_eq!(again.query("c", "select sum(n) from kept").unwrap(), "3");
    assert!(again.admin_url("c").starts_with("postgres://postgres:"));
    let last = again.pid().unwrap();
    drop(again);
    assert!(is_gone(last));
}

#[test]
fn nobody_gets_in_without_the_password() {
    let dir = Dir::of("password");
    let postgres = Postgres::start(&dir.0).unwrap();
    let refused = std::process::Command::new(postgres.bin("psql"))
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &postgres.port().to_string(),
            "-U",
            "postgres",
            "-w",
            "-c",
            "select 1",
        ])
        .env_remove("PGPASSWORD")
        .output()
        .unwrap();
    assert!(!refused.status.success());
}

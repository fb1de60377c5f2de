//! Without any server.

use crate::process::{Process, command, get};

#[test]
fn a_service_without_a_database_refuses_with_the_remedy() {
    let ran = command().output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(told.contains("SEATSHIFT__DATABASE__URL") && told.contains("seatshift apply"), "{told}");
}

#[test]
fn a_configuration_is_checked_without_anything_being_reached_for() {
    let mut checked = command();
    checked.arg("--check-config");
    checked.env("SEATSHIFT__DATABASE__URL", "postgres://p@127.0.0.1:1/s");
    checked.env("SEATSHIFT__BROKER__URL", "amqp://p@127.0.0.1:1/s");
    assert!(checked.output().unwrap().status.success());
    checked.env_remove("SEATSHIFT__PARTNER_CENTER__TENANT");
    let ran = checked.output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(told.contains("partner_center.tenant is not set"), "{told}");
}

#[test]
fn while_its_servers_are_away_it_lives_says_what_it_waits_for_and_can_be_stopped() {
    let mut starting = command();
    starting.env("SEATSHIFT__DATABASE__URL", "postgres://p@127.0.0.1:1/s");
    starting.env("SEATSHIFT__BROKER__URL", "amqp://p@127.0.0.1:1/s");
    let mut process = Process::start(starting);
    let address = process.says("listening")["health"].as_str().unwrap().to_owned();
    process.says("the database cannot be used yet; trying again");
    assert_eq!(get(&address, "/livez").0, 200);
    let (status, body) = get(&address, "/readyz");
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ready"], false);
    assert!(body["missing"]["database"].is_string(), "{body}");
    process.signal("TERM");
    assert_eq!(process.says("stopped")["clean"], true, "nothing was in hand");
    assert!(process.ends().success());
}

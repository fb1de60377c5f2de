//! RabbitMQ, started as the Compose file starts it.

use std::fs;

use seatshift_servers::Rabbit;
use serde_json::Value;

use super::broker;
use crate::files::{Dir, root, text, xtask};

#[test]
fn the_definitions_are_loaded_and_let_each_service_in_with_its_password() {
    let (dir, secrets) = (Dir::of("broker"), Dir::of("broker-secrets"));
    xtask(&["secrets", "--dir", secrets.0.to_str().unwrap()]);
    let rabbit = broker(&dir.0, &secrets.0);

    let queues: Value =
        serde_json::from_str(&rabbit.api("GET", "/api/queues/seatshift", "").unwrap()).unwrap();
    let committed: Value = serde_json::from_str(&text("deploy/rabbitmq/definitions.json")).unwrap();
    let names = |list: &Value| {
        let mut names: Vec<String> =
            list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&queues), names(&committed["queues"]));
    let services = ["control", "purchase", "reassignment", "suspension"];
    let of =
        |service: &str| fs::read_to_string(secrets.0.join(format!("{service}-broker-password"))).unwrap();
    let right: Vec<(&str, String)> = services.iter().map(|service| (*service, of(service))).collect();
    assert_eq!(logins(&rabbit, &right), "[ok,ok,ok,ok]");
    let wrong = [
        ("purchase", of("control")),
        ("control", String::new()),
        ("control", "seatshift_control".to_owned()),
    ];
    assert_eq!(logins(&rabbit, &wrong), "[refused,refused,refused]");

    // The committed file alone: the topology for a broker whose users somebody else makes.
    let file = root().join("deploy/rabbitmq/definitions.json");
    rabbit.delete_vhost("seatshift").unwrap();
    rabbit.ctl(&["import_definitions", file.to_str().unwrap()]).unwrap();
    let again: Value =
        serde_json::from_str(&rabbit.api("GET", "/api/queues/seatshift", "").unwrap()).unwrap();
    assert_eq!(names(&again), names(&committed["queues"]));
    let nothing = services.map(|service| (service, String::new()));
    assert_eq!(logins(&rabbit, &nothing), "[refused,refused,refused,refused]", "an empty hash lets in");
}

/// What RabbitMQ says to these services and passwords: all in one, because each `rabbitmqctl` starts an Erlang of its own.
fn logins(rabbit: &Rabbit, tries: &[(&str, String)]) -> String {
    let pairs: Vec<String> = tries
        .iter()
        .map(|(service, password)| format!("{{<<\"seatshift_{service}\">>,<<\"{password}\">>}}"))
        .collect();
    let login = "element(1, rabbit_access_control:check_user_pass_login(User, Password))";
    let answer = rabbit.ctl(&["eval", &format!("[{login} || {{User, Password}} <- [{}]].", pairs.join(","))]);
    answer.unwrap().trim().to_owned()
}

//! On real RabbitMQ and PostgreSQL.

use std::collections::BTreeMap;

use seatshift_messages::Service;
use seatshift_servers::Shared;
use seatshift_store::PgStore;

use crate::process::{Process, command, get, until};

/// Of the services' roles and users, in these tests.
const PASSWORD: &str = "a-password-of-tests";

/// The password inside an administrator's address, and the address without it.
fn apart(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, host) = rest.split_once('@').unwrap();
    let (name, password) = user.split_once(':').unwrap();
    (format!("{scheme}://{name}@{host}"), password.to_owned())
}

#[test]
fn it_waits_for_a_prepared_database_shows_itself_and_stops_in_order() {
    let shared = Shared::attach().unwrap();
    let (database, vhost) = (shared.fresh_database().unwrap(), shared.fresh_vhost().unwrap());
    let (url, password) = apart(&shared.postgres.admin_url(&database));
    let rights = seatshift_bus::rights(Service::Purchase);
    let user = format!("purchase-{vhost}");
    shared.rabbit.add_user(&vhost, &user, PASSWORD, &rights.configure, &rights.write, &rights.read).unwrap();
    let mut starting = command();
    starting.env("SEATSHIFT__DATABASE__URL", url).env("SEATSHIFT__DATABASE__PASSWORD", password);
    starting
        .env("SEATSHIFT__BROKER__URL", format!("amqp://{user}@127.0.0.1:{}/{vhost}", shared.rabbit.port()));
    starting.env("SEATSHIFT__BROKER__PASSWORD", PASSWORD);

    let mut process = Process::start(starting);
    let address = process.says("listening")["health"].as_str().unwrap().to_owned();
    let waiting = until(&address, "/readyz", |_, body| body.contains("--prepare-database"));
    assert!(waiting.contains("\"ready\":false"), "{waiting}");

    let prepared = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    prepared.block_on(PgStore::prepare(&shared.postgres.admin_url(&database), &BTreeMap::new())).unwrap();
    // Each process declares what is its own; the rest is somebody's who is not here.
    until(&address, "/readyz", |_, body| !body.contains("\"database\"") && !body.contains("\"service\""));
    assert_eq!(get(&address, "/livez").0, 200);
    let (_, figures) = get(&address, "/metrics");
    for name in [
        "seatshift_backlog_rows{kind=\"outbox\"} 0",
        "seatshift_backlog_oldest_seconds{kind=\"delivery\"} 0",
        "seatshift_deliveries_in_hand 0",
        "seatshift_broker{state=\"publishing\"} ",
        "seatshift_build{version=",
    ] {
        assert!(figures.contains(name), "{name} is not in\n{figures}");
    }
    assert!(!figures.contains("hidden-secret") && !figures.contains(PASSWORD));

    process.signal("TERM");
    assert_eq!(process.says("stopped")["clean"], true);
    assert!(process.ends().success());
}

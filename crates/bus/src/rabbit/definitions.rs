//! The topology as RabbitMQ imports it, with one user for each service and the least rights it can live with.
//!
//! Rights are regular expressions over names of exchanges and queues. *Configure* is what a declaration needs (also of
//! what exists), *write* what publishing to an exchange and binding a queue need, *read* what consuming and binding from an
//! exchange need. No user may write to the default exchange, so none can put a message into a queue past the bindings.
//!
//! What must never happen here: a password or its hash. An empty hash lets nobody in.

use seatshift_messages::Service;
use serde_json::{Value, json};

use super::options::Declare;
use super::topology::{Argument, table};

/// The virtual host of the definitions.
const VHOST: &str = "seatshift";

/// What a service may touch, as RabbitMQ wants it: three regular expressions over names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub configure: String,
    pub write: String,
    pub read: String,
}

/// Least rights of one service that declares what is its own. On a broker that has nothing yet, all four services must be
/// started once, or the definitions imported.
pub fn rights(service: Service) -> Rights {
    Rights::of(service, Declare::Active)
}

impl Rights {
    /// Least rights of one service in either mode.
    pub fn of(service: Service, declare: Declare) -> Rights {
        let control = service == Service::Control;
        let dead = if control { "[a-z]+" } else { service.name() };
        let only = |names: String| format!("^seatshift\\.({names})$");
        let configure = match (declare, control) {
            (Declare::Passive, _) => "^$".to_owned(),
            (Declare::Active, true) => {
                only(format!("events|dlx|replay|history|{service}\\.v1|{dead}\\.v1\\.dead"))
            }
            (Declare::Active, false) => only(format!("events|dlx|{service}\\.v1(\\.dead)?")),
        };
        let write = match (declare, control) {
            (Declare::Passive, true) => only("events|dlx|replay".to_owned()),
            (Declare::Passive, false) => only("events|dlx".to_owned()),
            (Declare::Active, true) => only("events|dlx|replay|history|[a-z]+\\.v1(\\.dead)?".to_owned()),
            (Declare::Active, false) => only(format!("events|dlx|history|[a-z]+\\.v1|{service}\\.v1\\.dead")),
        };
        let sources = match (declare, control) {
            (Declare::Passive, _) => "",
            (Declare::Active, true) => "events|dlx|replay|",
            (Declare::Active, false) => "events|dlx|",
        };
        let read = match control {
            true => only(format!("{sources}history|{service}\\.v1|{dead}\\.v1\\.dead")),
            false => only(format!("{sources}{service}\\.v1")),
        };
        Rights { configure, write, read }
    }
}

/// Name of a service's user in the broker.
fn user(service: Service) -> String {
    format!("seatshift_{service}")
}

/// What `deploy/rabbitmq/definitions.json` holds: virtual host, users without passwords, their rights, and the topology.
pub fn definitions() -> Value {
    let topology = table();
    let users = Service::ALL.map(|service| {
        json!({
            "name": user(service), "password_hash": "",
            "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": [],
        })
    });
    let permissions = Service::ALL.map(|service| {
        let Rights { configure, write, read } = rights(service);
        json!({ "user": user(service), "vhost": VHOST, "configure": configure, "write": write, "read": read })
    });
    let exchanges: Vec<Value> = topology
        .exchanges
        .iter()
        .map(|exchange| {
            json!({
                "name": exchange.name, "vhost": VHOST, "type": exchange.kind.name(),
                "durable": true, "auto_delete": false, "internal": false, "arguments": {},
            })
        })
        .collect();
    let queues: Vec<Value> = topology
        .queues
        .iter()
        .map(|queue| {
            let arguments: serde_json::Map<String, Value> =
                queue.arguments.iter().map(|(name, value)| ((*name).to_owned(), argument(value))).collect();
            json!({
                "name": queue.name, "vhost": VHOST, "durable": true, "auto_delete": false, "arguments": arguments,
            })
        })
        .collect();
    let bindings: Vec<Value> = topology
        .bindings
        .iter()
        .map(|binding| {
            json!({
                "source": binding.exchange, "vhost": VHOST, "destination": binding.queue,
                "destination_type": "queue", "routing_key": binding.key, "arguments": {},
            })
        })
        .collect();
    json!({
        "vhosts": [{ "name": VHOST }],
        "users": users, "permissions": permissions,
        "exchanges": exchanges, "queues": queues, "bindings": bindings,
    })
}

fn argument(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
    }
}

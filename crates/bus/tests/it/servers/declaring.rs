//! Who may do what in the broker, and what becomes of a topology that is not there.

use lapin::options::{BasicGetOptions, BasicPublishOptions};
use lapin::{BasicProperties, ErrorKind};
use seatshift_bus::topology::{DEAD, HISTORY, REPLAY, dead_queue, table, work_queue};
use seatshift_bus::{BrokerUrl, BusState, Confirm, Declare, Declared, RabbitOptions, Rights};
use seatshift_messages::Service;
use seatshift_messages::Service::{Control, Purchase, Reassignment, Suspension};

use super::stage::{Running, Vhost, raw};
use crate::given::*;

/// A user with exactly the rights of the service; its address.
fn user(vhost: &Vhost, service: Service, declare: Declare) -> String {
    let name = format!("{}-{service}-{declare:?}", vhost.name);
    let rights = Rights::of(service, declare);
    let rabbit = &vhost.servers.rabbit;
    rabbit.add_user(&vhost.name, &name, "secret", &rights.configure, &rights.write, &rights.read).unwrap();
    format!("amqp://{name}:secret@127.0.0.1:{}/{}", rabbit.port(), vhost.name)
}

fn options(vhost: &Vhost, service: Service, declare: Declare) -> RabbitOptions {
    let url = BrokerUrl::parse(&user(vhost, service, declare)).unwrap();
    RabbitOptions { declare, ..RabbitOptions::new(service, vec![url]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_least_rights_the_four_services_build_up_an_empty_broker_together() {
    let vhost = Vhost::fresh();
    let purchase = Running::start(options(&vhost, Purchase, Declare::Active));
    let failed = |state: &BusState| matches!(&state.declared, Declared::Failed { reason } if reason.contains("missing"));
    purchase.until("told that something is missing", failed).await;
    assert_eq!(purchase.state().confirmed, 0);
    let mut others = Vec::new();
    for service in [Control, Reassignment, Suspension] {
        others.push(Running::start(options(&vhost, service, Declare::Active)));
    }
    for bus in others.iter().chain([&purchase]) {
        let state = bus.until("ready", BusState::is_ready).await;
        assert_eq!(state.declared, Declared::Done { unchecked: Vec::new() });
    }
    assert_eq!(publish(&*purchase, [rollback(1)]).remove(0).awaited().await, Confirm::Safe);
    assert_eq!(numbers(&receive(&*others[1], Reassignment, 1).await), [1]);
    for user in Service::ALL {
        let name = format!("{}-{user}-Active", vhost.name);
        vhost.servers.rabbit.api("DELETE", &format!("/api/users/{name}"), "").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_can_read_anothers_queue_or_write_past_the_bindings() {
    let vhost = Vhost::fresh();
    let _admin = Running::ready(vhost.options(Control)).await;
    for declare in [Declare::Active, Declare::Passive] {
        let connection = raw(&user(&vhost, Purchase, declare)).await;
        for queue in [work_queue(Control), dead_queue(Purchase), HISTORY.to_owned()] {
            let channel = connection.create_channel().await.unwrap();
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await;
            assert_refused(got.map(|_| ()), &queue);
        }
        for (exchange, key) in [("", work_queue(Control)), (REPLAY, work_queue(Control))] {
            let channel = connection.create_channel().await.unwrap();
            let options = lapin::options::ConfirmSelectOptions::default();
            channel.confirm_select(options).await.unwrap();
            let sent = channel
                .basic_publish(
                    exchange.into(),
                    key.as_str().into(),
                    BasicPublishOptions::default(),
                    b"x",
                    BasicProperties::default(),
                )
                .await
                .unwrap()
                .await;
            assert_refused(sent.map(|_| ()), exchange);
        }
        let name = format!("{}-purchase-{declare:?}", vhost.name);
        vhost.servers.rabbit.api("DELETE", &format!("/api/users/{name}"), "").unwrap();
    }
}

fn assert_refused(told: lapin::Result<()>, what: &str) {
    let error = told.expect_err(what);
    assert!(matches!(error.kind(), ErrorKind::ProtocolError(_)), "{what}: {error}");
    assert!(error.to_string().contains("ACCESS_REFUSED"), "{what}: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passive_bus_declares_nothing_and_says_what_it_could_not_check() {
    let vhost = Vhost::fresh();
    let bus = Running::start(options(&vhost, Suspension, Declare::Passive));
    let state = bus.until("told", |state| matches!(state.declared, Declared::Failed { .. })).await;
    assert!(!state.is_ready());
    assert!(state.last_error.unwrap().contains("`seatshift.events` is missing"));
    {
        let _somebody_else = Running::ready(vhost.options(Control)).await;
    }
    let state = bus.until("ready", BusState::is_ready).await;
    let Declared::Done { unchecked } = state.declared else { panic!("{:?}", state.declared) };
    assert!(unchecked.iter().any(|one| one.contains("bindings")), "{unchecked:?}");
    let answers = publish(&*bus, [rollback(1)]);
    assert_eq!(numbers(&receive(&*bus, Suspension, 1).await), [1]);
    for answer in answers {
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
    vhost.servers.rabbit.api("DELETE", &format!("/api/users/{}-suspension-Passive", vhost.name), "").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_other_arguments_is_said_and_nothing_is_published_into_it() {
    let vhost = Vhost::fresh();
    let path = format!("/api/queues/{}/{}", vhost.name, work_queue(Control));
    let other = r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#;
    vhost.servers.rabbit.api("PUT", &path, other).unwrap();
    let bus = Running::start(vhost.options(Control));
    let state = bus.until("told", |state| matches!(state.declared, Declared::Failed { .. })).await;
    let Declared::Failed { reason } = state.declared else { panic!("{:?}", state.declared) };
    assert!(reason.contains("queue `seatshift.control.v1` exists with other arguments"), "{reason}");
    assert!(!state.publishing && !state.consuming);
}

/// What the table says and what the broker has, read through its own eyes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_declared_is_the_table() {
    let vhost = Vhost::fresh();
    let _bus = Running::ready(vhost.options(Control)).await;
    let listed = |what: &str| -> Vec<serde_json::Value> {
        let path = format!("/api/{what}/{}", vhost.name);
        serde_json::from_str(&vhost.servers.rabbit.api("GET", &path, "").unwrap()).unwrap()
    };
    let table = table();
    let queues = listed("queues");
    assert_eq!(queues.len(), table.queues.len());
    for queue in &table.queues {
        let found = queues.iter().find(|found| found["name"] == queue.name.as_str()).expect("declared");
        assert_eq!(found["arguments"].as_object().unwrap().len(), queue.arguments.len(), "{}", queue.name);
    }
    let bindings = listed("bindings");
    let ours = bindings.iter().filter(|binding| binding["source"] != "").count();
    assert_eq!(ours, table.bindings.len());
    assert!(bindings.iter().any(|binding| binding["source"] == DEAD));
}

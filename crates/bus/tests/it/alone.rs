//! The bus over RabbitMQ when there is no RabbitMQ: it keeps trying, answers in time, and leaves nothing behind.

use std::net::TcpListener;
use std::time::Duration;

use seatshift_bus::{
    BrokerUrl, Buried, Bus as _, BusState, Confirm, RabbitBus, RabbitError, RabbitOptions, Tls,
};
use seatshift_messages::Service::Control;
use secrecy::SecretString;

use crate::given::*;
use crate::running::Running;

/// Nothing listens there.
pub(crate) fn nowhere() -> RabbitOptions {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = BrokerUrl::parse(&format!("amqp://nobody@127.0.0.1:{port}/none")).unwrap();
    RabbitOptions {
        confirm_timeout: Duration::from_millis(300),
        backoff: (Duration::from_millis(10), Duration::from_millis(50)),
        ..RabbitOptions::new(Control, vec![url])
    }
}

#[tokio::test]
async fn without_a_broker_every_answer_is_unknown_in_time() {
    let bus = Running::start(nowhere());
    for _ in 0..2 {
        for answer in publish(&*bus, (0..100).map(progressed)) {
            assert_eq!(answer.awaited().await, Confirm::Unknown);
        }
    }
    let state = bus.until("trying again", |state| state.reconnects > 3).await;
    assert!(!state.is_ready());
    assert!(state.last_error.unwrap().contains("refused"));
}

#[tokio::test]
async fn without_a_broker_nothing_is_buried_now_and_nobody_is_asked_to_keep_it_elsewhere() {
    let bus = Running::start(nowhere());
    assert_eq!(bus.bury(Control, b"not JSON".as_slice().into(), "not an envelope").await, Buried::NotNow);
}

#[tokio::test]
async fn when_the_sessions_are_dropped_every_answer_is_unknown_at_once() {
    let (bus, run) =
        RabbitBus::start(RabbitOptions { confirm_timeout: Duration::from_secs(3_600), ..nowhere() }).unwrap();
    let answers = publish(&*bus, (0..100).map(progressed));
    assert_eq!(bus.state().unconfirmed, 100);
    drop(run);
    for answer in answers {
        assert_eq!(answer.awaited().await, Confirm::Unknown);
    }
    assert_eq!(bus.state(), BusState::default());
}

/// How many of this process's threads are lapin's, and how many files are open.
#[cfg(target_os = "linux")]
fn leftovers() -> (usize, usize) {
    let entries = |path: &str| std::fs::read_dir(path).unwrap().filter_map(Result::ok);
    let name =
        |task: &std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let threads = entries("/proc/self/task").filter(|task| name(task).starts_with("lapin"));
    (threads.count(), entries("/proc/self/fd").count())
}

/// lapin by itself leaves a thread and two files behind at each attempt, until the silent one hangs up.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_accepts_and_says_nothing_costs_no_threads_and_no_files() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = BrokerUrl::parse(&format!("amqp://nobody@127.0.0.1:{port}/none")).unwrap();
    let options = RabbitOptions { connect_timeout: Duration::from_millis(100), ..nowhere() };
    let bus = Running::start(RabbitOptions { urls: vec![url], ..options });
    let state = bus.until("tried often", |state| state.reconnects >= 60).await;
    assert!(state.last_error.unwrap().contains("connecting to the broker took longer"));
    let (threads, files) = leftovers();
    // Two attempts may be under way.
    assert!(threads <= 4 && files < 40, "{threads} threads, {files} files");
    drop(bus);
    for _ in 0..100 {
        if leftovers().0 == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still {} threads", leftovers().0);
}

#[test]
fn an_address_is_never_printed_with_its_password() {
    let url = BrokerUrl::parse("amqps://purchase:hunter2@broker.example:5671/seatshift").unwrap();
    assert_eq!(url.to_string(), "amqps://purchase@broker.example:5671/seatshift");
    let url = url.with_password(&SecretString::from("hunter3"));
    let options = RabbitOptions::new(Control, vec![url]);
    assert!(!format!("{options:?}").contains("hunter"), "{options:?}");
    let error = BrokerUrl::parse("amqp//user:hunter2@host").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn several_addresses_are_separated_by_commas() {
    let urls = BrokerUrl::parse_list("amqp://a@one/v, amqp://b@two:5673/w ,").unwrap();
    assert_eq!(
        urls.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["amqp://a@one:5672/v", "amqp://b@two:5673/w"]
    );
    assert!(matches!(RabbitBus::start(RabbitOptions::new(Control, vec![])), Err(RabbitError::NoUrl)));
}

#[test]
fn a_certificate_without_its_key_is_told_at_the_start() {
    let start = |tls| RabbitBus::start(RabbitOptions { tls, ..nowhere() }).map(|_| ()).unwrap_err();
    let half = Tls { cert: Some("client.pem".into()), ..Tls::default() };
    assert!(matches!(start(half), RabbitError::HalfAnIdentity));
    let absent = Tls { ca: Some("/nowhere/ca.pem".into()), ..Tls::default() };
    assert!(start(absent).to_string().contains("/nowhere/ca.pem"));
}

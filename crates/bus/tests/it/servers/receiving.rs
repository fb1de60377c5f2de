//! What becomes of deliveries: drained, closed, cut off.

use std::time::Duration;

use seatshift_bus::topology::work_queue;
use seatshift_bus::{Confirm, Delivery, QueueDepth, RabbitOptions};
use seatshift_messages::Service::{Control, Purchase};

use super::stage::{Running, Vhost};
use crate::given::*;

fn prefetch(vhost: &Vhost, prefetch: u16) -> RabbitOptions {
    RabbitOptions { prefetch, ..vhost.options(Control) }
}

async fn filled(vhost: &Vhost, events: u32) {
    let bus = Running::ready(vhost.options(Purchase)).await;
    for answer in publish(&*bus, (1..=events).map(progressed)) {
        answer.awaited().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_bus_takes_no_more_and_still_settles_what_is_out() {
    let vhost = Vhost::fresh();
    filled(&vhost, 20).await;
    let bus = Running::ready(prefetch(&vhost, 10)).await;
    let mut out = receive_all(&*bus, Control, 6).await;
    out.remove(5).give_back();
    bus.drain().await;
    assert!(bus.state().drained);
    assert!(silent(&*bus, Control).await);
    assert!(!publish(&*bus, [restored(99)]).is_empty(), "publishing goes on");
    let unsettled = out.remove(4);
    out.into_iter().for_each(Delivery::ack);
    bus.close().await;
    drop(unsettled);
    assert_eq!(bus.state().acknowledged, 4);
    tokio::time::timeout(Duration::from_secs(5), async {
        while !bus.sessions.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the sessions end");
    // What was published while draining is there too; nothing of the acknowledged comes again.
    let next = Running::ready(prefetch(&vhost, 100)).await;
    let rest = receive_all(&*next, Control, 17).await;
    let mut rest_numbers = numbers(&rest);
    rest_numbers.sort_unstable();
    assert_eq!(rest_numbers, (5..=20).chain([99]).collect::<Vec<_>>());
    assert!(silent(&*next, Control).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_closed_has_told_the_broker_everything() {
    let vhost = Vhost::fresh();
    filled(&vhost, 50).await;
    let bus = Running::ready(prefetch(&vhost, 64)).await;
    receive_all(&*bus, Control, 50).await.into_iter().for_each(Delivery::ack);
    let answers = publish(&*bus, (100..150).map(restored));
    bus.close().await;
    for answer in answers {
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
    let next = Running::ready(prefetch(&vhost, 64)).await;
    let mut rest = numbers(&receive_all(&*next, Control, 50).await);
    rest.sort_unstable();
    assert_eq!(rest, (100..150).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_held_does_not_hold_up_the_acknowledgments_of_the_others() {
    let vhost = Vhost::fresh();
    filled(&vhost, 30).await;
    let bus = Running::ready(prefetch(&vhost, 8)).await;
    let held = receive(&*bus, Control, 1).await.remove(0);
    for _ in 0..29 {
        receive(&*bus, Control, 1).await.remove(0).ack();
    }
    bus.close().await;
    drop(held);
    let next = Running::ready(prefetch(&vhost, 8)).await;
    let rest = receive(&*next, Control, 8).await;
    assert_eq!(numbers(&rest), [1], "the others are done");
    assert!(silent(&*next, Control).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_deleted_under_the_consumer_is_declared_again() {
    let vhost = Vhost::fresh();
    let options = RabbitOptions { confirm_timeout: Duration::from_secs(2), ..prefetch(&vhost, 8) };
    let bus = Running::ready(options).await;
    let _answers = publish(&*bus, [progressed(1)]);
    let stale = receive(&*bus, Control, 1).await.remove(0);
    assert_eq!(bus.state().reconnects, 0);
    vhost.api("DELETE", "queues", &work_queue(Control));
    bus.until("cut off", |state| state.reconnects > 0).await;
    bus.until("back", |state| state.consuming).await;
    // A delivery of the session before: settling it says nothing to anybody.
    stale.ack();
    // The broker may keep silent about an event for the new queue: it counts on from the old one and waits for what it
    // thinks is missing. The answer is unknown then, and the next try is over a new channel.
    let tries = async {
        while publish(&*bus, [progressed(2)]).remove(0).awaited().await == Confirm::Unknown {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ((), got) = tokio::join!(tries, receive(&*bus, Control, 1));
    assert_eq!(numbers(&got), [2]);
    got.into_iter().for_each(Delivery::ack);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_delivers_again_what_was_not_settled() {
    let vhost = Vhost::fresh();
    filled(&vhost, 10).await;
    let bus = Running::ready(prefetch(&vhost, 5)).await;
    let mut out = receive_all(&*bus, Control, 5).await;
    let kept = out.split_off(2);
    out.into_iter().for_each(Delivery::ack);
    // Told at once; the broker has it before it is asked to cut.
    bus.until("told", |state| state.acknowledged == 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    cut_all(&vhost).await;
    bus.until("cut off", |state| state.reconnects >= 2).await;
    // They count against the prefetch until they are let go, so that no more than that is ever out.
    bus.until("back", seatshift_bus::BusState::is_ready).await;
    assert_eq!(bus.state().unsettled, 3);
    assert_eq!(receive_all(&*bus, Control, 2).await.len(), 2);
    kept.into_iter().for_each(Delivery::ack);
    drop(bus);
    let next = Running::ready(prefetch(&vhost, 20)).await;
    let mut rest = numbers(&receive_all(&*next, Control, 8).await);
    rest.sort_unstable();
    assert_eq!(rest, (3..=10).collect::<Vec<_>>());
}

/// Has the broker close every connection of the virtual host.
async fn cut_all(vhost: &Vhost) {
    let path = format!("/api/vhosts/{}/connections", vhost.name);
    for _ in 0..100 {
        let all: serde_json::Value =
            serde_json::from_str(&vhost.servers.rabbit.api("GET", &path, "").unwrap()).unwrap();
        let names: Vec<_> = all.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
        if names.len() >= 2 {
            for name in names {
                let name = name.replace(' ', "%20").replace('>', "%3E");
                vhost.servers.rabbit.api("DELETE", &format!("/api/connections/{name}"), "").unwrap();
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the broker shows no connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_depth_of_the_queue_is_what_is_ready_and_who_reads_it() {
    let vhost = Vhost::fresh();
    filled(&vhost, 10).await;
    let idle = Running::start(vhost.options(Control));
    assert_eq!(idle.queue_depth().await, None, "not connected yet");
    idle.until("ready", seatshift_bus::BusState::is_ready).await;
    receive_all(&*idle, Control, 10).await.into_iter().for_each(Delivery::ack);
    assert_eq!(idle.queue_depth().await, Some(QueueDepth { ready: 0, consumers: 1, dead: 0 }));
    idle.drain().await;
    filled(&vhost, 7).await;
    assert_eq!(idle.queue_depth().await, Some(QueueDepth { ready: 7, consumers: 0, dead: 0 }));
}

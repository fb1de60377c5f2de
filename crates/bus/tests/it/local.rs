//! What the in-process bus promises beside: it confirms at the last acknowledgment, and repeats itself exactly.

use futures::FutureExt;
use seatshift_bus::{Bus, Confirm, Delivery, LocalBus};
use seatshift_messages::Service::{Control, Purchase, Reassignment, Suspension};

use crate::given::*;

#[tokio::test]
async fn it_confirms_only_when_all_readers_have_acknowledged() {
    let bus = LocalBus::new(10);
    let mut answer = publish(&bus, [rollback(1)]).remove(0);
    let mut held = Vec::new();
    for service in [Purchase, Reassignment, Suspension] {
        assert_eq!(answer.now(), None);
        held.extend(receive(&bus, service, 1).await);
    }
    held.remove(0).ack();
    assert_eq!(answer.now(), None);
    held.remove(0).give_back();
    assert_eq!(answer.now(), None, "given back is not done");
    held.remove(0).ack();
    assert_eq!(answer.now(), None);
    receive(&bus, Reassignment, 1).await.remove(0).ack();
    assert_eq!(answer.now(), Some(Confirm::Safe));
}

#[tokio::test]
async fn an_event_published_again_is_delivered_again() {
    let bus = LocalBus::new(10);
    let mut answers = publish(&bus, [progressed(1), progressed(1)]);
    let mut got = receive(&bus, Control, 10).await;
    assert_eq!(numbers(&got), [1, 1]);
    got.remove(1).ack();
    assert_eq!((answers[0].now(), answers[1].now()), (None, Some(Confirm::Safe)), "each has its own answer");
}

#[tokio::test]
async fn events_come_in_the_order_of_their_publication() {
    let bus = LocalBus::new(100);
    let _answers = publish(&bus, (1..=50).map(progressed));
    assert_eq!(numbers(&receive(&bus, Control, 100).await), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    let bus = LocalBus::new(10);
    let mut first = bus.receive(Control, 1);
    assert!((&mut first).now_or_never().is_none());
    let _answers = publish(&bus, [progressed(1)]);
    let mut later = bus.receive(Control, 1);
    assert!((&mut later).now_or_never().is_none(), "the event is the first one's, who has not looked yet");
    assert_eq!(numbers(&first.await), [1]);
}

#[tokio::test]
async fn a_reader_that_always_finds_something_does_not_starve_the_others() {
    let bus = LocalBus::new(10);
    let _answers = publish(&bus, [progressed(1)]);
    let other = tokio::spawn(async {});
    for _ in 0..10_000 {
        receive(&bus, Control, 1).await.remove(0).give_back();
    }
    assert!(other.is_finished());
}

#[tokio::test]
async fn an_answer_that_can_never_come_is_unknown() {
    let bus = LocalBus::new(10);
    let mut answer = publish(&bus, [progressed(1)]).remove(0);
    drop(bus);
    assert_eq!(answer.now(), Some(Confirm::Unknown));
}

#[tokio::test]
async fn a_delivery_may_outlive_its_bus() {
    let bus = LocalBus::new(10);
    let mut answer = publish(&bus, [progressed(1)]).remove(0);
    let held = receive(&bus, Control, 1).await;
    drop(bus);
    assert_eq!(answer.now(), None);
    held.into_iter().for_each(Delivery::ack);
    assert_eq!(answer.now(), Some(Confirm::Safe));
}

#[tokio::test]
async fn a_prefetch_of_nothing_is_a_prefetch_of_one() {
    let bus = LocalBus::new(0);
    let _answers = publish(&bus, [progressed(1), progressed(2)]);
    assert_eq!(receive(&bus, Control, 10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_loses_nothing_between_threads() {
    let bus = std::sync::Arc::new(LocalBus::new(8));
    let publisher = tokio::spawn({
        let bus = std::sync::Arc::clone(&bus);
        async move { futures::future::join_all((1..=2_000).map(|n| bus.publish(restored(n)))).await }
    });
    let readers = [Control, Purchase].map(|service| {
        let bus = std::sync::Arc::clone(&bus);
        tokio::spawn(async move {
            let mut acknowledged = 0;
            while acknowledged < 2_000 {
                for delivery in receive(&*bus, service, 5).await {
                    if number(&delivery).is_multiple_of(3) && acknowledged % 2 == 0 {
                        tokio::task::yield_now().await;
                    }
                    delivery.ack();
                    acknowledged += 1;
                }
            }
        })
    });
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(publisher.await.unwrap().iter().all(|confirm| *confirm == Confirm::Safe));
}

//! Dead letters: buried by a service, given up by the broker; looked at, sent back, thrown away.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use lapin::options::{BasicGetOptions, BasicNackOptions};
use seatshift_bus::dead_letters::{DeadLetters, Pace, Replayed, Which};
use seatshift_bus::topology::work_queue;
use seatshift_bus::{Buried, Bus, Delivery, Outgoing, RabbitError};
use seatshift_messages::Service::{Control, Purchase};

use super::stage::{Running, Vhost, raw};
use crate::given::*;

fn quick() -> Pace {
    Pace { per_second: NonZeroU32::new(1_000).unwrap(), watch: Duration::from_millis(600) }
}

async fn bury(bus: &Running, event: &Outgoing) {
    assert_eq!(bus.bury(Purchase, event.bytes.clone(), "it cannot be read").await, Buried::Kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_buried_lies_there_with_the_reason_and_looking_changes_nothing() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let letters = DeadLetters::new(vhost.options(Control));
    bury(&bus, &rollback(1)).await;
    assert_eq!(bus.bury(Purchase, b"not JSON".as_slice().into(), "not an envelope").await, Buried::Kept);
    for _ in 0..3 {
        let all = letters.list(Purchase, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].reason, "it cannot be read");
        assert_eq!(all[0].kind.as_deref(), Some("seatshift.rollback.requested.v1"));
        assert_eq!(all[0].id, rollback(1).id.to_string());
        assert_eq!((&*all[1].bytes, &*all[1].reason), (b"not JSON".as_slice(), "not an envelope"));
        assert!(!all[1].id.is_empty(), "it can be named");
        assert_eq!(letters.show(Purchase, &all[1].id).await.unwrap(), all[1]);
    }
    assert_eq!(letters.list(Purchase, 1).await.unwrap().len(), 1);
    assert_eq!(letters.count().await.unwrap()[&Purchase], 2);
    assert_eq!(letters.list(Control, 10).await.unwrap(), []);
    assert!(silent(&*bus, Purchase).await);
    let missing = letters.show(Purchase, "none").await;
    assert!(matches!(missing, Err(RabbitError::NoSuchLetter { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_go_back_to_their_own_service_and_nobody_else() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let control = Running::ready(vhost.options(Control)).await;
    let letters = DeadLetters::new(vhost.options(Control));
    for n in 1..=30 {
        bury(&bus, &restored(n)).await;
    }
    let one = Which::One(restored(20).id.to_string());
    let told = letters.replay(Purchase, &one, quick()).await.unwrap();
    assert_eq!(told, Replayed { replayed: 1, came_back: vec![] });
    let back = receive(&*bus, Purchase, 10).await;
    assert_eq!(back.iter().map(|delivery| &delivery.bytes).collect::<Vec<_>>(), [&restored(20).bytes]);
    back.into_iter().for_each(Delivery::ack);
    let told = letters.replay(Purchase, &Which::All, quick()).await.unwrap();
    assert_eq!(told, Replayed { replayed: 29, came_back: vec![] });
    let mut all = numbers(&receive_all(&*bus, Purchase, 29).await);
    all.sort_unstable();
    assert_eq!(all, (1..=30).filter(|n| *n != 20).collect::<Vec<_>>());
    assert_eq!(letters.count().await.unwrap()[&Purchase], 0);
    assert!(silent(&*control, Control).await, "it had its copy when the event was published");
    let again = letters.replay(Purchase, &one, quick()).await;
    assert!(matches!(again, Err(RabbitError::NoSuchLetter { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_stops_when_what_was_sent_back_dies_again() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let _control = Running::ready(vhost.options(Control)).await;
    let letters = DeadLetters::new(vhost.options(Control));
    for n in 1..=30 {
        bury(&bus, &restored(n)).await;
    }
    // A service that still cannot read the first one.
    let reader = async {
        for delivery in receive(&*bus, Purchase, 10).await {
            bus.bury(Purchase, delivery.bytes.clone(), "still not").await;
            delivery.ack();
        }
    };
    let patient = Pace { watch: Duration::from_secs(20), ..quick() };
    let began = Instant::now();
    let (told, ()) = tokio::join!(letters.replay(Purchase, &Which::All, patient), reader);
    let came_back = vec![restored(1).id.to_string()];
    assert_eq!(told.unwrap(), Replayed { replayed: 1, came_back });
    assert!(began.elapsed() < patient.watch, "it need not watch on");
    assert_eq!(letters.count().await.unwrap()[&Purchase], 30);
    let reasons: Vec<_> =
        letters.list(Purchase, 30).await.unwrap().into_iter().map(|one| one.reason).collect();
    assert_eq!(reasons.iter().filter(|reason| *reason == "still not").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_go_back_no_faster_than_wished() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let _control = Running::ready(vhost.options(Control)).await;
    let letters = DeadLetters::new(vhost.options(Control));
    for n in 1..=5 {
        bury(&bus, &restored(n)).await;
    }
    let slow = Pace { per_second: NonZeroU32::new(5).unwrap(), watch: Duration::ZERO };
    let began = Instant::now();
    assert_eq!(letters.replay(Purchase, &Which::All, slow).await.unwrap().replayed, 5);
    assert!(began.elapsed() >= Duration::from_millis(800), "five a second: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discarded_letters_are_gone_and_only_those() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let letters = DeadLetters::new(vhost.options(Control));
    for n in 1..=5 {
        bury(&bus, &restored(n)).await;
    }
    let id = |n| restored(n).id.to_string();
    assert_eq!(letters.discard(Purchase, &Which::One(id(3))).await.unwrap(), 1);
    assert_eq!(letters.discard(Purchase, &Which::Oldest(2)).await.unwrap(), 2);
    let left: Vec<_> = letters.list(Purchase, 10).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [id(4), id(5)]);
    assert!(matches!(
        letters.discard(Purchase, &Which::One(id(3))).await,
        Err(RabbitError::NoSuchLetter { .. })
    ));
    assert_eq!(letters.discard(Purchase, &Which::All).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_gives_up_a_message_that_is_never_finished() {
    let vhost = Vhost::fresh();
    {
        let bus = Running::ready(vhost.options(Control)).await;
        for answer in publish(&*bus, [rollback(1)]) {
            answer.awaited().await;
        }
    }
    // Somebody who crashes over it, again and again.
    let connection = raw(&vhost.raw_url()).await;
    let channel = connection.create_channel().await.unwrap();
    let mut deliveries = 0;
    let queue = work_queue(Purchase);
    while let Some(got) = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await.unwrap()
    {
        deliveries += 1;
        let options = BasicNackOptions { requeue: true, multiple: false };
        channel.basic_nack(got.delivery_tag, options).await.unwrap();
    }
    assert!((50..=51).contains(&deliveries), "{deliveries}");
    let letters = DeadLetters::new(vhost.options(Control));
    let mut found = Vec::new();
    for _ in 0..100 {
        found = letters.list(Purchase, 10).await.unwrap();
        if !found.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, rollback(1).id.to_string());
    assert!(found[0].reason.contains("delivered too often"), "{}", found[0].reason);
    // Sent back, it is a new message to the broker.
    let bus = Running::ready(vhost.options(Purchase)).await;
    assert_eq!(letters.replay(Purchase, &Which::All, quick()).await.unwrap().replayed, 1);
    receive(&*bus, Purchase, 1).await.remove(0).ack();
}

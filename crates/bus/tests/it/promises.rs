//! What every bus promises.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use seatshift_bus::{Confirm, Delivery, Outgoing};
use seatshift_messages::{EventId, Service};
use uuid::Uuid;

use crate::given::*;
use Service::{Control, Purchase, Reassignment, Suspension};

pub(crate) async fn an_event_reaches_everyone_it_is_for_and_nobody_else(open: Open<'_>) {
    let cases: [(Outgoing, &[Service]); 4] = [
        (progressed(1), &[Control]),
        (rollback(2), &[Purchase, Reassignment, Suspension]),
        (restored(3), &[Control, Purchase]),
        (retry(4, Suspension), &[Suspension]),
    ];
    for (event, readers) in cases {
        let bus = open(10);
        let _answers = publish(&*bus, [event.clone()]);
        for service in readers {
            let got = receive(&*bus, *service, 10).await;
            assert_eq!(got.iter().map(|delivery| &delivery.bytes).collect::<Vec<_>>(), [&event.bytes]);
            got.into_iter().for_each(Delivery::ack);
        }
        assert_eq!(join_all(Service::ALL.map(|service| silent(&*bus, service))).await, [true; 4]);
    }
}

pub(crate) async fn an_event_for_nobody_is_safe_at_once(open: Open<'_>) {
    let bus = open(10);
    for answer in publish(&*bus, [paused(1), retry(2, Control)]) {
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
    assert!(silent(&*bus, Control).await);
}

pub(crate) async fn the_bytes_arrive_unchanged(open: Open<'_>) {
    // Also what an envelope of a newer version holds and this one does not know.
    let bus = open(10);
    let known = String::from_utf8(progressed(1).bytes.to_vec()).unwrap();
    let newer = known.replacen('{', "{ \"later\" : [1,2] , ", 1);
    assert_ne!(known, newer);
    let event = Outgoing { id: EventId(Uuid::from_u128(1)), bytes: newer.into_bytes().into() };
    let _answers = publish(&*bus, [event.clone()]);
    assert_eq!(receive(&*bus, Control, 1).await[0].bytes, event.bytes);
}

pub(crate) async fn nothing_is_lost_or_doubled_when_all_goes_well(open: Open<'_>) {
    let bus = open(16);
    let answers = publish(&*bus, (1..=200).map(restored));
    for service in [Control, Purchase] {
        let mut seen = Vec::new();
        while seen.len() < 200 {
            for delivery in receive(&*bus, service, 7).await {
                seen.push(number(&delivery));
                delivery.ack();
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=200).collect::<Vec<_>>());
        assert!(silent(&*bus, service).await);
    }
    let confirmed = join_all(answers.into_iter().map(Answer::awaited)).await;
    assert!(confirmed.iter().all(|confirm| *confirm == Confirm::Safe));
}

pub(crate) async fn what_is_given_back_comes_again(open: Open<'_>) {
    let bus = open(1);
    let _answers = publish(&*bus, [progressed(1)]);
    for failed in [false, true, false, true, true] {
        let delivery = receive(&*bus, Control, 1).await.remove(0);
        assert_eq!(number(&delivery), 1);
        if failed { delivery.fail() } else { delivery.give_back() }
    }
    receive(&*bus, Control, 1).await.remove(0).ack();
    assert!(silent(&*bus, Control).await);
}

pub(crate) async fn what_is_dropped_comes_again(open: Open<'_>) {
    let bus = open(2);
    let _answers = publish(&*bus, [progressed(1), progressed(2)]);
    drop(receive_all(&*bus, Control, 2).await);
    // A task that panics with a delivery in its hands.
    let held = receive_all(&*bus, Control, 2).await;
    let died = tokio::spawn(async move {
        let _held = held;
        panic!("a reader that fails on purpose");
    });
    died.await.unwrap_err();
    let mut again = numbers(&receive_all(&*bus, Control, 2).await);
    again.sort_unstable();
    assert_eq!(again, [1, 2]);
}

pub(crate) async fn what_is_given_back_comes_behind_what_waits(open: Open<'_>) {
    let bus = open(1);
    let _answers = publish(&*bus, (1..=3).map(progressed));
    let first = receive(&*bus, Control, 1).await.remove(0);
    let refused = number(&first);
    first.give_back();
    let mut order = Vec::new();
    while order.len() < 3 {
        let delivery = receive(&*bus, Control, 1).await.remove(0);
        order.push(number(&delivery));
        delivery.ack();
    }
    assert_eq!(order[2], refused, "one that cannot be handled does not hold up the others");
}

pub(crate) async fn an_acknowledged_event_does_not_come_again(open: Open<'_>) {
    let bus = open(1);
    let _answers = publish(&*bus, [progressed(1)]);
    receive(&*bus, Control, 1).await.remove(0).ack();
    assert!(silent(&*bus, Control).await);
}

pub(crate) async fn no_more_than_the_prefetch_is_out(open: Open<'_>) {
    let bus = open(3);
    let _answers = publish(&*bus, (1..=9).map(progressed));
    let mut out = receive_all(&*bus, Control, 3).await;
    assert!(silent(&*bus, Control).await);
    out.remove(0).ack();
    let next = receive(&*bus, Control, 10).await;
    assert_eq!(next.len(), 1);
    assert!(silent(&*bus, Control).await);
    // A receiver that waits already is woken when room is made.
    let (more, ()) = tokio::join!(receive(&*bus, Control, 10), async { out.remove(0).ack() });
    assert_eq!(more.len(), 1);
}

pub(crate) async fn no_more_than_the_limit_comes_at_once(open: Open<'_>) {
    let bus = open(100);
    let _answers = publish(&*bus, (1..=9).map(progressed));
    let mut seen = BTreeSet::new();
    while seen.len() < 9 {
        let some = receive(&*bus, Control, 4).await;
        assert!((1..=4).contains(&some.len()));
        for delivery in some {
            assert!(seen.insert(number(&delivery)), "delivered twice");
            delivery.ack();
        }
    }
    let _answers = publish(&*bus, [progressed(10)]);
    assert_eq!(receive(&*bus, Control, 0).await.len(), 1, "a limit of nothing is a limit of one");
}

pub(crate) async fn a_receive_does_not_wait_to_fill_up(open: Open<'_>) {
    let bus = open(100);
    let _answers = publish(&*bus, [progressed(1)]);
    assert_eq!(numbers(&receive(&*bus, Control, 64).await), [1]);
}

pub(crate) async fn a_receive_waits_for_an_event(open: Open<'_>) {
    let bus = open(10);
    let waiting = receive(&*bus, Control, 10);
    let (got, _answers) = tokio::join!(waiting, async {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        publish(&*bus, [progressed(1)])
    });
    assert_eq!(numbers(&got), [1]);
}

pub(crate) async fn a_receive_that_is_given_up_loses_nothing(open: Open<'_>) {
    let bus = open(2);
    // Given up before anything came, after the wake-up but before it could look, and among others that wait.
    for n in 1..=20 {
        let mut given_up = bus.receive(Control, 1);
        let mut stays = bus.receive(Control, 1);
        assert!((&mut given_up).now_or_never().is_none());
        assert!((&mut stays).now_or_never().is_none());
        let _answers = publish(&*bus, [progressed(n)]);
        drop(given_up);
        let got = tokio::time::timeout(std::time::Duration::from_secs(5), stays).await.unwrap();
        assert_eq!(numbers(&got), [n]);
        got.into_iter().for_each(Delivery::ack);
    }
    // Given up after it had what it wanted, which nobody took: it is given back.
    let _answers = publish(&*bus, [progressed(99)]);
    drop(bus.receive(Control, 1).now_or_never());
    assert_eq!(numbers(&receive(&*bus, Control, 1).await), [99]);
}

pub(crate) async fn one_service_does_not_wait_for_another(open: Open<'_>) {
    let bus = open(1);
    let _answers = publish(&*bus, (1..=3).map(rollback));
    let held = receive(&*bus, Purchase, 1).await;
    for n in 1..=3 {
        let got = receive(&*bus, Suspension, 1).await;
        assert_eq!(numbers(&got), [n]);
        got.into_iter().for_each(Delivery::ack);
    }
    assert!(silent(&*bus, Purchase).await);
    drop(held);
}

pub(crate) async fn competing_receivers_share_the_events(open: Open<'_>) {
    let bus = open(8);
    let _answers = publish(&*bus, (1..=60).map(progressed));
    let shares = join_all((0..3).map(|_| {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            let mut share = Vec::new();
            // Each stops at 20: that all three get there shows that none of them starves.
            while share.len() < 20 {
                for delivery in receive(&*bus, Control, 1).await {
                    share.push(number(&delivery));
                    tokio::task::yield_now().await;
                    delivery.ack();
                }
            }
            share
        })
    }))
    .await;
    let mut all: Vec<_> = shares.into_iter().flat_map(Result::unwrap).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=60).collect::<Vec<_>>());
}

pub(crate) async fn an_unreadable_event_reaches_control(open: Open<'_>) {
    let known = String::from_utf8(progressed(1).bytes.to_vec()).unwrap();
    let unreadable = [
        "not JSON".to_owned(),
        "{}".to_owned(),
        known.replace("migration.progressed.v1", "migration.celebrated.v1"),
        known.replace("\"moved\":1", "\"moved\":\"one\""),
    ];
    let bus = open(10);
    for text in unreadable {
        assert_ne!(text, known);
        let event = Outgoing { id: EventId(Uuid::from_u128(1)), bytes: text.clone().into_bytes().into() };
        let answer = publish(&*bus, [event.clone()]).remove(0);
        let got = receive(&*bus, Control, 10).await.remove(0);
        assert_eq!(got.bytes, event.bytes, "{text}");
        got.ack();
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
    let others = [Purchase, Reassignment, Suspension].map(|service| silent(&*bus, service));
    assert_eq!(join_all(others).await, [true; 3]);
}

pub(crate) async fn an_event_is_published_whether_the_answer_is_awaited_or_not(open: Open<'_>) {
    let bus = open(10);
    drop(publish(&*bus, [progressed(1)]));
    assert_eq!(numbers(&receive(&*bus, Control, 1).await), [1]);
}

pub(crate) async fn a_confirmed_event_was_safe(open: Open<'_>) {
    // What was confirmed needs no second publication; what was acknowledged by all is confirmed.
    let bus = open(10);
    let answers = publish(&*bus, (1..=5).map(rollback));
    for service in [Purchase, Reassignment, Suspension] {
        receive_all(&*bus, service, 5).await.into_iter().for_each(Delivery::ack);
    }
    for answer in answers {
        assert_eq!(answer.awaited().await, Confirm::Safe);
    }
}

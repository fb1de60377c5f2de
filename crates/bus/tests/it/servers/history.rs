//! The stream with everything that was ever published.

use seatshift_bus::history::{Since, publish_again, read, walk};
use seatshift_messages::Service::{Control, Purchase};
use std::ops::ControlFlow;

use super::stage::{Running, Vhost};
use crate::given::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_holds_every_event_in_the_order_of_its_publication() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let reader = vhost.options(Control);
    assert_eq!(read(&reader, Since::First, usize::MAX).await.unwrap(), []);
    let events: Vec<_> = (0..1_500).map(|n| if n % 2 == 0 { progressed(n) } else { paused(n) }).collect();
    for answer in publish(&*bus, events.clone()) {
        answer.awaited().await;
    }
    let all = read(&reader, Since::First, usize::MAX).await.unwrap();
    assert_eq!(all.len(), events.len());
    for (place, (record, event)) in all.iter().zip(&events).enumerate() {
        assert_eq!((record.offset, &*record.bytes), (place as u64, &*event.bytes));
    }
    let some = read(&reader, Since::Offset(1_490), 5).await.unwrap();
    assert_eq!(
        some.iter().map(|record| record.offset).collect::<Vec<_>>(),
        (1_490..1_495).collect::<Vec<_>>()
    );
    let last = read(&reader, Since::Last, usize::MAX).await.unwrap();
    assert_eq!(last.last(), all.last());
    assert_eq!(read(&reader, Since::Offset(1_500), usize::MAX).await.unwrap(), [], "nothing is there yet");
    let at = |time: &str| Since::Time(time.parse().unwrap());
    assert_eq!(read(&reader, at("2001-01-01T00:00:00Z"), usize::MAX).await.unwrap().len(), all.len());
    assert_eq!(read(&reader, at("1901-01-01T00:00:00Z"), 3).await.unwrap().len(), 3);
    assert_eq!(
        read(&reader, at("2999-01-01T00:00:00Z"), usize::MAX).await.unwrap(),
        [],
        "nothing is so young"
    );
    let mut seen = 0;
    let stop_at_ten = |_| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    walk(&reader, Since::First, stop_at_ten).await.unwrap();
    assert_eq!(seen, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_has_lost_is_put_back_from_elsewhere() {
    let (vhost, new) = (Vhost::fresh(), Vhost::fresh());
    {
        let bus = Running::ready(vhost.options(Purchase)).await;
        for answer in publish(&*bus, (1..=600).map(restored)) {
            answer.awaited().await;
        }
    }
    let all = read(&vhost.options(Control), Since::First, usize::MAX).await.unwrap();
    let bytes: Vec<_> = all.into_iter().map(|record| record.bytes).collect();
    let control = Running::ready(new.options(Control)).await;
    publish_again(&new.options(Control), &bytes).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 600 {
        for delivery in receive(&*control, Control, 100).await {
            seen.push(number(&delivery));
            delivery.ack();
        }
    }
    assert_eq!(seen, (1..=600).collect::<Vec<_>>());
}

//! What becomes of events on their way to the broker.

use std::time::Duration;

use lapin::options::BasicGetOptions;
use lapin::types::AMQPValue;
use seatshift_bus::topology::{EVENTS, HISTORY, work_queue};
use seatshift_bus::{BrokerUrl, Confirm, Declare, Delivery, Outgoing, RabbitOptions};
use seatshift_messages::Service::{Control, Purchase};
use seatshift_messages::{CONTENT_TYPE, Envelope};

use super::stage::{Running, Vhost, raw};
use crate::alone::nowhere;
use crate::given::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_carries_its_heading_where_the_broker_can_see_it() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let mut envelope = Envelope::from_bytes(&restored(1).bytes).unwrap();
    envelope.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let event = Outgoing { id: envelope.id, bytes: envelope.to_bytes().into() };
    assert_eq!(publish(&*bus, [event]).remove(0).awaited().await, Confirm::Safe);

    let connection = raw(&vhost.raw_url()).await;
    let channel = connection.create_channel().await.unwrap();
    let queue = work_queue(Control).as_str().into();
    let got = channel.basic_get(queue, BasicGetOptions::default()).await.unwrap().unwrap();
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().unwrap().to_string();
    let properties = &got.properties;
    assert_eq!((got.exchange.as_str(), got.routing_key.as_str()), (EVENTS, "seatshift.licenses.restored.v1"));
    assert_eq!(text(properties.message_id()), envelope.id.to_string());
    assert_eq!(text(properties.kind()), "seatshift.licenses.restored.v1");
    assert_eq!(text(properties.correlation_id()), envelope.subject.to_string());
    assert_eq!(text(properties.content_type()), CONTENT_TYPE);
    assert_eq!(text(properties.app_id()), "seatshift-purchase");
    assert_eq!(*properties.delivery_mode(), Some(2), "survives a restart of the broker");
    assert_eq!(*properties.timestamp(), Some(0));
    let traceparent = properties.headers().as_ref().unwrap().inner().get("traceparent");
    let expected = AMQPValue::LongString(envelope.traceparent.unwrap().into());
    assert_eq!(traceparent, Some(&expected));
}

/// The history takes everything, so the broker does not say that an event has reached no service. Declaring does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_binding_is_not_noticed_by_publishing_but_mended_by_the_next_session() {
    let vhost = Vhost::fresh();
    let kind = "seatshift.migration.progressed.v1";
    let control = Running::ready(vhost.options(Control)).await;
    vhost.unbind(EVENTS, &work_queue(Control), kind);
    assert_eq!(publish(&*control, [progressed(1)]).remove(0).awaited().await, Confirm::Safe);
    assert!(silent(&*control, Control).await);
    // Any service mends it, not only the one that misses the event.
    let purchase = Running::ready(vhost.options(Purchase)).await;
    assert_eq!(publish(&*purchase, [progressed(2)]).remove(0).awaited().await, Confirm::Safe);
    assert_eq!(numbers(&receive(&*control, Control, 10).await), [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_binding_is_made_anew_while_the_session_lives() {
    let vhost = Vhost::fresh();
    let kind = "seatshift.migration.progressed.v1";
    let often = std::time::Duration::from_millis(100);
    let control = Running::ready(RabbitOptions { bind_again: often, ..vhost.options(Control) }).await;
    vhost.unbind(EVENTS, &work_queue(Control), kind);
    let heard = async {
        loop {
            assert_eq!(publish(&*control, [progressed(1)]).remove(0).awaited().await, Confirm::Safe);
            if let Ok(heard) = tokio::time::timeout(often, receive(&*control, Control, 1)).await {
                return numbers(&heard);
            }
        }
    };
    let patience = std::time::Duration::from_secs(30);
    assert_eq!(tokio::time::timeout(patience, heard).await.expect("it is bound again"), [1]);
    assert_eq!(control.state().reconnects, 0, "without a new session");
}

/// lapin hangs a return on whichever confirmation comes next; an event must not be called safe for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_the_broker_returns_is_never_called_safe_however_many_are_on_their_way() {
    let vhost = Vhost::fresh();
    {
        let _somebody_declares = Running::ready(vhost.options(Purchase)).await;
    }
    // Without the history, what is for nobody cannot be routed; and this bus does not bind it again.
    vhost.unbind(EVENTS, HISTORY, "#");
    let bus = Running::ready(RabbitOptions { declare: Declare::Passive, ..vhost.options(Purchase) }).await;
    for round in 0..5 {
        bus.until("publishing", |state| state.publishing).await;
        let events = (0..200).map(|n| round * 1_000 + n);
        let answers: Vec<_> = events
            .map(|n| {
                let nobody = n % 9 == 0;
                (nobody, publish(&*bus, [if nobody { paused(n) } else { progressed(n) }]).remove(0))
            })
            .collect();
        let mut safe = 0;
        for (nobody, answer) in answers {
            let confirm = answer.awaited().await;
            assert!(!(nobody && confirm == Confirm::Safe), "it reached nobody");
            safe += u32::from(confirm == Confirm::Safe);
        }
        assert!(safe > 0, "the others of its round are safe");
    }
    let state = bus.state();
    assert!(state.returned > 0, "{state:?}");
    assert!(state.last_error.unwrap().contains("a binding of `seatshift.events` is gone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_an_unknown_answer_and_a_slower_pace() {
    let vhost = Vhost::fresh();
    let bus = Running::ready(vhost.options(Purchase)).await;
    let policy =
        r#"{"pattern":"^seatshift\\.control\\.v1$","apply-to":"queues","definition":{"max-length":5}}"#;
    let path = format!("/api/policies/{}/short", vhost.name);
    vhost.servers.rabbit.api("PUT", &path, policy).unwrap();
    // The limit is soft, and the broker learns of it a little later.
    let until_refused = async {
        let mut n = 0;
        while publish(&*bus, [progressed(n)]).remove(0).awaited().await == Confirm::Safe {
            n += 1;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), until_refused).await.expect("a refusal");
    assert!(bus.state().refused > 0);
    // Once there is room again, it is taken again.
    let control = Running::ready(vhost.options(Control)).await;
    let reader = async {
        loop {
            receive(&*control, Control, 64).await.into_iter().for_each(Delivery::ack);
        }
    };
    let writer =
        async { while publish(&*bus, [progressed(9_999)]).remove(0).awaited().await == Confirm::Unknown {} };
    tokio::select! {
        () = writer => {}
        () = reader => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_node_is_tried_when_one_does_not_answer() {
    let vhost = Vhost::fresh();
    let urls = vec![nowhere().urls.remove(0), vhost.url()];
    let bus = Running::ready(RabbitOptions { urls, ..nowhere() }).await;
    assert_eq!(publish(&*bus, [progressed(1)]).remove(0).awaited().await, Confirm::Safe);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_brokers_the_next_is_taken_where_one_is_not_there() {
    let vhost = Vhost::fresh();
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let absent = BrokerUrl::parse(&format!("amqp://nobody@{free}/{}", vhost.name)).unwrap();
    let options = RabbitOptions {
        backoff: (Duration::from_millis(20), Duration::from_millis(100)),
        ..RabbitOptions::new(Control, vec![absent, vhost.url()])
    };
    let control = Running::ready(options).await;
    assert_eq!(publish(&*control, [progressed(1)]).remove(0).awaited().await, Confirm::Safe);
}

//! Receiving: a session that takes deliveries from the broker and puts them on a shelf, and acknowledges what is settled.
//!
//! One task owns the channel, so that acknowledgments can be told many at a time. A delivery belongs to its session: when
//! that dies, the broker delivers again, and settling the old one says nothing to anybody.
//!
//! What is given back comes again *behind what waits already*. A quorum queue with a delivery limit does not promise that:
//! it puts a requeued message near its head. So it is held here for a moment that grows with the number of its deliveries,
//! while the others go by (the broker is asked for a little more than the prefetch, to have room for it), and only then
//! handed back; the moment also paces a message that nobody can handle on its way to the dead letters.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    BasicRejectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer, Event};
use seatshift_messages::{Envelope, Service};
use tokio::time::{Instant, sleep_until};

use super::connect::Line;
use super::error::RabbitError;
use super::message::short;
use super::shelf::{Back, Desk, Parcel};
use super::topology::{depends_on_its_content, work_queue};
use super::{Phase, Shared, declare};
use crate::Settled;

/// A message given back for the first time is handed back to the broker after this.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Receives until the line breaks or the bus is closed. `Ok` = closed.
pub(crate) async fn session(shared: &Shared, line: Line) -> Result<(), RabbitError> {
    declare::session_start(shared, &line.connection).await?;
    let channel = line.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))?;
    let consumer = consume(shared, &channel).await?;
    shared.board.note().consuming = true;
    *shared.line.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(&line.connection));
    let mut session = Session {
        shared,
        channel,
        consumer: Some(consumer),
        desk: Arc::default(),
        held: BTreeSet::new(),
        draining: false,
    };
    let ended = session.run(line).await;
    // What nobody has taken comes again; who has taken something finds out when it is delivered again.
    shared.shelf.clear();
    ended
}

async fn consume(shared: &Shared, channel: &Channel) -> Result<Consumer, RabbitError> {
    let queue = work_queue(shared.options.service);
    // Not "global": a quorum queue ends the whole connection over that.
    channel
        .basic_qos(ask_for(shared.options.prefetch), BasicQosOptions { global: false })
        .await
        .map_err(RabbitError::broker("setting the prefetch"))?;
    channel
        .basic_consume(
            queue.as_str().into(),
            short(&shared.options.instance),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .map_err(RabbitError::broker(format!("consuming from {queue}")))
}

/// A little more than the prefetch, so that what was given back does not hold up the others while it waits.
fn ask_for(prefetch: u16) -> u16 {
    prefetch.max(1).saturating_add(prefetch / 8).saturating_add(1)
}

struct Session<'s> {
    shared: &'s Shared,
    channel: Channel,
    /// None once the broker was asked for no more.
    consumer: Option<Consumer>,
    desk: Arc<Desk>,
    /// Given back, by the time at which the broker gets them; with whether they count as failed.
    held: BTreeSet<(Instant, u64, bool)>,
    draining: bool,
}

impl Session<'_> {
    async fn run(&mut self, mut line: Line) -> Result<(), RabbitError> {
        let mut phase = self.shared.phase.subscribe();
        let desk = Arc::clone(&self.desk);
        let connection = Arc::downgrade(&line.connection);
        let bound = declare::keep_bound(self.shared, &connection);
        tokio::pin!(bound);
        loop {
            let now = *phase.borrow_and_update();
            if now >= Phase::Draining && !self.draining {
                self.drain().await?;
            }
            self.tell().await?;
            if now == Phase::Closing {
                let _ = self.channel.close(200, "".into()).await;
                line.close().await;
                return Ok(());
            }
            // Whatever has arrived, also while there is much to tell.
            while let Some(delivery) = next(&mut self.consumer).now_or_never() {
                self.arrived(delivery)?;
            }
            let due = self.held.first().map(|(due, ..)| *due);
            tokio::select! {
                biased;
                event = line.events.next() => match event {
                    Some(Event::Error(error)) => {
                        return Err(RabbitError::broker("the connection to consume")(error));
                    }
                    Some(_) => {}
                    None => return Err(RabbitError::Cancelled),
                },
                _ = phase.changed() => {}
                () = desk.changed.notified() => {}
                () = at(due) => {}
                error = &mut bound => return Err(error),
                delivery = next(&mut self.consumer) => self.arrived(delivery)?,
            }
        }
    }

    fn arrived(
        &mut self,
        delivery: Option<lapin::Result<lapin::message::Delivery>>,
    ) -> Result<(), RabbitError> {
        let delivery = match delivery {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(RabbitError::broker("consuming")(error)),
            None => return Err(RabbitError::Cancelled),
        };
        let tag = delivery.delivery_tag;
        self.desk.books().acks.delivered(tag);
        self.shared.board.note().delivered += 1;
        if is_for_another(&delivery, self.shared.options.service) {
            self.desk.settle(tag, 0, Settled::Acknowledged);
            return Ok(());
        }
        let deliveries = earlier_deliveries(delivery.properties.headers().as_ref());
        let bytes = delivery.data.into();
        self.shared.shelf.put(Parcel { tag, bytes, deliveries, desk: Arc::clone(&self.desk) });
        Ok(())
    }

    /// Tells the broker what has been settled, and hands back what has waited long enough.
    async fn tell(&mut self) -> Result<(), RabbitError> {
        let now = Instant::now();
        let (acks, given_back, acknowledged) = {
            let mut books = self.desk.books();
            let acks = books.acks.take();
            (acks, std::mem::take(&mut books.given_back), std::mem::take(&mut books.acknowledged))
        };
        {
            let mut board = self.shared.board.note();
            board.acknowledged += acknowledged;
            board.given_back += given_back.len() as u64;
        }
        for ack in acks {
            let options = BasicAckOptions { multiple: ack.multiple };
            self.channel.basic_ack(ack.tag, options).await.map_err(RabbitError::broker("acknowledging"))?;
        }
        for Back { tag, deliveries, failed } in given_back {
            let due = if self.draining { now } else { now + pause(deliveries) };
            self.held.insert((due, tag, failed));
        }
        while let Some((_, tag, failed)) = self.held.first().copied().filter(|(due, ..)| *due <= now) {
            self.held.pop_first();
            self.hand_back(tag, failed).await?;
        }
        Ok(())
    }

    /// Every version counts a *reject* toward the limit at which the message becomes a dead letter; a *nack* counts up to
    /// 4.2 and not from 4.3 on. So what could not be handled is rejected, and what is only given back is not.
    async fn hand_back(&mut self, tag: u64, failed: bool) -> Result<(), RabbitError> {
        let handed = if failed {
            self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await
        } else {
            self.channel.basic_nack(tag, BasicNackOptions { requeue: true, multiple: false }).await
        };
        handed.map_err(RabbitError::broker("giving back"))?;
        self.desk.books().acks.returned(tag);
        Ok(())
    }

    /// Asks for no more, and hands back what nobody has taken.
    async fn drain(&mut self) -> Result<(), RabbitError> {
        self.draining = true;
        let Some(mut consumer) = self.consumer.take() else { return Ok(()) };
        self.channel
            .basic_cancel(consumer.tag(), BasicCancelOptions::default())
            .await
            .map_err(RabbitError::broker("asking for no more deliveries"))?;
        // What had arrived is still yielded, and then the end.
        while let Some(delivery) = consumer.next().await {
            self.arrived(Some(delivery))?;
        }
        let unread = self.shared.shelf.clear().into_iter().map(|tag| (tag, false));
        let held = std::mem::take(&mut self.held).into_iter().map(|(_, tag, failed)| (tag, failed));
        for (tag, failed) in unread.chain(held) {
            self.hand_back(tag, failed).await?;
        }
        let mut board = self.shared.board.note();
        board.drained = true;
        board.consuming = false;
        drop(board);
        self.shared.drained.send_replace(true);
        Ok(())
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn next(consumer: &mut Option<Consumer>) -> Option<lapin::Result<lapin::message::Delivery>> {
    match consumer {
        Some(consumer) => consumer.next().await,
        None => std::future::pending().await,
    }
}

/// The broker routes by type alone; a few types say inside whom they are for.
fn is_for_another(delivery: &lapin::message::Delivery, service: Service) -> bool {
    let kind = delivery.properties.kind().as_ref();
    if !kind.is_some_and(|kind| depends_on_its_content(kind.as_str())) {
        return false;
    }
    let event =
        Envelope::from_bytes(&delivery.data).and_then(|envelope| seatshift_messages::Event::read(&envelope));
    // What cannot be read is the reader's to bury.
    event.is_ok_and(|event| !event.heard_by().contains(&service))
}

/// How often a quorum queue has handed it out before. For pacing only: what is counted differs from version to version.
fn earlier_deliveries(headers: Option<&FieldTable>) -> u32 {
    let count = |name| match headers?.inner().get(name)? {
        AMQPValue::LongLongInt(count) => u32::try_from(*count).ok(),
        AMQPValue::LongInt(count) => u32::try_from(*count).ok(),
        AMQPValue::LongUInt(count) => Some(*count),
        AMQPValue::ShortInt(count) => u32::try_from(*count).ok(),
        AMQPValue::ShortShortInt(count) => u32::try_from(*count).ok(),
        AMQPValue::ShortShortUInt(count) => Some((*count).into()),
        _ => None,
    };
    // RabbitMQ 4.3 counts what is given back in the second.
    count("x-delivery-count").max(count("x-acquired-count")).unwrap_or_default()
}

/// How long a message that was given back is held.
fn pause(deliveries: u32) -> Duration {
    let grown = PAUSE.as_secs_f64() * 1.5_f64.powi(deliveries.min(30) as i32);
    Duration::from_secs_f64(grown).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, count: AMQPValue) -> FieldTable {
        let mut headers = FieldTable::default();
        headers.insert(name.into(), count);
        headers
    }

    #[test]
    fn a_message_that_comes_again_and_again_is_held_longer_and_longer_but_never_long() {
        let pauses: Vec<_> = (0..50).map(pause).collect();
        assert_eq!(pauses[0], PAUSE);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[49], LONGEST_PAUSE);
        let sum: Duration = pauses.iter().sum();
        assert!(sum > Duration::from_secs(300), "its way to the dead letters takes minutes: {sum:?}");
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn earlier_deliveries_are_read_under_either_name_and_in_any_width() {
        assert_eq!(earlier_deliveries(None), 0);
        assert_eq!(earlier_deliveries(Some(&headers("x-delivery-count", AMQPValue::LongLongInt(3)))), 3);
        assert_eq!(earlier_deliveries(Some(&headers("x-acquired-count", AMQPValue::ShortShortUInt(4)))), 4);
        assert_eq!(earlier_deliveries(Some(&headers("x-delivery-count", AMQPValue::LongInt(-1)))), 0);
        assert_eq!(earlier_deliveries(Some(&headers("x-delivery-count", AMQPValue::Void))), 0);
    }

    #[test]
    fn the_broker_is_asked_for_a_little_more_than_the_prefetch() {
        assert_eq!((ask_for(0), ask_for(1), ask_for(128), ask_for(u16::MAX)), (2, 2, 145, u16::MAX));
    }
}

//! Every event ever published, read from the broker's stream.
//!
//! Reading takes nothing away, and any number of readers may read. Offsets count messages from 0 and are never given
//! twice; what was cut by age or size is gone from the front. An event that was published twice lies here twice.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Consumer};
use seatshift_messages::{Envelope, EventId};
use tokio::time::timeout;
use uuid::Uuid;

use crate::rabbit::message::{self, Address};
use crate::rabbit::outbound::send;
use crate::rabbit::topology::{EVENTS, HISTORY};
use crate::rabbit::{RabbitError, RabbitOptions, open_any, read_tls};

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// With the oldest that is kept.
    First,
    /// With this one, or the first after it that is kept.
    Offset(u64),
    /// With what was published at this time; up to one of the broker's chunks earlier.
    Time(Timestamp),
    /// With the newest few: the broker's last chunk.
    Last,
}

/// One event of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: u64,
    pub bytes: Vec<u8>,
}

/// How many are on their way at a time.
const WINDOW: u16 = 500;
/// The broker had a message for us and gives none for so long: something is wrong.
const PATIENCE: Duration = Duration::from_secs(15);
/// The broker counts nothing, and gives nothing for so long: there is nothing.
const EMPTY: Duration = Duration::from_secs(1);
/// The newest was seen, and nothing more comes for so long: that was the end.
const QUIET: Duration = Duration::from_millis(300);

/// Everything up to the present end, at most `most`.
pub async fn read(options: &RabbitOptions, since: Since, most: usize) -> Result<Vec<Record>, RabbitError> {
    let mut records = Vec::new();
    walk(options, since, |record| {
        if records.len() < most {
            records.push(record);
        }
        if records.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .await?;
    Ok(records)
}

/// Shows each one up to the present end, without keeping them, until told to stop.
pub async fn walk(
    options: &RabbitOptions,
    since: Since,
    mut show: impl FnMut(Record) -> ControlFlow<()>,
) -> Result<(), RabbitError> {
    let line = open_any(options, &read_tls(&options.tls)?, "history").await?;
    let channel = line.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))?;
    if let Some(end) = newest(&channel).await? {
        follow(&channel, since, end, &mut show).await?;
    }
    line.close().await;
    Ok(())
}

/// Publishes events once more, as they are; their readers drop what they have seen. For putting back what a broker has
/// lost, from a file or from another broker's history. The bindings must be there.
pub async fn publish_again(options: &RabbitOptions, events: &[Vec<u8>]) -> Result<(), RabbitError> {
    let line = open_any(options, &read_tls(&options.tls)?, "history").await?;
    let channel = line.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .map_err(RabbitError::broker("asking for confirmations"))?;
    for some in events.chunks(options.batch.max(1)) {
        let addressed: Vec<_> = some.iter().map(|bytes| again(options, bytes)).collect();
        let messages = addressed.iter().map(|(address, bytes)| (address, *bytes));
        let answers = timeout(options.confirm_timeout, send(&channel, messages))
            .await
            .map_err(|_| RabbitError::Unconfirmed { after: options.confirm_timeout })?
            .map_err(RabbitError::broker("publishing"))?;
        let returned = answers.iter().filter(|answer| !matches!(answer, Confirmation::Ack(None))).count();
        if returned > 0 {
            return Err(RabbitError::Unroutable { exchange: EVENTS.to_owned(), count: returned });
        }
    }
    line.close().await;
    Ok(())
}

fn again<'b>(options: &RabbitOptions, bytes: &'b [u8]) -> (Address, &'b [u8]) {
    let id = Envelope::from_bytes(bytes).map_or(EventId(Uuid::nil()), |envelope| envelope.id);
    (message::event(id, bytes, options.service), bytes)
}

/// An offset that exists and is among the newest; None when the stream is empty.
async fn newest(channel: &Channel) -> Result<Option<u64>, RabbitError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = channel
        .queue_declare(HISTORY.into(), options, FieldTable::default())
        .await
        .map_err(RabbitError::broker("looking at the history"))?;
    let mut consumer = consume(channel, Since::Last).await?;
    // The broker's count lags behind: nothing counted does not mean that nothing is there.
    let newest = match found.message_count() {
        0 => within(EMPTY, &mut consumer).await?,
        _ => Some(next(&mut consumer).await?),
    };
    stop(channel, consumer).await?;
    Ok(newest.as_ref().map(offset))
}

async fn follow(
    channel: &Channel,
    since: Since,
    end: u64,
    show: &mut impl FnMut(Record) -> ControlFlow<()>,
) -> Result<(), RabbitError> {
    let mut consumer = consume(channel, since).await?;
    let (mut seen, mut unacknowledged) = (None, 0);
    loop {
        let delivery = match seen {
            // Beyond the end there may be nothing more.
            _ if matches!(since, Since::Offset(first) if first > end) => within(QUIET, &mut consumer).await?,
            Some(seen) if seen >= end => within(QUIET, &mut consumer).await?,
            // Nothing may be so young.
            None if matches!(since, Since::Time(_)) => within(EMPTY, &mut consumer).await?,
            _ => Some(next(&mut consumer).await?),
        };
        let Some(delivery) = delivery else { break };
        let offset = offset(&delivery);
        seen = Some(offset);
        unacknowledged += 1;
        if unacknowledged >= WINDOW / 2 {
            // No message goes away: it makes room for more to come.
            channel
                .basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true })
                .await
                .map_err(RabbitError::broker("reading the history"))?;
            unacknowledged = 0;
        }
        // The broker begins at a chunk's first message, which may lie before what was asked for.
        if matches!(since, Since::Offset(first) if offset < first) {
            continue;
        }
        if show(Record { offset, bytes: delivery.data }).is_break() {
            break;
        }
    }
    stop(channel, consumer).await
}

async fn consume(channel: &Channel, since: Since) -> Result<Consumer, RabbitError> {
    let mut arguments = FieldTable::default();
    let since = match since {
        Since::First => AMQPValue::LongString("first".into()),
        Since::Last => AMQPValue::LongString("last".into()),
        // Whole seconds; everything before 1970 is the beginning.
        Since::Time(time) => AMQPValue::Timestamp(u64::try_from(time.as_second()).unwrap_or_default()),
        Since::Offset(offset) => AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX)),
    };
    arguments.insert("x-stream-offset".into(), since);
    // A stream wants a prefetch and acknowledgments.
    let reading = RabbitError::broker("reading the history");
    channel
        .basic_qos(WINDOW, BasicQosOptions { global: false })
        .await
        .map_err(RabbitError::broker("setting the prefetch"))?;
    channel
        .basic_consume(HISTORY.into(), "".into(), BasicConsumeOptions::default(), arguments)
        .await
        .map_err(reading)
}

async fn stop(channel: &Channel, consumer: Consumer) -> Result<(), RabbitError> {
    channel
        .basic_cancel(consumer.tag(), lapin::options::BasicCancelOptions::default())
        .await
        .map_err(RabbitError::broker("reading the history"))
}

async fn next(consumer: &mut Consumer) -> Result<Delivery, RabbitError> {
    let late = RabbitError::TimedOut { doing: "reading the history", after: PATIENCE };
    within(PATIENCE, consumer).await?.ok_or(late)
}

/// The next one, or None when nothing comes for so long.
async fn within(limit: Duration, consumer: &mut Consumer) -> Result<Option<Delivery>, RabbitError> {
    match timeout(limit, consumer.next()).await {
        Ok(Some(delivery)) => delivery.map(Some).map_err(RabbitError::broker("reading the history")),
        Ok(None) => Err(RabbitError::Cancelled),
        Err(_) => Ok(None),
    }
}

fn offset(delivery: &Delivery) -> u64 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get("x-stream-offset")) {
        Some(AMQPValue::LongLongInt(offset)) => u64::try_from(*offset).unwrap_or_default(),
        _ => 0,
    }
}

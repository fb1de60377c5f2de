//! Publishing: a queue in memory, and a session that sends what is in it and waits for the broker's word.
//!
//! One task owns the channel and works in rounds: take what is there, send it all, await every confirmation, and only then
//! answer. It must be rounds, because the broker names a returned message only by its content: lapin hangs a return on the
//! confirmation that comes next, whichever that is. After a whole round the set of returned ids is complete.
//!
//! **A confirmation says that the broker has the event, not that a service will see it.** The history takes every event,
//! so "mandatory" is never refused as long as that stands, whatever other binding is gone. That is why every session
//! declares all bindings before it publishes, and why control watches for steps from which no fact comes.
//!
//! What must never happen: an event that is called safe and was returned or refused, or an answer that never comes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Event};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connect::Line;
use super::error::RabbitError;
use super::message::Address;
use super::{Phase, Shared, declare};
use crate::Confirm;

/// After a refusal (a full queue): let the queue's readers get on.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// Refused so often in a row, the session begins anew: a quorum queue tells a channel to stop, and forgets to tell it to
/// go on when the limit itself is lifted; a new channel asks anew.
const REFUSALS: u32 = 20;

/// One message that waits.
struct Publication {
    address: Address,
    bytes: Arc<[u8]>,
    /// After it nobody awaits the answer any more.
    deadline: Instant,
    tell: oneshot::Sender<Confirm>,
    _counted: Counted,
}

impl Publication {
    fn id(&self) -> &str {
        self.address.properties.message_id().as_ref().map_or("", |id| id.as_str())
    }
}

/// What waits to be published. Bounded by those who publish, who await their answers.
#[derive(Default)]
pub(crate) struct Outbound {
    waiting: Mutex<VecDeque<Publication>>,
    changed: Notify,
    unconfirmed: Arc<AtomicU64>,
}

impl Outbound {
    /// The answer is [`Confirm::Unknown`] when none came within `limit`, or when the session that had sent it died.
    pub(crate) fn publish(
        &self,
        address: Address,
        bytes: Arc<[u8]>,
        limit: Duration,
    ) -> BoxFuture<'static, Confirm> {
        let deadline = Instant::now() + limit;
        let (tell, told) = oneshot::channel();
        let counted = Counted::new(&self.unconfirmed);
        {
            // While there is no session nobody else clears away what nobody awaits any more.
            let mut waiting = self.current();
            waiting.push_back(Publication { address, bytes, deadline, tell, _counted: counted });
        }
        self.changed.notify_one();
        async move { timeout_at(deadline, told).await.ok().and_then(Result::ok).unwrap_or(Confirm::Unknown) }
            .boxed()
    }

    /// At least one, at most `most`, in the order they came. Dropping the future loses nothing.
    async fn next(&self, most: usize) -> Vec<Publication> {
        loop {
            let taken: Vec<_> = {
                let mut waiting = self.current();
                let count = waiting.len().min(most.max(1));
                waiting.drain(..count).collect()
            };
            if !taken.is_empty() {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    /// What waits, without what nobody awaits any more. All wait equally long, so the oldest is first.
    fn current(&self) -> MutexGuard<'_, VecDeque<Publication>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while waiting.front().is_some_and(|first| first.deadline <= now) {
            waiting.pop_front();
        }
        waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.current().is_empty()
    }

    /// Waiting or sent, and not answered.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    /// Nobody will publish them: their answer is unknown.
    pub(crate) fn give_up(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Counts one publication from the call to the answer.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(counter))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Publishes until the line breaks or the bus is closed and everything is out. `Ok` = closed.
pub(crate) async fn session(shared: &Shared, mut line: Line) -> Result<(), RabbitError> {
    declare::session_start(shared, &line.connection).await?;
    let channel = line.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .map_err(RabbitError::broker("asking for confirmations"))?;
    shared.board.note().publishing = true;
    let mut phase = shared.phase.subscribe();
    let (mut not_before, mut refusals) = (Instant::now(), 0);
    loop {
        let blocked = shared.board.note().blocked.is_some();
        let closing = *phase.borrow_and_update() == Phase::Closing;
        if closing && shared.outbound.is_empty() {
            line.close().await;
            return Ok(());
        }
        let ready = async {
            sleep_until(not_before).await;
            shared.outbound.next(shared.options.batch).await
        };
        let batch = tokio::select! {
            biased;
            event = line.events.next() => {
                heed(shared, event)?;
                continue;
            }
            _ = phase.changed() => continue,
            batch = ready, if !blocked => batch,
        };
        let answers = confirmed(shared, &mut line, &channel, &batch).await?;
        if settle(shared, batch, answers)? {
            not_before = Instant::now() + AFTER_REFUSAL;
            refusals += 1;
        } else {
            refusals = 0;
        }
        if refusals == REFUSALS {
            return Err(RabbitError::Refused { queue: "one of the work queues".to_owned() });
        }
    }
}

/// What the connection has to say.
fn heed(shared: &Shared, event: Option<Event>) -> Result<(), RabbitError> {
    match event {
        Some(Event::ConnectionBlocked(reason)) => {
            tracing::warn!(reason, "the broker takes no messages now");
            shared.board.note().blocked = Some(reason);
        }
        Some(Event::ConnectionUnblocked) => {
            tracing::info!("the broker takes messages again");
            shared.board.note().blocked = None;
        }
        Some(Event::Error(error)) => return Err(RabbitError::broker("the connection to publish")(error)),
        Some(_) => {}
        None => return Err(RabbitError::Cancelled),
    }
    Ok(())
}

/// Sends one round and awaits all its confirmations, however long the broker is blocked in between.
async fn confirmed(
    shared: &Shared,
    line: &mut Line,
    channel: &Channel,
    batch: &[Publication],
) -> Result<Vec<Confirmation>, RabbitError> {
    let limit = shared.options.confirm_timeout;
    let mut round = Box::pin(round(channel, batch));
    let mut deadline = Instant::now() + limit;
    loop {
        tokio::select! {
            biased;
            event = line.events.next() => {
                heed(shared, event)?;
                deadline = Instant::now() + limit;
            }
            answers = &mut round => return answers.map_err(RabbitError::broker("publishing")),
            () = sleep_until(deadline) => {
                if shared.board.note().blocked.is_none() {
                    return Err(RabbitError::Unconfirmed { after: limit });
                }
                deadline = Instant::now() + limit;
            }
        }
    }
}

async fn round(channel: &Channel, batch: &[Publication]) -> lapin::Result<Vec<Confirmation>> {
    send(channel, batch.iter().map(|one| (&one.address, &*one.bytes))).await
}

/// Sends all, and then awaits all confirmations: they are as many, in the same order.
pub(crate) async fn send(
    channel: &Channel,
    messages: impl Iterator<Item = (&Address, &[u8])>,
) -> lapin::Result<Vec<Confirmation>> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    // All are on their way before the first answer is looked at.
    let sent = join_all(messages.map(|(address, bytes)| {
        let Address { exchange, key, properties } = address.clone();
        channel.basic_publish(exchange.into(), key, options, bytes, properties)
    }))
    .await;
    let mut confirms = Vec::with_capacity(sent.len());
    for confirm in sent {
        confirms.push(confirm?);
    }
    join_all(confirms).await.into_iter().collect()
}

/// What became of one message of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Safe,
    /// A queue is full.
    Refused,
    /// No queue is bound for it.
    Returned,
}

/// The fates of a whole round, by message id. A returned message is looked for in all answers, not in its own alone: a
/// confirmation can carry another message's return.
fn fates(ids: &[&str], answers: Vec<Confirmation>) -> Vec<Fate> {
    let acked: Vec<bool> = answers.iter().map(Confirmation::is_ack).collect();
    let returned: BTreeSet<String> = answers
        .into_iter()
        .filter_map(Confirmation::take_message)
        .filter_map(|message| message.properties.message_id().as_ref().map(ToString::to_string))
        .collect();
    let fate = |(id, acked): (&&str, bool)| match acked {
        _ if returned.contains(*id) => Fate::Returned,
        true => Fate::Safe,
        false => Fate::Refused,
    };
    ids.iter().zip(acked).map(fate).collect()
}

/// Tells everyone of a round. `Ok(true)` = some were refused; an error = some could not be routed, so that the session
/// must begin anew and declare.
fn settle(shared: &Shared, batch: Vec<Publication>, answers: Vec<Confirmation>) -> Result<bool, RabbitError> {
    let ids: Vec<&str> = batch.iter().map(Publication::id).collect();
    let fates = fates(&ids, answers);
    let unroutable = batch.iter().zip(&fates).find(|(_, fate)| **fate == Fate::Returned);
    let exchange = unroutable.map(|(one, _)| one.address.exchange);
    let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count();
    let (safe, refused, returned) = (count(Fate::Safe), count(Fate::Refused), count(Fate::Returned));
    // Counted before anyone is told, so that who was told finds it counted.
    shared.board.settled(safe as u64, refused as u64, returned as u64);
    for (one, fate) in batch.into_iter().zip(&fates) {
        // Nobody awaits it when the publisher was stopped.
        let _ = one.tell.send(if *fate == Fate::Safe { Confirm::Safe } else { Confirm::Unknown });
    }
    match exchange {
        Some(exchange) => Err(RabbitError::Unroutable { exchange: exchange.to_owned(), count: returned }),
        None => Ok(refused > 0),
    }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::message::{BasicReturnMessage, Delivery};

    use super::*;
    use crate::rabbit::topology::EVENTS;

    fn returned(id: &str) -> Option<BasicReturnMessage> {
        let mut delivery = Delivery::mock(0, EVENTS.into(), "".into(), false, Vec::new());
        delivery.properties = BasicProperties::default().with_message_id(id.into());
        Some(BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() })
    }

    #[test]
    fn a_return_is_its_messages_own_whatever_confirmation_it_comes_with() {
        let answers = vec![
            Confirmation::Ack(returned("three")),
            Confirmation::Ack(None),
            Confirmation::Ack(None),
            Confirmation::Nack(returned("one")),
        ];
        let expected = [Fate::Returned, Fate::Safe, Fate::Returned, Fate::Refused];
        assert_eq!(fates(&["one", "two", "three", "four"], answers), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_session_takes_in_time_is_unknown_and_forgotten() {
        let outbound = Outbound::default();
        let limit = Duration::from_secs(15);
        let publish = || outbound.publish(event(), Arc::from([]), limit);
        let first = publish();
        tokio::time::advance(Duration::from_secs(10)).await;
        let second = publish();
        assert_eq!(outbound.unconfirmed(), 2);
        assert_eq!(first.await, Confirm::Unknown);
        assert_eq!(outbound.next(9).await.len(), 1, "a session takes what is still awaited");
        assert_eq!(second.await, Confirm::Unknown, "and dies with it");
        assert!(outbound.is_empty());
        assert_eq!(outbound.unconfirmed(), 0);
    }

    fn event() -> Address {
        Address { exchange: EVENTS, key: "".into(), properties: BasicProperties::default() }
    }
}

//! What the services could not handle, for people: count, look, send back, throw away.
//!
//! A dead letter is a message that a service could not read (it says why), or that the broker gave up after too many
//! deliveries. Looking takes letters out and puts them back, so two who look at once see each a part. Sending back goes to
//! the one work queue, not to everybody again. What must never happen: a letter that is gone before its copy is safe.

mod letter;
mod replay;

use std::collections::BTreeMap;

use lapin::Channel;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use seatshift_messages::Service;

use crate::rabbit::topology::dead_queue;
use crate::rabbit::{Line, RabbitError, RabbitOptions, open_any, read_tls};
pub use letter::Letter;
pub use replay::{Pace, Replayed};

/// Which letters of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one with this message id.
    One(String),
    /// The oldest, at most so many.
    Oldest(usize),
    All,
}

impl Which {
    fn takes(&self, id: &str, taken: usize) -> bool {
        match self {
            Which::One(wanted) => wanted == id,
            Which::Oldest(most) => taken < *most,
            Which::All => true,
        }
    }
}

/// The dead letters of all services. Connects for each question; wants the rights of control.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    options: RabbitOptions,
}

impl DeadLetters {
    pub fn new(options: RabbitOptions) -> Self {
        DeadLetters { options }
    }

    /// How many each service has.
    pub async fn count(&self) -> Result<BTreeMap<Service, u32>, RabbitError> {
        let desk = self.open().await?;
        let mut counts = BTreeMap::new();
        for service in Service::ALL {
            counts.insert(service, desk.depth(service).await?);
        }
        desk.close().await;
        Ok(counts)
    }

    /// The oldest letters of a service, at most so many. They stay where they are.
    pub async fn list(&self, service: Service, most: usize) -> Result<Vec<Letter>, RabbitError> {
        let desk = self.open().await?;
        let mut letters = Vec::new();
        let mut look = desk.look(service).await?;
        while letters.len() < most {
            let Some(found) = look.next().await? else { break };
            letters.push(Letter::read(service, &found));
        }
        look.put_back().await?;
        desk.close().await;
        Ok(letters)
    }

    /// The letter with this message id.
    pub async fn show(&self, service: Service, id: &str) -> Result<Letter, RabbitError> {
        let desk = self.open().await?;
        let mut look = desk.look(service).await?;
        let mut shown = None;
        while let Some(found) = look.next().await? {
            let letter = Letter::read(service, &found);
            if letter.id == id {
                shown = Some(letter);
                break;
            }
        }
        look.put_back().await?;
        desk.close().await;
        shown.ok_or_else(|| no_such(service, id))
    }

    /// Throws letters away, for good. Returns how many.
    pub async fn discard(&self, service: Service, which: &Which) -> Result<usize, RabbitError> {
        let desk = self.open().await?;
        let mut look = desk.look(service).await?;
        let mut discarded = 0;
        while let Some(found) = look.next().await? {
            if which.takes(&Letter::read(service, &found).id, discarded) {
                look.done(&found).await?;
                discarded += 1;
            }
        }
        look.put_back().await?;
        desk.close().await;
        match which {
            Which::One(id) if discarded == 0 => Err(no_such(service, id)),
            _ => Ok(discarded),
        }
    }

    /// Sends letters back to the service's work queue: first one, then ten, then the rest, each time watching whether one
    /// comes back dead, and stopping when it does.
    pub async fn replay(&self, service: Service, which: &Which, pace: Pace) -> Result<Replayed, RabbitError> {
        let desk = self.open().await?;
        let replayed = replay::replay(&desk, service, which, pace).await?;
        desk.close().await;
        match which {
            Which::One(id) if replayed.replayed == 0 => Err(no_such(service, id)),
            _ => Ok(replayed),
        }
    }

    async fn open(&self) -> Result<Desk, RabbitError> {
        let line = open_any(&self.options, &read_tls(&self.options.tls)?, "dead letters").await?;
        Ok(Desk { line })
    }
}

fn no_such(service: Service, id: &str) -> RabbitError {
    RabbitError::NoSuchLetter { id: id.to_owned(), queue: dead_queue(service) }
}

/// A connection for one question.
struct Desk {
    line: Line,
}

impl Desk {
    async fn channel(&self) -> Result<Channel, RabbitError> {
        self.line.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))
    }

    /// Letters that nobody is looking at.
    async fn depth(&self, service: Service) -> Result<u32, RabbitError> {
        let (queue, channel) = (dead_queue(service), self.channel().await?);
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = channel
            .queue_declare(queue.as_str().into(), options, FieldTable::default())
            .await
            .map_err(RabbitError::broker(format!("looking at {queue}")))?;
        let _ = channel.close(200, "".into()).await;
        Ok(found.message_count())
    }

    /// Begins to take out what lies there now. What comes later is not looked at, so that looking ends.
    async fn look(&self, service: Service) -> Result<Look, RabbitError> {
        let left = self.depth(service).await?;
        Ok(Look { queue: dead_queue(service), channel: self.channel().await?, left })
    }

    async fn close(self) {
        self.line.close().await;
    }
}

/// Letters taken out one after the other, and put back unless they are done.
struct Look {
    queue: String,
    channel: Channel,
    left: u32,
}

impl Look {
    async fn next(&mut self) -> Result<Option<BasicGetMessage>, RabbitError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.channel
            .basic_get(self.queue.as_str().into(), BasicGetOptions { no_ack: false })
            .await
            .map_err(RabbitError::broker(format!("reading {}", self.queue)))
    }

    /// It does not come back.
    async fn done(&mut self, letter: &BasicGetMessage) -> Result<(), RabbitError> {
        self.channel
            .basic_ack(letter.delivery_tag, BasicAckOptions { multiple: false })
            .await
            .map_err(RabbitError::broker("removing a dead letter"))
    }

    /// Everything else goes back to where it was.
    async fn put_back(self) -> Result<(), RabbitError> {
        // Tag 0 = all that are out. Closing alone would do the same, but some time later.
        let all = BasicNackOptions { multiple: true, requeue: true };
        self.channel.basic_nack(0, all).await.map_err(RabbitError::broker("putting dead letters back"))?;
        self.channel.close(200, "".into()).await.map_err(RabbitError::broker("putting dead letters back"))
    }
}

//! Sending dead letters back, carefully: what killed one may kill all.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation};
use seatshift_messages::Service;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Desk, Letter, Look, Which};
use crate::rabbit::RabbitError;
use crate::rabbit::message::REASON;
use crate::rabbit::topology::{REPLAY, work_queue};

/// So many letters go back before it is watched whether they come back dead; then all the rest.
const GRADES: [usize; 2] = [1, 10];
/// For one confirmation.
const CONFIRM: Duration = Duration::from_secs(15);
/// Between two looks at whether one came back.
const LOOK: Duration = Duration::from_millis(200);

/// How fast letters go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub per_second: NonZeroU32,
    /// How long to watch after each grade whether a letter comes back dead. A message that makes its service panic is tried
    /// three times, a second apart; one whose ledger cannot be read is tried for minutes, and is not waited for.
    pub watch: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { per_second: NonZeroU32::MIN.saturating_add(19), watch: Duration::from_secs(10) }
    }
}

/// What became of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Letters that are in the work queue again, or were handled since.
    pub replayed: usize,
    /// Of these, by message id: they are dead again. The replay stopped over them.
    pub came_back: Vec<String>,
}

pub(super) async fn replay(
    desk: &Desk,
    service: Service,
    which: &Which,
    pace: Pace,
) -> Result<Replayed, RabbitError> {
    let mut sender = Sender::open(desk, service, pace).await?;
    let mut look = desk.look(service).await?;
    let mut sent = BTreeSet::new();
    let mut told = Replayed::default();
    let mut grades = GRADES.into_iter();
    loop {
        let grade = grades.next().unwrap_or(usize::MAX);
        let (more, count) = send_grade(&mut sender, &mut look, service, which, grade, &mut sent).await?;
        told.replayed += count;
        if count > 0 {
            told.came_back = watch(desk, service, &sent, pace.watch).await?;
        }
        if !more || !told.came_back.is_empty() {
            break;
        }
    }
    look.put_back().await?;
    Ok(told)
}

/// Sends up to `grade` letters. Also says whether there may be more.
async fn send_grade(
    sender: &mut Sender,
    look: &mut Look,
    service: Service,
    which: &Which,
    grade: usize,
    sent: &mut BTreeSet<String>,
) -> Result<(bool, usize), RabbitError> {
    let mut count = 0;
    while count < grade {
        let Some(found) = look.next().await? else { return Ok((false, count)) };
        let id = Letter::read(service, &found).id;
        if !which.takes(&id, sent.len()) {
            continue;
        }
        sender.send(&found).await?;
        look.done(&found).await?;
        sent.insert(id);
        count += 1;
    }
    Ok((true, count))
}

/// Which of these lie among the dead again.
async fn watch(
    desk: &Desk,
    service: Service,
    sent: &BTreeSet<String>,
    how_long: Duration,
) -> Result<Vec<String>, RabbitError> {
    let until = Instant::now() + how_long;
    loop {
        let mut look = desk.look(service).await?;
        let mut back = Vec::new();
        while let Some(found) = look.next().await? {
            let id = Letter::read(service, &found).id;
            if sent.contains(&id) {
                back.push(id);
            }
        }
        look.put_back().await?;
        if !back.is_empty() || Instant::now() >= until {
            return Ok(back);
        }
        sleep(LOOK).await;
    }
}

/// Sends one at a time, so that a returned message is that one.
struct Sender {
    channel: Channel,
    queue: String,
    next: Instant,
    step: Duration,
}

impl Sender {
    async fn open(desk: &Desk, service: Service, pace: Pace) -> Result<Sender, RabbitError> {
        let channel = desk.channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(RabbitError::broker("asking for confirmations"))?;
        let step = Duration::from_secs(1) / pace.per_second.get();
        Ok(Sender { channel, queue: work_queue(service), next: Instant::now(), step })
    }

    async fn send(&mut self, letter: &Delivery) -> Result<(), RabbitError> {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.step;
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let properties = as_new(&letter.properties);
        let sending = async {
            self.channel
                .basic_publish(REPLAY.into(), self.queue.as_str().into(), options, &letter.data, properties)
                .await?
                .await
        };
        let confirm = timeout(CONFIRM, sending)
            .await
            .map_err(|_| RabbitError::Unconfirmed { after: CONFIRM })?
            .map_err(RabbitError::broker("sending a dead letter back"))?;
        match confirm {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => {
                Err(RabbitError::Unroutable { exchange: REPLAY.to_owned(), count: 1 })
            }
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err(RabbitError::Refused { queue: format!("`{}`", self.queue) })
            }
        }
    }
}

/// Without what the broker and the burial wrote on it.
fn as_new(properties: &BasicProperties) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in properties.headers().iter().flatten() {
        if !name.as_str().starts_with("x-") && name.as_str() != REASON {
            headers.insert(name.clone(), value.clone());
        }
    }
    properties.clone().with_headers(headers)
}

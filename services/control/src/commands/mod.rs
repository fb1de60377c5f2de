//! What operators ask for, also from other processes: records that the running engine takes up and answers.
//!
//! A command is written, taken up within half a second, carried out, and answered for each migration it names. It is carried
//! out again after a crash, and then leaves alone what it has already answered. While the clock is wrong only a pause is
//! carried out, for to stop is right at any time: the others are judged by a deadline, or say from when on something counts.

mod execute;
mod resolve;

use std::fmt;

use jiff::SignedDuration;
use seatshift_host::{Clock, Ids, later};
use seatshift_messages::{AskedBy, MigrationId, RunId, Service};
use seatshift_store::{Store, StoreError, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Inner;
use crate::participant::A_MOMENT;
use crate::records;
use crate::restart;
use crate::tracker::Answer;

pub use execute::preview;

/// Something that an operator wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Command {
    #[serde(flatten)]
    pub verb: Verb,
    #[serde(flatten)]
    pub asked: AskedBy,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "verb")]
pub enum Verb {
    /// Stops the calls; with `drain` what has begun is finished and nothing new starts.
    Pause {
        drain: bool,
    },
    Resume,
    Retry {
        target: Target,
    },
    Rollback {
        target: Target,
    },
    Accept {
        target: Target,
    },
}

impl Verb {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Pause { .. } => "pause",
            Verb::Resume => "resume",
            Verb::Retry { .. } => "retry",
            Verb::Rollback { .. } => "rollback",
            Verb::Accept { .. } => "accept",
        }
    }
}

/// Which migrations are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CommandTarget)]
pub enum Target {
    /// One: by migration, row, subscription or customer id, or the customer's name or domain. Several = refused, with the
    /// list.
    One(String),
    /// All whose standing verdict, parked or refused, has this cause.
    Cause(String),
    /// All rows of this wave of the latest run. As with runs: not rows of which an earlier run has taken care.
    Wave(String),
    /// All rows of this run.
    Run(RunId),
    /// All rows of the latest run.
    LatestRun,
    /// All rows of all runs.
    Everything,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::One(who) => write!(f, "`{who}`"),
            Target::Cause(cause) => write!(f, "cause `{cause}`"),
            Target::Wave(wave) => write!(f, "wave `{wave}`"),
            Target::Run(run) => write!(f, "run {run}"),
            Target::LatestRun => f.write_str("the latest run"),
            Target::Everything => f.write_str("all runs"),
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// Pause and resume.
    Done { text: String },
    /// One answer for each migration.
    Each { answers: Vec<Answer> },
    /// The name fits several; nothing was done.
    Ambiguous { who: String, candidates: Vec<Candidate> },
    /// Nothing fits; nothing was done.
    Unknown { text: String },
}

/// One of several migrations that a name fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    pub migration: MigrationId,
    pub row: String,
    pub customer_name: String,
    pub customer_domain: String,
    /// What stands, or what it is doing.
    pub state: String,
}

/// Hands a command to the engine that runs on this store, in whatever process. `at` and `ids` make the key that commands
/// are taken up in order of.
pub async fn enqueue(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &Ids,
    command: &Command,
) -> Result<String, StoreError> {
    let id = ids.event(clock.now()).to_string();
    let mut unit = Unit::new(Service::Control);
    unit.records.push(records::put(records::COMMAND, id.clone(), command));
    store.commit(vec![unit]).await?;
    Ok(id)
}

/// Waits for the answer; none when there is none after `patience` of the clock's time: no engine runs. The command then
/// stays, and the next engine carries it out, unless it is [`withdraw`]n.
pub async fn await_answer(
    store: &dyn Store,
    clock: &dyn Clock,
    id: &str,
    patience: SignedDuration,
) -> Result<Option<Answered>, StoreError> {
    let until = later(clock.now(), patience);
    loop {
        if let Some(answered) = records::get(store, records::ANSWERED, id).await? {
            return Ok(Some(answered));
        }
        if clock.now() >= until {
            return Ok(None);
        }
        clock.sleep(SignedDuration::from_millis(100)).await;
    }
}

/// Takes a command back that nobody has taken up.
pub async fn withdraw(store: &dyn Store, id: &str) -> Result<(), StoreError> {
    let mut unit = Unit::new(Service::Control);
    unit.records.push(records::remove(records::COMMAND, id));
    store.commit(vec![unit]).await?;
    Ok(())
}

/// Takes up commands until it is dropped.
pub(crate) async fn run(control: &Inner) {
    loop {
        match take_up(control).await {
            // No wish of ours is under way here. What is promised and not there was committed after its maker had lost the
            // lock: a unit that lies with the writer outlives whoever waits for it.
            Ok(()) => restart::finish(control).await,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not look for commands; trying again"
                );
                control.clock.sleep(A_MOMENT).await;
            }
        }
        tokio::select! {
            biased;
            () = control.bell.notified() => {}
            () = control.next_look() => {}
        }
    }
}

async fn take_up(control: &Inner) -> Result<(), StoreError> {
    let mut overtaken = Vec::new();
    let mut given = records::all::<Command>(&*control.store, records::COMMAND, "").await?;
    if !control.clock.is_right() {
        // They lie in the order of ids, made by clocks that may differ: where one asks to stop, no resume is known to be the
        // later word.
        given.sort_by_key(|(_, command)| matches!(command.verb, Verb::Pause { .. }));
    }
    for (id, command) in given {
        match command.verb {
            Verb::Pause { .. } => give_up(control, &mut overtaken).await,
            // Waits until the clock is right; a pause behind it does not.
            Verb::Resume if !control.clock.is_right() => {
                overtaken.push((id, command));
                continue;
            }
            Verb::Retry { .. } | Verb::Rollback { .. } | Verb::Accept { .. } if !control.clock.is_right() => {
                continue;
            }
            Verb::Resume | Verb::Retry { .. } | Verb::Rollback { .. } | Verb::Accept { .. } => {}
        }
        let answered = execute::carry_out(control, &id, &command).await?;
        answer_with(control, &id, &command, &answered).await;
    }
    Ok(())
}

/// Carried out after the pause that was given after them, they would end it.
async fn give_up(control: &Inner, overtaken: &mut Vec<(String, Command)>) {
    for (id, command) in overtaken.drain(..) {
        let text =
            "not resumed: the clock of control was wrong, and it was paused again meanwhile".to_owned();
        answer_with(control, &id, &command, &Answered::Done { text }).await;
    }
}

async fn answer_with(control: &Inner, id: &str, command: &Command, answered: &Answered) {
    // Not whom it is about: a person may have named the customer.
    let verb = command.verb.name();
    tracing::info!(verb, command = %id, by = %command.asked.by, "a command was carried out");
    control
        .write(|unit| {
            unit.records.push(records::remove(records::COMMAND, id));
            unit.records.push(records::put(records::ANSWERED, id.to_owned(), answered));
        })
        .await;
    control.answered.notify_waiters();
}

/// Writes a command down, and rings for whoever acts.
pub(crate) async fn give(control: &Inner, command: Command) -> Result<String, StoreError> {
    let id = control.ids.event(control.clock.now()).to_string();
    if control.shared
        && let Verb::Pause { drain } = &command.verb
    {
        // The calls stop before anybody has taken the command up; whoever acts puts the gate right should it be lost.
        control.valve.pause(*drain).await;
    }
    control.write(|unit| unit.records.push(records::put(records::COMMAND, id.clone(), &command))).await;
    control.bell.notify_one();
    Ok(id)
}

/// What became of a command; none while it is not carried out.
pub(crate) async fn answer(store: &dyn Store, id: &str) -> Result<Option<Answered>, StoreError> {
    records::get(store, records::ANSWERED, id).await
}

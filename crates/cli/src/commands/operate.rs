//! What all operator commands share: who asks, how the running engine is reached, and what it answered.
//!
//! A command is a record in the store. Where an engine runs on this state, it takes the command up within half a second;
//! where none runs, this process becomes the engine until everything is settled. Where the configuration names control, its
//! API is given the command; then what it leads to goes on there.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use seatshift_control::commands::{self, Answered, Command, Target, Verb};
use seatshift_control::standing;
use seatshift_control::tracker::Outcome;
use seatshift_messages::{AskedBy, MigrationId, RunId};
use seatshift_store::Store;
use serde::Serialize;

use crate::connection::Base;
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::engine::{Engine, not_allowed};
use crate::lock;
use crate::output::table;
use crate::settings::Settings;

/// How long the running engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which migrations are meant.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// One migration: the customer's name or domain, a row id, or any of its ids
    #[arg(value_name = "WHO")]
    pub(crate) who: Option<String>,
    /// All whose standing verdict has this cause (see `seatshift status --by cause`)
    #[arg(long, value_name = "CODE")]
    pub(crate) cause: Option<String>,
    /// All of this wave of the latest run
    #[arg(long, value_name = "WAVE")]
    pub(crate) wave: Option<String>,
    /// All of this run
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    /// All there are, of every run
    #[arg(long)]
    pub(crate) all: bool,
}

impl Which {
    pub(crate) fn target(&self) -> Target {
        if let Some(who) = &self.who {
            Target::One(who.clone())
        } else if let Some(cause) = &self.cause {
            Target::Cause(cause.clone())
        } else if let Some(wave) = &self.wave {
            Target::Wave(wave.clone())
        } else if let Some(run) = self.run {
            Target::Run(run)
        } else {
            Target::Everything
        }
    }
}

/// Who asks, for the record.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Why {
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl Why {
    pub(crate) fn command(&self, verb: Verb, settings: &Settings) -> Command {
        Command { verb, asked: AskedBy { by: settings.operator.clone(), reason: self.reason.clone() } }
    }
}

/// Gives a command to whoever runs, or carries it out here and waits until everything is settled; prints the answer.
pub(crate) async fn give(command: Command, context: &Context) -> anyhow::Result<Ending> {
    let title = match command.verb {
        Verb::Pause { .. } => "pause",
        Verb::Resume => "resume",
        Verb::Retry { .. } => "retry",
        Verb::Rollback { .. } => "rollback",
        Verb::Accept { .. } => "accept",
    };
    give_all(vec![command], title, context).await
}

/// The same for several commands, one after the other, with one answer.
pub(crate) async fn give_all(
    commands: Vec<Command>,
    title: &str,
    context: &Context,
) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    if let Some(control) = &base.control {
        let mut answers = Vec::new();
        for command in &commands {
            answers.push(control.command(command).await?);
        }
        return print(&merged(answers), &BTreeMap::new(), context);
    }
    match lock::running(&settings.state_dir) {
        Some(who) => {
            let mut answers = Vec::new();
            for command in &commands {
                answers.push(ask_running(&base, command, &who).await?);
            }
            print(&merged(answers), &BTreeMap::new(), context)
        }
        None => {
            drop(base);
            let (answered, now) = carry_out_here(commands, title, &settings).await?;
            print(&answered, &now, context)
        }
    }
}

/// Answers for each migration become one list; of anything else the last one counts.
fn merged(answers: Vec<Answered>) -> Answered {
    let mut each = Vec::new();
    let mut other = None;
    for answered in answers {
        match answered {
            Answered::Each { answers } => each.extend(answers),
            Answered::Done { .. } | Answered::Ambiguous { .. } | Answered::Unknown { .. } => {
                other = Some(answered)
            }
        }
    }
    match other {
        Some(other) if each.is_empty() => other,
        _ => Answered::Each { answers: each },
    }
}

async fn ask_running(base: &Base, command: &Command, who: &str) -> anyhow::Result<Answered> {
    let store: &dyn Store = &*base.store;
    let id = commands::enqueue(store, &*base.clock, &base.ids, command).await?;
    // The engine's clock may be compressed: patience is real time here.
    let asked = std::time::Instant::now();
    while asked.elapsed() < PATIENCE {
        let moment = jiff::SignedDuration::ZERO;
        if let Some(answered) = commands::await_answer(store, &*base.clock, &id, moment).await? {
            return Ok(answered);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    commands::withdraw(store, &id).await?;
    bail!(
        "{who} has not answered within {} s and the command was taken back; look at that process, then try again",
        PATIENCE.as_secs()
    )
}

/// What the migrations have come to by the time the engine has nothing left to do.
type Now = BTreeMap<MigrationId, String>;

async fn carry_out_here(
    commands: Vec<Command>,
    title: &str,
    settings: &Settings,
) -> anyhow::Result<(Answered, Now)> {
    if !settings.allow_changes {
        return Err(Usage::new(not_allowed(settings)).into());
    }
    // A pause must not begin with the calls that it is to stop; one that drains finishes what has begun.
    let closes = commands.iter().all(|one| matches!(one.verb, Verb::Pause { drain: false }));
    let goes_on = !closes;
    let mut engine = if closes {
        Engine::start_closed(settings, title).await?
    } else {
        Engine::start(settings, title).await?
    };
    let mut answers = Vec::new();
    for command in commands {
        answers.push(engine.command(command).await?);
    }
    let answered = merged(answers);
    let mut now = Now::new();
    if goes_on {
        engine.until_settled(title).await?;
        let rows = standing::all(&*engine.store()).await?;
        now.extend(rows.iter().map(|row| (row.migration, row.state())));
    }
    engine.stop().await?;
    Ok((answered, now))
}

/// Prints what became of a command; a command that did nothing is a wrong call.
pub(crate) fn print(answered: &Answered, now: &Now, context: &Context) -> anyhow::Result<Ending> {
    context.output.show(&Shown { answered, now }, || text(answered, now))?;
    Ok(match answered {
        Answered::Done { .. } => Ending::Fine,
        Answered::Each { answers } if answers.iter().any(|answer| answer.outcome == Outcome::No) => {
            Ending::Partly
        }
        Answered::Each { answers } => {
            let parked = |id| now.get(&id).is_some_and(|state: &String| state.starts_with("parked"));
            let open = answers.iter().any(|answer| parked(answer.successor.unwrap_or(answer.migration)));
            if open { Ending::Partly } else { Ending::Fine }
        }
        Answered::Ambiguous { .. } | Answered::Unknown { .. } => {
            return Err(Usage::new("nothing was done; name one migration, by row id for example").into());
        }
    })
}

#[derive(Serialize)]
struct Shown<'a> {
    answered: &'a Answered,
    /// Where an engine of this process has gone on until nothing was left to do: what the migrations have come to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    now: &'a Now,
}

fn text(answered: &Answered, now: &Now) -> String {
    match answered {
        Answered::Done { text } | Answered::Unknown { text } => text.clone(),
        Answered::Each { answers } => {
            let rows: Vec<Vec<String>> = answers
                .iter()
                .map(|answer| {
                    let outcome = match answer.outcome {
                        Outcome::Done => "done",
                        Outcome::Waits => "waits",
                        Outcome::No => "no",
                    };
                    let latest = answer.successor.unwrap_or(answer.migration);
                    let now = now.get(&latest).cloned().unwrap_or_default();
                    vec![answer.row.clone(), outcome.to_owned(), now, answer.text.clone()]
                })
                .collect();
            table(&["ROW", "DONE", if now.is_empty() { "" } else { "NOW" }, "ANSWER"], &rows)
        }
        Answered::Ambiguous { who, candidates } => {
            let rows: Vec<Vec<String>> = candidates
                .iter()
                .map(|one| {
                    vec![
                        one.row.clone(),
                        one.customer_name.clone(),
                        one.customer_domain.clone(),
                        one.state.clone(),
                        one.migration.to_string(),
                    ]
                })
                .collect();
            let list = table(&["ROW", "CUSTOMER", "DOMAIN", "STATE", "MIGRATION"], &rows);
            format!("`{who}` fits several:\n\n{list}")
        }
    }
}

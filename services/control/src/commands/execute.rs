//! Carrying a command out.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use seatshift_host::Effect;
use seatshift_messages::{Cause, Event, Heading, MigrationId, RunPaused, RunResumed, Service};
use seatshift_store::{Committed, Store, StoreError};

use super::resolve::resolve;
use super::{Answered, Command, Target, Verb};
use crate::control::Inner;
use crate::pause::Pause;
use crate::records;
use crate::restart;
use crate::tracker::{self, Answer, Ask, Fact, Ledger, News, OPERATOR, Outcome};

/// Migrations told at the same time.
const AT_ONCE: usize = 64;

pub(super) async fn carry_out(control: &Inner, id: &str, command: &Command) -> Result<Answered, StoreError> {
    let Command { verb, asked } = command;
    match verb {
        Verb::Pause { drain } => {
            let reason = asked.reason.as_deref().unwrap_or("no reason given");
            let cause = Cause::new(OPERATOR, format!("{} paused it: {reason}", asked.by));
            let pause = Pause { drain: *drain, at: control.clock.now(), asked: asked.clone(), cause };
            control.pause(pause).await?;
            let text =
                if *drain { "paused: what has begun is finished" } else { "paused: no call is started" };
            Ok(Answered::Done { text: text.to_owned() })
        }
        Verb::Resume => control.resume(asked).await,
        Verb::Retry { target } | Verb::Rollback { target } | Verb::Accept { target } => {
            wishes(control, id, command, target).await
        }
    }
}

async fn wishes(
    control: &Inner,
    id: &str,
    command: &Command,
    target: &Target,
) -> Result<Answered, StoreError> {
    // A crash may have come while it was carried out: what has its answer is left alone.
    let before = answers(control, id).await?;
    let meant = match resolve(&*control.store, &command.verb, target).await? {
        Ok(migrations) => migrations,
        Err(answered) if before.is_empty() => return Ok(answered),
        Err(_) => Vec::new(),
    };
    let before: BTreeSet<MigrationId> = before.into_iter().map(|answer| answer.migration).collect();
    let open = meant.iter().filter(|migration| !before.contains(migration));
    futures::stream::iter(open)
        .for_each_concurrent(AT_ONCE, async |migration| wish(control, id, command, *migration).await)
        .await;
    let mut answers = answers(control, id).await?;
    let place: BTreeMap<MigrationId, usize> = meant.iter().copied().zip(0..).collect();
    answers.sort_by_key(|answer| place.get(&answer.migration).copied());
    Ok(Answered::Each { answers })
}

async fn answers(control: &Inner, id: &str) -> Result<Vec<Answer>, StoreError> {
    let answers = records::all::<Answer>(&*control.store, records::ANSWER, &format!("{id}/")).await?;
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

async fn wish(control: &Inner, id: &str, command: &Command, migration: MigrationId) {
    let ask = Ask { command: id.to_owned(), migration, asked: command.asked.clone() };
    let successor = control.ids.migration(control.clock.now());
    let Some(fact) = fact(&command.verb, ask, successor) else { return };
    if matches!(command.verb, Verb::Retry { .. }) && refuse_a_second(control, id, migration).await {
        return;
    }
    control.tell(migration, fact).await;
    let ledger = control.host.stage(migration).await;
    if ledger.successor == Some(successor)
        && let Some(row) = restart::again(migration, &ledger)
    {
        let customer = Some(row.customer);
        control.tell_of(successor, customer, Fact::Queued { row, stored: None }).await;
    }
}

/// The subscription of a closed row may have come to another migration meanwhile, by a later plan: no second one then.
async fn refuse_a_second(control: &Inner, id: &str, migration: MigrationId) -> bool {
    let ledger = control.host.stage(migration).await;
    let other =
        ledger.row.as_ref().and_then(|row| row.old_subscription).and_then(|old| control.board.already(old));
    let (Some(row), Some(other)) = (&ledger.row, other) else { return false };
    if other == migration {
        return false;
    }
    let answer = Answer {
        migration,
        row: row.row.clone(),
        outcome: Outcome::No,
        text: format!("its subscription has another migration by now: {other}"),
        successor: None,
    };
    control.write(|unit| unit.records.push(records::answer(id, &answer))).await;
    true
}

fn fact(verb: &Verb, ask: Ask, successor: MigrationId) -> Option<Fact> {
    match verb {
        Verb::Retry { .. } => Some(Fact::Retry { ask, successor }),
        Verb::Rollback { .. } => Some(Fact::Rollback { ask }),
        Verb::Accept { .. } => Some(Fact::Accept { ask }),
        Verb::Pause { .. } | Verb::Resume => None,
    }
}

/// What a command would do, without doing it: the tracker's own decision, thrown away.
pub async fn preview(
    store: &dyn Store,
    clock: &dyn seatshift_host::Clock,
    command: &Command,
) -> Result<Answered, StoreError> {
    let target = match &command.verb {
        Verb::Retry { target } | Verb::Rollback { target } | Verb::Accept { target } => target,
        Verb::Pause { .. } | Verb::Resume => {
            return Ok(Answered::Done { text: "it would be done at once".to_owned() });
        }
    };
    let migrations = match resolve(store, &command.verb, target).await? {
        Ok(migrations) => migrations,
        Err(answered) => return Ok(answered),
    };
    let mut answers = Vec::new();
    let mut ledgers: BTreeMap<_, _> = restart::ledgers(store, &migrations).await?.into_iter().collect();
    for migration in migrations {
        let Some(ledger) = ledgers.remove(&migration) else { continue };
        let ask = Ask { command: "preview".to_owned(), migration, asked: command.asked.clone() };
        // The id of what a retry would make is not known before it is made.
        let Some(fact) = fact(&command.verb, ask, migration) else { continue };
        answers.extend(would_answer(ledger, News::new(clock.now(), fact)));
    }
    Ok(Answered::Each { answers })
}

fn would_answer(ledger: Ledger, news: News) -> Option<Answer> {
    let decision = tracker::decide(ledger, news);
    decision.effects.iter().find_map(|effect| match effect {
        Effect::Record(write) if write.kind == records::ANSWER => {
            serde_json::from_str(write.body.as_deref()?).ok()
        }
        _ => None,
    })
}

impl Inner {
    /// The calls stop first, then it is written down.
    pub(crate) async fn pause(&self, pause: Pause) -> Result<(), StoreError> {
        let _one_at_a_time = self.pausing.lock().await;
        self.valve.pause(pause.drain).await;
        self.board.set_pause(Some(pause.clone()), None, None);
        let event = |run| {
            Event::RunPaused(Box::new(RunPaused { run, drain: pause.drain, asked: pause.asked.clone() }))
        };
        self.say_of_run(event, |unit| {
            unit.records.push(records::put(records::PAUSE, records::CURRENT.to_owned(), &pause));
        })
        .await
    }

    /// Pauses because of a rule: what has begun is finished.
    pub(crate) async fn pause_by_rule(&self, rule: &str, why: String) {
        let asked = seatshift_messages::AskedBy { by: rule.to_owned(), reason: Some(why.clone()) };
        let pause = Pause { drain: true, at: self.clock.now(), asked, cause: Cause::new(rule, why) };
        tracing::warn!(why = %pause.cause.text, "the run goes wrong; nothing new is begun");
        if let Err(error) = self.pause(pause).await {
            // The pause holds in this process; the rule finds the same reason again after a restart.
            tracing::error!(error = &error as &dyn std::error::Error, "the pause could not be written down");
        }
    }

    async fn resume(&self, asked: &seatshift_messages::AskedBy) -> Result<Answered, StoreError> {
        let _one_at_a_time = self.pausing.lock().await;
        if self.board.pause().is_none() {
            // A crash may have come between the gate and the record.
            self.valve.resume().await;
            return Ok(Answered::Done { text: "it was not paused".to_owned() });
        }
        let now = self.clock.now();
        let event = |run| Event::RunResumed(Box::new(RunResumed { run, asked: asked.clone() }));
        self.say_of_run(event, |unit| {
            unit.records.push(records::remove(records::PAUSE, records::CURRENT));
            unit.records.push(records::put(records::PAUSE, records::WINDOW.to_owned(), &now));
            unit.records.push(records::put(records::PAUSE, records::RESUMED.to_owned(), &now));
        })
        .await?;
        self.board.set_pause(None, Some(now), Some(now));
        self.valve.resume().await;
        Ok(Answered::Done { text: "resumed".to_owned() })
    }

    /// Writes records with an event about the latest run, where there is one.
    async fn say_of_run(
        &self,
        event: impl Fn(seatshift_messages::RunId) -> Event,
        records_too: impl Fn(&mut seatshift_store::Unit),
    ) -> Result<(), StoreError> {
        loop {
            let latest = records::runs(&*self.store).await?.pop();
            let now = self.clock.now();
            let written = self
                .write(|unit| {
                    records_too(unit);
                    if let Some((version, mut run)) = latest {
                        run.sequence += 1;
                        unit.events.push(event(run.id).seal(Heading {
                            id: self.ids.event(now),
                            source: Service::Control,
                            subject: run.id.0,
                            time: now,
                            sequence: run.sequence,
                            causation: None,
                            customer: None,
                        }));
                        unit.records.push(records::run(&run, version));
                    }
                })
                .await;
            if written != Committed::Stale {
                return Ok(());
            }
        }
    }
}

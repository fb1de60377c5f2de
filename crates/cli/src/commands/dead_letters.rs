//! `dead-letters`: messages that a service could not handle, for people to look at, send back or throw away.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;

use seatshift_bus::LocalBus;
use seatshift_control::api::wire::{DeadLetter, Handled, WhichLetters};
use seatshift_control::api::{InStore, Letters as _, LettersError};
use seatshift_messages::Service;

use crate::connection::Base;
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::engine::{Engine, not_allowed};
use crate::output::{count, table};
use crate::remote::Remote;
use crate::settings::Settings;

/// Messages that a service could not handle: list them, look at one, send them back, throw them away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift dead-letters list
  seatshift dead-letters show ID
  seatshift dead-letters replay                  all of them: first one, then ten, then the rest
  seatshift dead-letters replay --service purchase --oldest 5
  seatshift dead-letters discard ID

Sending back is safe at any time: a service that has handled a message does nothing about it a second time. It ends when \
a letter comes back dead within ten seconds; then the cause still stands. One whose ledger cannot be read comes back after minutes: \
list again.")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// The oldest of each service, with the reason
    List {
        #[command(flatten)]
        of: Of,
        /// At most so many of each service
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// One with its content
    Show {
        /// Its id, from `list`
        id: String,
        #[command(flatten)]
        of: Of,
    },
    /// Send back to the service: the one named, the oldest ones, or all
    Replay {
        /// Its id, from `list`
        id: Option<String>,
        #[command(flatten)]
        of: Of,
        /// Only the oldest of each service
        #[arg(long, value_name = "N", conflicts_with = "id")]
        oldest: Option<usize>,
        /// At most so many a second
        #[arg(long, value_name = "N")]
        per_second: Option<NonZeroU32>,
    },
    /// Throw away, for good: what they would have said is never heard
    #[command(group(clap::ArgGroup::new("which").required(true).args(["id", "oldest", "all"])))]
    Discard {
        /// Its id, from `list`
        id: Option<String>,
        #[command(flatten)]
        of: Of,
        /// The oldest of each service
        #[arg(long, value_name = "N")]
        oldest: Option<usize>,
        /// All there are
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct Of {
    /// Only of this service: control, purchase, reassignment or suspension
    #[arg(long, value_name = "SERVICE", value_parser = service)]
    service: Option<Service>,
}

impl Of {
    fn services(self) -> Vec<Service> {
        self.service.map_or_else(|| Service::ALL.to_vec(), |service| vec![service])
    }
}

fn service(name: &str) -> Result<Service, String> {
    let found = Service::ALL.into_iter().find(|service| service.name() == name);
    found.ok_or_else(|| "there are control, purchase, reassignment and suspension".to_owned())
}

/// What became of the letters of each service.
type Done = BTreeMap<Service, Handled>;

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    let desk = Desk::of(&base);
    match args.verb {
        Verb::List { of, limit } => {
            let mut letters = Vec::new();
            for service in of.services() {
                letters.extend(desk.list(service, limit).await?);
            }
            context.output.show(&letters, || listed(&letters))?;
            Ok(Ending::Fine)
        }
        Verb::Show { id, of } => {
            let letter = desk.find(of, &id).await?;
            context.output.show(&letter, || shown(&letter))?;
            Ok(Ending::Fine)
        }
        Verb::Replay { id, of, oldest, per_second } => {
            let wanted = desk.wanted(of, id, oldest).await?;
            let done = match &desk {
                Desk::There(control) => {
                    let mut done = Done::new();
                    for (service, which) in wanted {
                        let handled = control.replay(service, which, per_second.map(NonZeroU32::get)).await?;
                        done.insert(service, handled);
                    }
                    done
                }
                Desk::Here(_) => {
                    drop((desk, base));
                    replay_here(&settings, wanted).await?
                }
            };
            context.output.show(&done, || handled(&done, "sent back"))?;
            let again = done.values().any(|handled| !handled.came_back.is_empty());
            Ok(if again { Ending::Partly } else { Ending::Fine })
        }
        Verb::Discard { id, of, oldest, all: _ } => {
            let mut done = Done::new();
            for (service, which) in desk.wanted(of, id, oldest).await? {
                done.insert(service, desk.discard(service, which).await?);
            }
            context.output.show(&done, || handled(&done, "thrown away"))?;
            Ok(Ending::Fine)
        }
    }
}

/// They are sent back over the bus of an engine, which then handles what it can.
async fn replay_here(settings: &Settings, wanted: Vec<(Service, WhichLetters)>) -> anyhow::Result<Done> {
    if !settings.allow_changes {
        return Err(Usage::new(not_allowed(settings)).into());
    }
    let mut engine = Engine::start(settings, "dead-letters").await?;
    let mut done = Done::new();
    if let Some(letters) = engine.dead_letters() {
        for (service, which) in wanted {
            done.insert(service, letters.replay(service, &which, None).await?);
        }
        drop(letters);
        engine.until_settled("dead-letters").await?;
    }
    engine.stop().await?;
    Ok(done)
}

/// Where the letters lie.
enum Desk {
    Here(InStore),
    There(Remote),
}

impl Desk {
    fn of(base: &Base) -> Desk {
        match &base.control {
            Some(control) => Desk::There(control.clone()),
            None => Desk::Here(InStore {
                store: base.store.clone(),
                // Nothing is sent from here; an engine does that, on its own.
                bus: Arc::new(LocalBus::new(1)),
                clock: base.clock.clone(),
                ids: base.ids.clone(),
            }),
        }
    }

    async fn list(&self, service: Service, most: usize) -> anyhow::Result<Vec<DeadLetter>> {
        match self {
            Desk::Here(letters) => Ok(letters.list(service, most).await?),
            Desk::There(control) => control.dead_letters(service, most).await,
        }
    }

    async fn show(&self, service: Service, id: &str) -> anyhow::Result<Option<DeadLetter>> {
        match self {
            Desk::Here(letters) => match letters.show(service, id).await {
                Ok(letter) => Ok(Some(letter)),
                Err(LettersError::NoSuch { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Desk::There(control) => control.dead_letter(service, id).await,
        }
    }

    async fn discard(&self, service: Service, which: WhichLetters) -> anyhow::Result<Handled> {
        match self {
            Desk::Here(letters) => Ok(letters.discard(service, &which).await?),
            Desk::There(control) => control.discard(service, which).await,
        }
    }

    /// The one letter of this id.
    async fn find(&self, of: Of, id: &str) -> anyhow::Result<DeadLetter> {
        let mut found = Vec::new();
        for service in of.services() {
            found.extend(self.show(service, id).await?);
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Usage::new(format!(
                "no dead letter has the id `{id}`; `seatshift dead-letters list` shows which there are"
            ))
            .into()),
            _ => {
                let services: Vec<&str> = found.iter().map(|letter| letter.service.name()).collect();
                Err(Usage::new(format!(
                    "`{id}` is the id of a letter of each of {}; say which with --service",
                    services.join(", ")
                ))
                .into())
            }
        }
    }

    /// Which of whom: the one that is named, or what each service has of what is asked for.
    async fn wanted(
        &self,
        of: Of,
        id: Option<String>,
        oldest: Option<usize>,
    ) -> anyhow::Result<Vec<(Service, WhichLetters)>> {
        if let Some(id) = id {
            let letter = self.find(of, &id).await?;
            return Ok(vec![(letter.service, WhichLetters::One(id))]);
        }
        let which = oldest.map_or(WhichLetters::All, WhichLetters::Oldest);
        let mut wanted = Vec::new();
        for service in of.services() {
            if !self.list(service, 1).await?.is_empty() {
                wanted.push((service, which.clone()));
            }
        }
        if wanted.is_empty() {
            return Err(Usage::new("there are no dead letters, so nothing was done").into());
        }
        Ok(wanted)
    }
}

fn listed(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "There are no dead letters.\n".to_owned();
    }
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            let event = letter.kind.as_deref().unwrap_or("unreadable");
            vec![
                letter.service.name().to_owned(),
                letter.id.clone(),
                event.trim_start_matches("seatshift.").to_owned(),
                letter.subject.clone().unwrap_or_default(),
                letter.reason.clone(),
            ]
        })
        .collect();
    table(&["SERVICE", "ID", "EVENT", "MIGRATION", "REASON"], &rows)
}

fn shown(letter: &DeadLetter) -> String {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| vec![name.to_owned(), value]));
    };
    fact("service", Some(letter.service.name().to_owned()));
    fact("id", Some(letter.id.clone()));
    fact("event", letter.kind.clone());
    fact("migration", letter.subject.clone());
    fact("time", letter.time.map(|time| time.to_string()));
    fact("reason", Some(letter.reason.clone()));
    let mut text = table(&["", ""], &facts);
    if let Some(content) = &letter.content {
        let _ = writeln!(text, "\n{content}");
    }
    text
}

fn handled(done: &Done, what: &str) -> String {
    let mut text = String::new();
    for (service, handled) in done {
        let letters = count(handled.letters as u64, "letter", "letters");
        let _ = writeln!(text, "{letters} of {service} {what}.");
        if !handled.came_back.is_empty() {
            let _ = writeln!(
                text,
                "Dead again, so no more were sent: {}. Correct the cause first (seatshift dead-letters show ID).",
                handled.came_back.join(", ")
            );
        }
    }
    text
}

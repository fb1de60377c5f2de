//! Dead letters: what services could not handle, for people to look at, send back or throw away.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use seatshift_bus::dead_letters::{DeadLetters, Letter, Pace, Which};
use seatshift_bus::{Bus, Confirm, Outgoing, RabbitError};
use seatshift_host::{Clock, Ids};
use seatshift_messages::{Envelope, EventId, Service};
use seatshift_store::{LoggedDeadLetter, Store, StoreError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::history::service_of;
use super::problem::{Problem, Refused};
use super::waiting::{Asked, Body, limit};
use super::wire::{DeadLetter, Discard, Handled, Replay, WhichLetters};

/// Shown at once, at most.
const MOST: usize = 1000;

/// Why nothing could be done with dead letters.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    #[error("no dead letter of {service} has the id {id}")]
    NoSuch { service: Service, id: String },
    #[error(transparent)]
    Broker(RabbitError),
    #[error("stopped in the middle: this replica is ending")]
    Stopped(#[source] tokio::task::JoinError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where dead letters lie.
#[async_trait]
pub trait Letters: Send + Sync + Debug {
    /// The oldest, at most so many. They stay where they are.
    async fn list(&self, service: Service, most: usize) -> Result<Vec<DeadLetter>, LettersError>;
    /// One, with its content.
    async fn show(&self, service: Service, id: &str) -> Result<DeadLetter, LettersError>;
    /// Sends them back to their service: first one, then ten, then the rest.
    async fn replay(
        &self,
        service: Service,
        which: &WhichLetters,
        per_second: Option<NonZeroU32>,
    ) -> Result<Handled, LettersError>;
    async fn discard(&self, service: Service, which: &WhichLetters) -> Result<Handled, LettersError>;
}

/// In the broker's dead-letter queues.
#[derive(Debug, Clone)]
pub struct OnRabbit(pub DeadLetters);

impl OnRabbit {
    /// What looks at letters cannot be moved between threads, so it has one to itself until it is done.
    async fn on_a_thread<T, F>(
        &self,
        work: impl FnOnce(DeadLetters) -> F + Send + 'static,
    ) -> Result<T, LettersError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, RabbitError>>,
    {
        let (letters, runtime) = (self.0.clone(), tokio::runtime::Handle::current());
        let done = tokio::task::spawn_blocking(move || runtime.block_on(work(letters))).await;
        done.map_err(LettersError::Stopped)?.map_err(LettersError::Broker)
    }
}

#[async_trait]
impl Letters for OnRabbit {
    async fn list(&self, service: Service, most: usize) -> Result<Vec<DeadLetter>, LettersError> {
        let listed = self.on_a_thread(move |all| async move { all.list(service, most).await }).await?;
        Ok(listed.into_iter().map(|letter| shown(letter, false)).collect())
    }

    async fn show(&self, service: Service, id: &str) -> Result<DeadLetter, LettersError> {
        let id = id.to_owned();
        let found = self.on_a_thread(move |all| async move { all.show(service, &id).await }).await?;
        Ok(shown(found, true))
    }

    async fn replay(
        &self,
        service: Service,
        which: &WhichLetters,
        per_second: Option<NonZeroU32>,
    ) -> Result<Handled, LettersError> {
        let (mut pace, which) = (Pace::default(), asked(which));
        pace.per_second = per_second.unwrap_or(pace.per_second);
        let replayed =
            self.on_a_thread(move |all| async move { all.replay(service, &which, pace).await }).await?;
        Ok(Handled { letters: replayed.replayed, came_back: replayed.came_back })
    }

    async fn discard(&self, service: Service, which: &WhichLetters) -> Result<Handled, LettersError> {
        let which = asked(which);
        let letters = self.on_a_thread(move |all| async move { all.discard(service, &which).await }).await?;
        Ok(Handled { letters, came_back: Vec::new() })
    }
}

fn asked(which: &WhichLetters) -> Which {
    match which {
        WhichLetters::One(id) => Which::One(id.clone()),
        WhichLetters::Oldest(most) => Which::Oldest(*most),
        WhichLetters::All => Which::All,
    }
}

fn shown(letter: Letter, whole: bool) -> DeadLetter {
    DeadLetter {
        service: letter.service,
        id: letter.id,
        kind: letter.kind,
        subject: letter.subject,
        time: letter.time,
        reason: letter.reason,
        content: whole.then(|| String::from_utf8_lossy(&letter.bytes).into_owned()),
    }
}

/// In the store of a process without a broker.
#[derive(Debug, Clone)]
pub struct InStore {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
}

impl InStore {
    async fn all(&self, service: Service) -> Result<Vec<LoggedDeadLetter>, StoreError> {
        let letters = self.store.dead_letters(usize::MAX >> 1).await?;
        Ok(letters.into_iter().filter(|one| one.service == service).collect())
    }

    async fn chosen(
        &self,
        service: Service,
        which: &WhichLetters,
    ) -> Result<Vec<LoggedDeadLetter>, LettersError> {
        let mut letters = self.all(service).await?;
        match which {
            WhichLetters::All => {}
            WhichLetters::Oldest(most) => letters.truncate(*most),
            WhichLetters::One(id) => {
                letters.retain(|one| one.position.to_string() == *id);
                if letters.is_empty() {
                    return Err(LettersError::NoSuch { service, id: id.clone() });
                }
            }
        }
        Ok(letters)
    }
}

fn stored(one: &LoggedDeadLetter, whole: bool) -> DeadLetter {
    let envelope = Envelope::from_bytes(&one.bytes).ok();
    DeadLetter {
        service: one.service,
        id: one.position.to_string(),
        kind: envelope.as_ref().map(|envelope| envelope.kind.clone()),
        subject: envelope.as_ref().map(|envelope| envelope.subject.to_string()),
        time: envelope.as_ref().map(|envelope| envelope.time),
        reason: one.reason.clone(),
        content: whole.then(|| String::from_utf8_lossy(&one.bytes).into_owned()),
    }
}

#[async_trait]
impl Letters for InStore {
    async fn list(&self, service: Service, most: usize) -> Result<Vec<DeadLetter>, LettersError> {
        Ok(self.all(service).await?.iter().take(most).map(|one| stored(one, false)).collect())
    }

    async fn show(&self, service: Service, id: &str) -> Result<DeadLetter, LettersError> {
        let found = self.chosen(service, &WhichLetters::One(id.to_owned())).await?;
        found
            .first()
            .map(|one| stored(one, true))
            .ok_or_else(|| LettersError::NoSuch { service, id: id.to_owned() })
    }

    /// One after the other: what nobody can read yet is confirmed only when it lies here again.
    async fn replay(
        &self,
        service: Service,
        which: &WhichLetters,
        _per_second: Option<NonZeroU32>,
    ) -> Result<Handled, LettersError> {
        let mut handled = Handled::default();
        for one in self.chosen(service, which).await? {
            let before = self.all(service).await?.len();
            let event = Envelope::from_bytes(&one.bytes).map(|envelope| envelope.id);
            let id: EventId = event.unwrap_or_else(|_| self.ids.event(self.clock.now()));
            let published = self.bus.publish(Outgoing { id, bytes: one.bytes.clone() }).await;
            if published != Confirm::Safe {
                break;
            }
            handled.letters += 1;
            let again = self.all(service).await?.len() > before;
            self.store.remove_dead_letter(service, one.position).await?;
            if again {
                handled.came_back.push(one.position.to_string());
                break;
            }
        }
        Ok(handled)
    }

    async fn discard(&self, service: Service, which: &WhichLetters) -> Result<Handled, LettersError> {
        let letters = self.chosen(service, which).await?;
        for one in &letters {
            self.store.remove_dead_letter(service, one.position).await?;
        }
        Ok(Handled { letters: letters.len(), came_back: Vec::new() })
    }
}

impl From<LettersError> for Refused {
    fn from(error: LettersError) -> Self {
        match error {
            LettersError::NoSuch { .. } => {
                Refused::unknown("path, id", error.to_string(), "list them; somebody may have handled it")
            }
            LettersError::Broker(RabbitError::NoSuchLetter { .. }) => {
                Refused::unknown("body, which", error.to_string(), "list them; somebody may have handled it")
            }
            LettersError::Store(error) => error.into(),
            LettersError::Stopped(_) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Refused::new(status, "stopping", "this replica", error.to_string(), "ask again")
            }
            LettersError::Broker(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "dead letters cannot be reached");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let remedy = "try again; /readyz says whether the broker is reached";
                Refused::new(status, "broker", "the broker", error.to_string(), remedy)
            }
        }
    }
}

/// Which letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only of this service.
    service: Option<String>,
    /// At most so many of each service.
    limit: Option<usize>,
}

#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    params(Wanted),
    responses((status = 200, body = Vec<DeadLetter>, description = "The oldest first; they stay where they are"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Vec<DeadLetter>>, Refused> {
    let services = match &wanted.service {
        Some(name) => vec![service_of(name)?],
        None => Service::ALL.to_vec(),
    };
    let mut letters = Vec::new();
    for service in services {
        letters.extend(api.letters.list(service, limit(wanted.limit, MOST)).await?);
    }
    Ok(Json(letters))
}

#[utoipa::path(
    get,
    path = "/v1/dead-letters/{service}/{id}",
    params(("service" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = DeadLetter), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(api): State<Api>,
    Path((service, id)): Path<(String, String)>,
) -> Result<Json<DeadLetter>, Refused> {
    Ok(Json(api.letters.show(service_of(&service)?, &id).await?))
}

#[utoipa::path(
    post,
    path = "/v1/dead-letters/{service}/replay",
    params(("service" = String, Path)),
    request_body = Replay,
    responses((status = 200, body = Handled), (status = 404, body = Problem))
)]
pub(super) async fn replay(
    State(api): State<Api>,
    Path(service): Path<String>,
    Body(replay): Body<Replay>,
) -> Result<Json<Handled>, Refused> {
    let per_second = replay.per_second.and_then(NonZeroU32::new);
    Ok(Json(api.letters.replay(service_of(&service)?, &replay.which, per_second).await?))
}

#[utoipa::path(
    post,
    path = "/v1/dead-letters/{service}/discard",
    params(("service" = String, Path)),
    request_body = Discard,
    responses((status = 200, body = Handled), (status = 404, body = Problem))
)]
pub(super) async fn discard(
    State(api): State<Api>,
    Path(service): Path<String>,
    Body(discard): Body<Discard>,
) -> Result<Json<Handled>, Refused> {
    Ok(Json(api.letters.discard(service_of(&service)?, &discard.which).await?))
}

//! Control over its HTTP API, for the configurations that name it: the same commands, over somebody else's memory.
//!
//! Nothing is kept here and nobody logs in here: what is remembered is read through [`RemoteStore`], Partner Center is read
//! by control's own client, and plans and orders are carried out by control's replicas. Those may be restarted at any
//! moment, so what may be asked again is asked again for a minute.
//!
//! The only module of the command that makes HTTP calls itself. What must never happen here: an order that is sent twice
//! because its answer was lost, or a token in an error.

mod client;
mod reads;
mod store;
mod there;

use std::sync::Arc;

use seatshift_control::api::wire::{
    DeadLetter, Discard, Handled, NewRefreshToken, ProgressNow, Replay, WhichLetters,
};
use seatshift_control::commands::{Answered, Command};
use seatshift_edge::ClockTimer;
use seatshift_host::Ids;
use seatshift_messages::Service;
use seatshift_partner_center::Reader;
use secrecy::{ExposeSecret as _, SecretString};

use crate::ending::Usage;
use crate::settings::Settings;
use client::{Api, ApiError, Ask, Patience};
pub use reads::Counted;
pub(crate) use store::RemoteStore;
pub(crate) use there::There;

/// Control, as this command reaches it.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    api: Api,
}

impl Remote {
    /// As the configuration names it; none where it names none.
    ///
    /// # Errors
    /// What is missing, and where to put it.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Option<Remote>> {
        let Some(url) = &settings.control.url else { return Ok(None) };
        let token = settings.control.token.as_ref().ok_or_else(|| {
            Usage::new(
                "control.url is set and control.token_file is not: name the file with the token that control was given \
                 (or set SEATSHIFT__CONTROL__TOKEN)",
            )
        })?;
        let token = token.read().map_err(|unreadable| {
            Usage::new(format!(
                "{}: the file with control's token (control.token_file) cannot be read ({}); write the token into it, \
                 readable by you alone",
                unreadable.file.display(),
                unreadable.source
            ))
        })?;
        Ok(Some(Remote { api: Api::new(url.clone(), token)? }))
    }

    /// Makes sure that it answers, and that it takes our token.
    ///
    /// # Errors
    /// When it does not within a quarter of a minute: where it was looked for, why not, and what to do.
    pub(crate) async fn reach(&self) -> anyhow::Result<ProgressNow> {
        let ask = Ask::get(&["v1", "progress"]);
        self.api.answer(ask.patience(Patience::First)).await
    }

    pub(crate) fn store(&self) -> RemoteStore {
        RemoteStore::new(self.api.clone())
    }

    /// Reads Partner Center through control's own client.
    pub(crate) fn reader(&self, ids: &Arc<Ids>, counted: Counted, timer: Arc<ClockTimer>) -> Reader {
        reads::reader(self.api.clone(), ids, counted, timer)
    }

    /// Who works, in a few words; none when nothing is left to do.
    pub(crate) async fn at_work(&self) -> anyhow::Result<Option<String>> {
        let now = self.progress(None, None, 0).await?;
        Ok(now.settled.is_none().then(|| format!("control at {}", self.address())))
    }

    pub(crate) fn address(&self) -> &str {
        self.api.address()
    }

    /// How far everything is: at once, or within so many seconds when it is no more what was `seen`, and whole up to `from`.
    pub(crate) async fn progress(
        &self,
        seen: Option<&str>,
        from: Option<u64>,
        wait: u64,
    ) -> anyhow::Result<ProgressNow> {
        let ask = Ask::get(&["v1", "progress"]);
        let ask = ask.query("seen", seen).query("from", from).query("wait", Some(wait));
        self.api.answer(ask).await
    }

    /// Gives an order and waits until it is carried out.
    ///
    /// # Errors
    /// Also when nobody takes it up within a minute; it is taken back then.
    pub(crate) async fn command(&self, command: &Command) -> anyhow::Result<Answered> {
        there::command(&self.api, command).await
    }

    /// What an order would do.
    pub(crate) async fn preview(&self, command: &Command) -> anyhow::Result<Answered> {
        self.api.answer(Ask::post(&["v1", "commands", "preview"], command)?.again()).await
    }

    /// Gives control a new refresh token.
    pub(crate) async fn keep(&self, token: SecretString) -> anyhow::Result<()> {
        let body = NewRefreshToken { refresh_token: token.expose_secret().to_owned() };
        let ask = Ask::put(&["v1", "refresh-token"], &body)?;
        self.api.tell(ask).await.map_err(ApiError::told)
    }

    pub(crate) async fn dead_letters(
        &self,
        service: Service,
        most: usize,
    ) -> anyhow::Result<Vec<DeadLetter>> {
        let ask = Ask::get(&["v1", "dead-letters"]);
        self.api.answer(ask.query("service", Some(service)).query("limit", Some(most))).await
    }

    /// One with its content; none where this service has none of the id.
    pub(crate) async fn dead_letter(&self, service: Service, id: &str) -> anyhow::Result<Option<DeadLetter>> {
        match self.api.ask(Ask::get(&["v1", "dead-letters", service.name(), id])).await {
            Ok(letter) => Ok(Some(letter)),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(error.told()),
        }
    }

    pub(crate) async fn replay(
        &self,
        service: Service,
        which: WhichLetters,
        per_second: Option<u32>,
    ) -> anyhow::Result<Handled> {
        let body = Replay { which, per_second };
        let ask = Ask::post(&["v1", "dead-letters", service.name(), "replay"], &body)?;
        self.api.answer(ask.patience(Patience::Long)).await
    }

    pub(crate) async fn discard(&self, service: Service, which: WhichLetters) -> anyhow::Result<Handled> {
        let body = Discard { which };
        let ask = Ask::post(&["v1", "dead-letters", service.name(), "discard"], &body)?;
        self.api.answer(ask.patience(Patience::Long)).await
    }
}

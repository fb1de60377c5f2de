//! Access tokens: had once, shared by all calls, renewed early and by one caller only.
//!
//! Order matters in one place: the refresh token that comes with an App+User token is stored **before** the access
//! token is handed out, and a renewal that has begun runs to its end even if the caller that began it is dropped.
//! Otherwise a crash or a timeout at the wrong moment could lose a person's consent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use url::form_urlencoded;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{LoginProblem, Remedy};
use crate::gate::{Family, Purpose};
use crate::observer::{CallRecord, Observer};
use crate::operation::TokenKind;
use crate::retry;
use crate::timer::{Timer, between, later};
use crate::token_store::{RefreshTokens, TokenStoreError};
use crate::transport::Transport;
use crate::wire::token::{Granted, granted, refusal};

/// Why there is no token, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct NoToken {
    pub(crate) remedy: Remedy,
    pub(crate) problem: LoginProblem,
}

/// An access token in use.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    /// From here on it is renewed at the next occasion.
    renew: Timestamp,
    /// From here on it is of no use.
    end: Timestamp,
}

/// Gives access tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    app_only: Arc<Slot>,
    app_user: Arc<Slot>,
}

/// What a renewal needs.
#[derive(Clone, Debug)]
pub(crate) struct Means {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) observer: Arc<dyn Observer>,
}

#[derive(Debug)]
struct Slot {
    kind: TokenKind,
    means: Means,
    refresh_tokens: Arc<dyn RefreshTokens>,
    /// The token in use.
    current: Mutex<State>,
    /// Held by whoever renews. Inside: a refresh token that was given but could not be stored yet.
    turn: Arc<Turn<Option<SecretString>>>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<Token>>,
    /// How often in a row Microsoft has turned down a token of this kind.
    rejections: u32,
    /// Renewals that have ended.
    renewals: u64,
    /// What the last one ended with, where it brought nothing.
    failure: Option<NoToken>,
}

/// After this many rejections in a row, new tokens will not help.
const REJECTIONS: u32 = 2;
/// A token is renewed this long before its end at the latest.
const BEFORE_END: Duration = Duration::from_secs(300);
/// How long to use an old token further after a renewal failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

impl Tokens {
    pub(crate) fn new(means: &Means, refresh_tokens: &Arc<dyn RefreshTokens>) -> Self {
        let slot = |kind| {
            Arc::new(Slot {
                kind,
                means: means.clone(),
                refresh_tokens: Arc::clone(refresh_tokens),
                current: Mutex::default(),
                turn: Arc::default(),
            })
        };
        Self { app_only: slot(TokenKind::AppOnly), app_user: slot(TokenKind::AppUser) }
    }

    fn slot(&self, kind: TokenKind) -> &Arc<Slot> {
        match kind {
            TokenKind::AppOnly => &self.app_only,
            TokenKind::AppUser => &self.app_user,
        }
    }

    /// A token that is good now. However many callers need one, one renews it; where it could not, all who waited for it
    /// are told so, so that nobody waits longer than one renewal takes.
    pub(crate) async fn get(&self, kind: TokenKind) -> Result<Arc<Token>, NoToken> {
        let slot = self.slot(kind);
        if let Some(token) = slot.fresh() {
            return Ok(token);
        }
        let turn = match slot.usable() {
            // Good for a while still: let one renew it, and do not wait for that one.
            Some(token) => match Arc::clone(&slot.turn).try_lock_owned() {
                Ok(turn) => turn,
                Err(_) => return Ok(token),
            },
            None => {
                let before = slot.state().renewals;
                let turn = Arc::clone(&slot.turn).lock_owned().await;
                if let Some(failure) = slot.failure_since(before) {
                    return Err(failure);
                }
                turn
            }
        };
        if let Some(token) = slot.fresh() {
            return Ok(token);
        }
        let renewing = tokio::spawn(Arc::clone(slot).renew(turn));
        match renewing.await {
            Ok(result) => result,
            // The runtime is going down, or the renewal panicked: no token, nothing sent.
            Err(_) => Err(NoToken { remedy: Remedy::Retry, problem: LoginProblem::Unreachable }),
        }
    }

    /// Says that Microsoft turned `token` down (401). Whether a new one is worth trying.
    pub(crate) fn rejected(&self, kind: TokenKind, token: &Arc<Token>) -> bool {
        let mut state = self.slot(kind).state();
        if state.token.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            state.token = None;
            state.rejections += 1;
        }
        state.rejections < REJECTIONS
    }

    /// Says that Microsoft took the token.
    pub(crate) fn accepted(&self, kind: TokenKind) {
        self.slot(kind).state().rejections = 0;
    }
}

impl Slot {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token, if it need not be renewed yet.
    fn fresh(&self) -> Option<Arc<Token>> {
        let now = self.means.timer.now();
        self.state().token.as_ref().filter(|token| now < token.renew).cloned()
    }

    /// The token, if it is good for a call at least.
    fn usable(&self) -> Option<Arc<Token>> {
        let now = later(self.means.timer.now(), AFTER_FAILURE);
        self.state().token.as_ref().filter(|token| now < token.end).cloned()
    }

    /// What the last renewal failed with, if it has ended since there had been `before` of them.
    fn failure_since(&self, before: u64) -> Option<NoToken> {
        let state = self.state();
        state.failure.clone().filter(|_| state.renewals != before)
    }

    /// Has a new token made, and tells those who wait for it what came of it.
    async fn renew(
        self: Arc<Self>,
        mut turn: OwnedMutexGuard<Option<SecretString>>,
    ) -> Result<Arc<Token>, NoToken> {
        let renewed = self.renewed(&mut turn).await;
        let mut state = self.state();
        state.renewals += 1;
        state.failure = renewed.as_ref().err().cloned();
        drop(state);
        renewed
    }

    /// Has a new token made, and puts it in place. A failure does no harm while the old one is good.
    async fn renewed(&self, turn: &mut Option<SecretString>) -> Result<Arc<Token>, NoToken> {
        let made = match self.kind {
            TokenKind::AppOnly => self.app_only().await,
            TokenKind::AppUser => self.app_user(turn).await,
        };
        let now = self.means.timer.now();
        match made {
            Ok(granted) => {
                let token = Arc::new(Token::new(now, granted));
                self.state().token = Some(Arc::clone(&token));
                Ok(token)
            }
            Err(failure) => match self.usable() {
                Some(old) => {
                    tracing::warn!(problem = %failure.problem, "a token could not be renewed; the old one is still good");
                    let put_off = Token {
                        secret: old.secret.clone(),
                        renew: later(now, AFTER_FAILURE).min(old.end),
                        end: old.end,
                    };
                    let token = Arc::new(put_off);
                    self.state().token = Some(Arc::clone(&token));
                    Ok(token)
                }
                None => Err(failure),
            },
        }
    }

    /// A token for the application alone.
    async fn app_only(&self) -> Result<Granted, NoToken> {
        let config = &self.means.config;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("resource", &config.app_only_resource)
            .append_pair("client_id", &config.app.id)
            .append_pair("client_secret", config.app.secret.expose_secret())
            .append_pair("grant_type", "client_credentials")
            .finish();
        self.means.login("token_app_only", Bytes::from(form)).await
    }

    /// A token for the application and a person, from the refresh token; the new refresh token is stored first.
    async fn app_user(&self, unsaved: &mut Option<SecretString>) -> Result<Granted, NoToken> {
        // Held until the new refresh token is stored.
        let turn = self.refresh_tokens.turn().await.map_err(not_stored)?;
        self.save(unsaved).await?;
        let stored = self.refresh_tokens.load().await.map_err(not_stored)?;
        let Some(stored) = stored else {
            return Err(NoToken { remedy: Remedy::Person, problem: LoginProblem::NoRefreshToken });
        };
        let config = &self.means.config;
        let app = config.user_app.as_ref().unwrap_or(&config.app);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("resource", &config.app_user_resource)
            .append_pair("client_id", &app.id)
            .append_pair("client_secret", app.secret.expose_secret())
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", stored.expose_secret())
            .append_pair("scope", "openid")
            .finish();
        if turn.is_lost() {
            let lost = TokenStoreError::outage("the turn at redeeming the refresh token was lost");
            return Err(not_stored(lost));
        }
        let mut granted = self.means.login("token_app_user", Bytes::from(form)).await?;
        *unsaved = granted.refresh.take();
        self.save(unsaved).await?;
        Ok(granted)
    }

    /// Stores what has not been stored yet.
    async fn save(&self, unsaved: &mut Option<SecretString>) -> Result<(), NoToken> {
        if let Some(token) = unsaved.as_ref() {
            self.refresh_tokens.store(token.clone()).await.map_err(not_stored)?;
            *unsaved = None;
        }
        Ok(())
    }
}

pub(crate) fn not_stored(error: TokenStoreError) -> NoToken {
    let remedy = if error.passes { Remedy::Retry } else { Remedy::Person };
    NoToken { remedy, problem: LoginProblem::Store(error.text) }
}

impl Token {
    fn new(now: Timestamp, granted: Granted) -> Self {
        let end = later(now, granted.life);
        let early = granted.life.mul_f64(0.8).min(granted.life.saturating_sub(BEFORE_END));
        // A life of a few minutes has no "five minutes before the end".
        let early = if granted.life <= BEFORE_END { granted.life.mul_f64(0.8) } else { early };
        Self { secret: granted.access, renew: later(now, early), end }
    }
}

impl Means {
    /// Asks the login authority for a token, repeating in place: asking again does no harm, since an authority that
    /// has answered into the void still knows the refresh token that was used.
    pub(crate) async fn login(&self, operation: &'static str, form: Bytes) -> Result<Granted, NoToken> {
        let limits = self.config.retry;
        let remedy = |failure: &NoToken| failure.remedy;
        retry::in_place(&self.timer, &self.config.jitter, limits, remedy, |attempt| {
            self.login_once(operation, form.clone(), attempt)
        })
        .await
    }

    /// The same, once.
    pub(crate) async fn login_once(
        &self,
        operation: &'static str,
        form: Bytes,
        attempt: u32,
    ) -> Result<Granted, NoToken> {
        let body = self.ask_authority(operation, &["oauth2", "token"], form, attempt).await?;
        granted(&body).ok_or(NoToken { remedy: Remedy::Retry, problem: LoginProblem::Unreadable })
    }

    /// One exchange with the login authority; the body of a good answer.
    pub(crate) async fn ask_authority(
        &self,
        operation: &'static str,
        path: &[&str],
        form: Bytes,
        attempt: u32,
    ) -> Result<Bytes, NoToken> {
        let at = self.timer.now();
        let request_id = (self.config.ids)();
        let answer = match self.request(path, form, request_id) {
            Some(request) => self.transport.send(request).await,
            None => {
                let problem =
                    LoginProblem::Refused { error: "the authority's address".to_owned(), aadsts: None };
                return Err(NoToken { remedy: Remedy::Person, problem });
            }
        };
        self.observer.observed(CallRecord {
            at,
            family: Family::Login,
            operation,
            customer: None,
            changing: false,
            purpose: Purpose::Read,
            status: answer.as_ref().ok().map(|answer| answer.status().as_u16()),
            code: None,
            request_id,
            correlation_id: request_id,
            microseconds: u64::try_from(between(at, self.timer.now()).as_micros()).unwrap_or(u64::MAX),
            attempt,
        });
        match answer {
            Ok(answer) => judge(answer),
            Err(_) => Err(NoToken { remedy: Remedy::Retry, problem: LoginProblem::Unreachable }),
        }
    }

    fn request(&self, path: &[&str], form: Bytes, request_id: Uuid) -> Option<http::Request<Bytes>> {
        let mut url = self.config.authority.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push(&self.config.partner).extend(path);
        http::Request::post(url.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("client-request-id", request_id.to_string())
            .header("return-client-request-id", "true")
            .body(form)
            .ok()
    }
}

/// What the authority's answer means: a good one is its body.
fn judge(answer: http::Response<Bytes>) -> Result<Bytes, NoToken> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.into_body());
    }
    if status.as_u16() == 429 {
        let after = crate::judge::retry_after(answer.headers());
        return Err(NoToken { remedy: Remedy::Throttled { after }, problem: LoginProblem::Throttled });
    }
    if status.is_server_error() || status.as_u16() == 408 {
        return Err(NoToken { remedy: Remedy::Retry, problem: LoginProblem::Unreachable });
    }
    let (error, aadsts) = refusal(answer.body());
    let remedy = if error == "temporarily_unavailable" { Remedy::Retry } else { Remedy::Person };
    Err(NoToken { remedy, problem: LoginProblem::Refused { error, aadsts } })
}

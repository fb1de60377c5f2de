//! One question to control: sent, repeated while that may help, and its problem told with place, cause and remedy.

use std::error::Error as _;
use std::fmt::Display;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use seatshift_control::api::Problem;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::ending::Usage;

/// Between two tries at first; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// One exchange: control lets nobody wait longer than half a minute, and a call to Microsoft may take one.
const EXCHANGE: Duration = Duration::from_secs(120);
/// One exchange that works through many things.
const LONG_EXCHANGE: Duration = Duration::from_secs(3600);
/// What control says while a read waits for quota.
const NO_QUOTA: &str = "urn:seatshift:problem:no_quota";

/// The way to control.
#[derive(Debug, Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    base: Url,
    token: HeaderValue,
}

/// How long control is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Whether it is there at all.
    First,
    /// It was there, and is being restarted.
    Usual,
    /// It is there, and needs long.
    Long,
}

impl Patience {
    fn tries_for(self) -> Duration {
        match self {
            Patience::First => Duration::from_secs(15),
            Patience::Usual | Patience::Long => Duration::from_secs(60),
        }
    }

    fn exchange(self) -> Duration {
        match self {
            Patience::First | Patience::Usual => EXCHANGE,
            Patience::Long => LONG_EXCHANGE,
        }
    }
}

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    /// Asking it twice does no harm.
    again: bool,
    patience: Patience,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &[&'a str]) -> Ask<'a> {
        Ask { again: true, ..Ask::of(Method::GET, path, None) }
    }

    /// Replaces something, so that twice is as once.
    pub(super) fn put<T: Serialize + ?Sized>(path: &[&'a str], body: &T) -> serde_json::Result<Ask<'a>> {
        Ok(Ask { again: true, ..Ask::of(Method::PUT, path, Some(json(body)?)) })
    }

    /// The same with a body that is JSON already.
    pub(super) fn put_json(path: &[&'a str], body: Bytes) -> Ask<'a> {
        Ask { again: true, ..Ask::of(Method::PUT, path, Some(body)) }
    }

    pub(super) fn delete(path: &[&'a str]) -> Ask<'a> {
        Ask { again: true, ..Ask::of(Method::DELETE, path, None) }
    }

    /// Asked once, unless it never left or [`Ask::again`] says otherwise.
    pub(super) fn post<T: Serialize + ?Sized>(path: &[&'a str], body: &T) -> serde_json::Result<Ask<'a>> {
        Ok(Ask::of(Method::POST, path, Some(json(body)?)))
    }

    fn of(method: Method, path: &[&'a str], body: Option<Bytes>) -> Ask<'a> {
        Ask { method, path: path.to_vec(), query: Vec::new(), body, again: false, patience: Patience::Usual }
    }

    #[must_use]
    pub(super) fn again(mut self) -> Self {
        self.again = true;
        self
    }

    #[must_use]
    pub(super) fn query(mut self, name: &'static str, value: Option<impl Display>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    #[must_use]
    pub(super) fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}

fn json<T: Serialize + ?Sized>(body: &T) -> serde_json::Result<Bytes> {
    serde_json::to_vec(body).map(Bytes::from)
}

/// Control did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("{address}: control cannot be reached ({cause}); check that it runs, and `control.url`")]
    Unreachable {
        address: String,
        cause: String,
        /// Nothing has left this machine.
        unsent: bool,
    },
    #[error("{address}: control says about {}: {}; {}", problem.place, problem.detail, problem.remedy)]
    Refused { address: String, problem: Box<Problem> },
    #[error(
        "{address}: what answers is not control, or another version of it (HTTP {status}); check `control.url`, and use \
         programs of one version"
    )]
    Strange { address: String, status: u16 },
}

impl ApiError {
    /// There is no such thing.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, ApiError::Refused { problem, .. } if problem.status == 404)
    }

    /// It answered, and the answer will not be another one by itself.
    pub(super) fn is_final(&self) -> bool {
        match self {
            ApiError::Unreachable { .. } => false,
            ApiError::Refused { problem, .. } => problem.status < 500,
            ApiError::Strange { status, .. } => !(500..600).contains(status),
        }
    }

    /// It may have been done, or not.
    pub(super) fn is_open(&self) -> bool {
        match self {
            ApiError::Unreachable { unsent, .. } => !unsent,
            ApiError::Refused { .. } => false,
            ApiError::Strange { status, .. } => *status >= 500,
        }
    }

    fn waits_for_quota(&self) -> bool {
        matches!(self, ApiError::Refused { problem, .. } if problem.kind == NO_QUOTA)
    }

    /// Worth another try.
    fn passes(&self, again: bool) -> bool {
        match self {
            ApiError::Unreachable { unsent, .. } => *unsent || again,
            ApiError::Refused { problem, .. } => problem.status == 503,
            // A gateway before control, while control is being restarted.
            ApiError::Strange { status, .. } => again && matches!(status, 502..=504),
        }
    }

    /// A wrong token, or something that may not or cannot be asked for, is the person's to put right.
    pub(super) fn told(self) -> anyhow::Error {
        match &self {
            ApiError::Refused { problem, .. } if problem.status < 500 => Usage::new(self.to_string()).into(),
            ApiError::Refused { .. } | ApiError::Unreachable { .. } | ApiError::Strange { .. } => self.into(),
        }
    }
}

impl Api {
    pub(super) fn new(base: Url, token: SecretString) -> anyhow::Result<Api> {
        let mut token = HeaderValue::try_from(format!("Bearer {}", token.expose_secret().trim()))
            .map_err(|_| Usage::new("control.token holds something that no token holds; write it anew"))?;
        token.set_sensitive(true);
        let own = match base.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .tcp_keepalive(Duration::from_secs(15))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("seatshift/", env!("CARGO_PKG_VERSION")));
        // A proxy of the environment must not get in between on this machine itself.
        let builder = if own { builder.no_proxy() } else { builder };
        let http = builder
            .build()
            .map_err(|error| anyhow::anyhow!("TLS cannot be set up on this machine ({error})"))?;
        Ok(Api { http, base, token })
    }

    pub(super) fn address(&self) -> &str {
        self.base.as_str()
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, ApiError> {
        let (status, body) = self.patiently(&ask).await?;
        serde_json::from_slice(&body).map_err(|error| {
            tracing::debug!(path = ?ask.path, %error, "an answer of control cannot be read");
            self.strange(status)
        })
    }

    /// The same where there is nothing to be read.
    pub(super) async fn tell(&self, ask: Ask<'_>) -> Result<(), ApiError> {
        self.patiently(&ask).await.map(drop)
    }

    /// Asks for a command, which ends with what control refuses.
    pub(super) async fn answer<T: DeserializeOwned>(&self, ask: Ask<'_>) -> anyhow::Result<T> {
        self.ask(ask).await.map_err(ApiError::told)
    }

    async fn patiently(&self, ask: &Ask<'_>) -> Result<(StatusCode, Bytes), ApiError> {
        let mut begun = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.waits_for_quota() {
                // Control is there; it is Microsoft's quota that is waited for, as long as it takes.
                begun = Instant::now();
                wait = FIRST_WAIT;
            }
            if !error.passes(ask.again) || begun.elapsed() + wait > ask.patience.tries_for() {
                return Err(error);
            }
            tracing::info!(%error, "asking control again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<(StatusCode, Bytes), ApiError> {
        let mut request = self
            .http
            .request(ask.method.clone(), self.url(ask))
            .timeout(ask.patience.exchange())
            .header(AUTHORIZATION, self.token.clone());
        if let Some(body) = &ask.body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).body(body.clone());
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok((status, body));
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ApiError::Refused { address: self.base.to_string(), problem: Box::new(problem) },
            Err(_) => self.strange(status),
        })
    }

    fn url(&self, ask: &Ask<'_>) -> Url {
        let mut url = self.base.clone();
        // An address that has no path cannot be sent to, which the answer will say.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            // Keys of records are paths themselves.
            segments.extend(ask.path.iter().flat_map(|part| part.split('/')));
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> ApiError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        // Its own words hold the address, which is told anyway.
        let cause = if error.source().is_none() { "no answer came".to_owned() } else { cause.to_string() };
        let cause = if error.is_timeout() { "time ran out".to_owned() } else { cause };
        ApiError::Unreachable { address: self.base.to_string(), cause, unsent: error.is_connect() }
    }

    fn strange(&self, status: StatusCode) -> ApiError {
        ApiError::Strange { address: self.base.to_string(), status: status.as_u16() }
    }
}

#[cfg(test)]
mod tests;

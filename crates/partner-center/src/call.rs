//! One exchange with the API: token, headers, sending, telling the observer and the gate, and judging the answer.
//!
//! Reads are repeated in place; changing calls are made once. That a changing call cannot be made without the gate is
//! the type of [`Permit`]; that it is not made after *pause*, nor after the permission has ended, is asked once more here,
//! at the last moment: the wait for a token may have been long.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{CallError, Problem, Remedy};
use crate::gate::{Answer, Ask, Family, Gate, Permit, Purpose};
use crate::judge;
use crate::model::Malformed;
use crate::observer::{CallRecord, Observer};
use crate::operation::Operation;
use crate::relay::Relay;
use crate::retry;
use crate::timer::{Timer, between};
use crate::token::{Means, Token, Tokens};
use crate::token_store::RefreshTokens;
use crate::transport::{Transport, TransportError};
use crate::wire::list;

const REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
const CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
const CONTRACT_VERSION: HeaderName = HeaderName::from_static("ms-contract-version");
const APPLICATION: HeaderName = HeaderName::from_static("ms-partnercenter-application");
const LOCALE: HeaderName = HeaderName::from_static("x-locale");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What every call needs; shared by all readers and clients made from one.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) config: Arc<Config>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) way: Way,
}

/// How an exchange comes about.
#[derive(Debug)]
pub(crate) enum Way {
    /// By calls of our own.
    Own { transport: Arc<dyn Transport>, observer: Arc<dyn Observer>, tokens: Tokens },
    /// By somebody else's, who has the login; only reads.
    Relayed(Arc<dyn Relay>),
}

/// An exchange that did not end well, with the answer that says so where there was one.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: CallError,
    pub(crate) answer: Option<Response<Bytes>>,
}

impl From<CallError> for Box<Failed> {
    fn from(error: CallError) -> Self {
        Box::new(Failed { error, answer: None })
    }
}

/// A request before it has a token and ids.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) customer: Option<Uuid>,
    /// Path and query from `/v1` on.
    pub(crate) target: &'a str,
    pub(crate) continuation: Option<&'a str>,
    pub(crate) etag: Option<&'a str>,
    pub(crate) body: Option<Bytes>,
}

/// Under which ids and for what a call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace {
    pub(crate) correlation_id: Uuid,
    pub(crate) request_id: Uuid,
    pub(crate) purpose: Purpose,
    pub(crate) attempt: u32,
}

impl Engine {
    pub(crate) fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        refresh_tokens: &Arc<dyn RefreshTokens>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let config = Arc::new(config);
        let means = Means {
            config: Arc::clone(&config),
            transport: Arc::clone(&transport),
            timer: Arc::clone(&timer),
            observer: Arc::clone(&observer),
        };
        let tokens = Tokens::new(&means, refresh_tokens);
        Self { config, timer, gate, way: Way::Own { transport, observer, tokens } }
    }

    /// An engine without a login: what is to be read is handed on.
    pub(crate) fn relayed(
        config: Config,
        relay: Arc<dyn Relay>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self { config: Arc::new(config), timer, gate, way: Way::Relayed(relay) }
    }

    /// Gets a token of each kind, or says why there is none.
    pub(crate) async fn sign_in(&self, purpose: Purpose) -> Result<(), CallError> {
        let tokens = match &self.way {
            Way::Own { tokens, .. } => tokens,
            Way::Relayed(relay) => return self.sign_in_relayed(&**relay, purpose).await,
        };
        for operation in [&crate::operation::CUSTOMERS, &crate::operation::USERS] {
            let (correlation_id, request_id) = ((self.config.ids)(), (self.config.ids)());
            let trace = Trace { correlation_id, request_id, purpose, attempt: 1 };
            let kind = operation.token(self.config.token_use);
            tokens.get(kind).await.map_err(|none| judge::no_token(operation, trace, none))?;
        }
        Ok(())
    }

    /// Makes a read, repeated in place, and reads the answer's body with `parse`.
    pub(crate) async fn read<T>(
        &self,
        request: &Request<'_>,
        correlation_id: Option<Uuid>,
        purpose: Purpose,
        parse: impl Fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, CallError> {
        let correlation_id = correlation_id.unwrap_or_else(|| (self.config.ids)());
        let remedy = |error: &CallError| error.remedy;
        let parse = &parse;
        let limits = if purpose == Purpose::Plan { self.config.patience } else { self.config.retry };
        retry::in_place(&self.timer, &self.config.jitter, limits, remedy, |attempt| async move {
            let request_id = (self.config.ids)();
            let trace = Trace { correlation_id, request_id, purpose, attempt };
            let answer = match &self.way {
                Way::Own { .. } => self.read_once(request, trace).await.map_err(|failed| failed.error)?,
                Way::Relayed(relay) => self.read_relayed(&**relay, request, trace).await?,
            };
            parse(answer.body())
                .map_err(|problem| judge::unreadable(request.operation, trace, &answer, problem))
        })
        .await
    }

    /// One try of a read; a token that is turned down is renewed once.
    pub(crate) async fn read_once(
        &self,
        request: &Request<'_>,
        trace: Trace,
    ) -> Result<Response<Bytes>, Box<Failed>> {
        let ask = ask(request, trace.purpose);
        self.gate.permit(ask.clone()).await;
        match self.exchange(request, trace, &ask, Timestamp::MAX).await {
            Err(failed) if failed.error.status == Some(401) && failed.error.remedy == Remedy::Retry => {
                self.gate.permit(ask.clone()).await;
                let again = Trace { request_id: (self.config.ids)(), ..trace };
                self.exchange(request, again, &ask, Timestamp::MAX).await
            }
            done => done,
        }
    }

    /// Makes a changing call, once, and reads the answer's body with `parse`.
    pub(crate) async fn change<T>(
        &self,
        permit: Permit,
        request: &Request<'_>,
        trace: Trace,
        parse: impl FnOnce(&Response<Bytes>) -> Result<T, Malformed>,
    ) -> Result<T, CallError> {
        let operation = request.operation;
        if permit.ask.family != operation.family
            || permit.ask.customer != request.customer
            || !permit.ask.changing
        {
            return Err(judge::error(operation, trace, Remedy::Person, Problem::WrongPermit));
        }
        let answer = self.exchange(request, trace, &permit.ask, permit.until).await;
        let answer = answer.map_err(|failed| failed.error)?;
        parse(&answer).map_err(|problem| judge::unreadable(operation, trace, &answer, problem))
    }

    /// Waits for the gate's permission for a changing call, which is good `until` then.
    pub(crate) async fn permit(
        &self,
        family: Family,
        customer: Uuid,
        purpose: Purpose,
        until: Timestamp,
    ) -> Permit {
        let ask = Ask { family, customer: Some(customer), changing: true, purpose };
        self.gate.permit(ask.clone()).await;
        Permit { ask, until }
    }

    /// One HTTP exchange, begun before `until` or not at all. A good answer is any of 2xx.
    async fn exchange(
        &self,
        request: &Request<'_>,
        trace: Trace,
        ask: &Ask,
        until: Timestamp,
    ) -> Result<Response<Bytes>, Box<Failed>> {
        let operation = request.operation;
        let Way::Own { transport, observer, tokens } = &self.way else {
            return Err(judge::error(operation, trace, Remedy::Person, Problem::Request).into());
        };
        let kind = operation.token(self.config.token_use);
        let token = tokens.get(kind).await.map_err(|none| judge::no_token(operation, trace, none))?;
        let Some(http) = self.build(request, trace, &token) else {
            return Err(judge::error(operation, trace, Remedy::Person, Problem::Request).into());
        };
        if operation.changing() && !self.gate.stands(ask) {
            let paused = Remedy::Throttled { after: None };
            return Err(judge::error(operation, trace, paused, Problem::Paused).into());
        }
        let at = self.timer.now();
        if at >= until || (operation.changing() && !self.timer.is_right()) {
            return Err(judge::error(operation, trace, Remedy::Retry, Problem::TooLate).into());
        }
        let judged = judged(operation, trace, transport.send(http).await);
        self.report((observer, at), request, trace, ask, &judged);
        match judged {
            Err(failed) if failed.error.status == Some(401) => {
                let worth_trying = tokens.rejected(kind, &token);
                let Failed { error, answer } = *failed;
                Err(Box::new(Failed { error: judge::turned_down(error, worth_trying), answer }))
            }
            judged => {
                if judged.as_ref().map_or_else(|failed| failed.error.status.is_some(), |_| true) {
                    tokens.accepted(kind);
                }
                judged
            }
        }
    }

    fn build(&self, request: &Request<'_>, trace: Trace, token: &Token) -> Option<http::Request<Bytes>> {
        let base = self.config.api.as_str().trim_end_matches('/');
        let mut http = http::Request::builder()
            .method(&request.operation.method)
            .uri(format!("{base}{}", request.target))
            .header(ACCEPT, JSON)
            .header(REQUEST_ID, guid_header(trace.request_id))
            .header(CORRELATION_ID, guid_header(trace.correlation_id))
            .header(CONTRACT_VERSION, HeaderValue::from_static("v1"))
            .header(LOCALE, HeaderValue::from_static("en-US"));
        let headers = http.headers_mut()?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose_secret())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        if !self.config.application_name.is_empty() {
            headers.insert(APPLICATION, HeaderValue::try_from(&self.config.application_name).ok()?);
        }
        if let Some(continuation) = request.continuation {
            headers.insert(list::TOKEN_HEADER, HeaderValue::try_from(continuation).ok()?);
        }
        if let Some(etag) = request.etag {
            let quoted = format!("\"{}\"", etag.trim_matches('"'));
            headers.insert(IF_MATCH, HeaderValue::try_from(quoted).ok()?);
        }
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, JSON);
            if body.is_empty() {
                // Left out of a POST without a body otherwise, and gateways answer that with 411.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        http.body(request.body.clone().unwrap_or_default()).ok()
    }

    /// Tells the observer and the gate how it went.
    fn report(
        &self,
        (observer, at): (&Arc<dyn Observer>, Timestamp),
        request: &Request<'_>,
        trace: Trace,
        ask: &Ask,
        judged: &Result<Response<Bytes>, Box<Failed>>,
    ) {
        let (status, code, answer) = match judged {
            Ok(answer) => (Some(answer.status().as_u16()), None, Answer::Fine),
            Err(failed) => (failed.error.status, failed.error.code, judge::gate_answer(&failed.error)),
        };
        self.gate.answered(ask, answer);
        let elapsed = between(at, self.timer.now());
        tracing::debug!(
            operation = request.operation.name,
            status,
            code,
            request_id = %trace.request_id,
            correlation_id = %trace.correlation_id,
            attempt = trace.attempt,
            "partner center answered"
        );
        observer.observed(CallRecord {
            at,
            family: request.operation.family,
            operation: request.operation.name,
            customer: request.customer,
            changing: request.operation.changing(),
            purpose: trace.purpose,
            status,
            code,
            request_id: trace.request_id,
            correlation_id: trace.correlation_id,
            microseconds: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            attempt: trace.attempt,
        });
    }
}

/// What came of sending: a good answer is any of 2xx.
fn judged(
    operation: &'static Operation,
    trace: Trace,
    answer: Result<Response<Bytes>, TransportError>,
) -> Result<Response<Bytes>, Box<Failed>> {
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(answer),
        Ok(answer) => {
            let error = judge::refused(operation, trace, &answer);
            Err(Box::new(Failed { error, answer: Some(answer) }))
        }
        Err(fault) => Err(judge::no_answer(operation, trace, fault).into()),
    }
}

pub(crate) fn ask(request: &Request<'_>, purpose: Purpose) -> Ask {
    Ask { family: request.operation.family, customer: request.customer, changing: false, purpose }
}

fn guid_header(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer))
        .expect("a GUID is hexadecimal digits and hyphens")
}

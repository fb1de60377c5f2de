//! A transport that answers from a script, and everything else a client needs, all without a clock or dice of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{Method, Request, Response};
use jiff::Timestamp;
use seatshift_partner_center::config::{Ids, Jitter};
use seatshift_partner_center::{
    Application, CallRecord, Client, Config, Family, MemoryTokens, Observer, Permit, Purpose, RefreshTokens,
    Timer, TokenBuckets, Transport, TransportError,
};
use uuid::Uuid;

pub(crate) const CUSTOMER: Uuid = Uuid::from_u128(0x5b1f0d4e_6f0a_4a57_9f0b_1a2b3c4d5e6f);
pub(crate) const SUBSCRIPTION: Uuid = Uuid::from_u128(0x0c9a7c2b_4b36_4c0a_9c1d_5e0f6a7b8c9d);
pub(crate) const USER: Uuid = Uuid::from_u128(0xa9ef48bb_8758_4590_a312_d4a47bfaded4);
pub(crate) const SALES: Uuid = Uuid::from_u128(0x1e1a282c_9c54_43a2_9310_98ef728faace);
pub(crate) const SALES_PRO: Uuid = Uuid::from_u128(0xbe9f9771_1c64_4618_9907_244325141096);

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name, ".json"))
    };
}
pub(crate) use fixture;

/// The clock of tokio's paused time.
#[derive(Debug)]
pub(crate) struct PausedTimer(tokio::time::Instant);

impl PausedTimer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now()))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Timer for PausedTimer {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2024-01-15T08:00:00Z".parse().unwrap();
        start.checked_add(self.0.elapsed()).unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

/// What the transport does with one request.
pub(crate) enum Line {
    Answer(Response<Bytes>),
    Fail(TransportError),
    Slow(Duration, Response<Bytes>),
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Line {
    Line::Answer(response(status, body))
}

pub(crate) fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

pub(crate) fn throttled(seconds: &str) -> Line {
    let body = Bytes::from_static(fixture!("throttled").as_bytes());
    Line::Answer(Response::builder().status(429).header("Retry-After", seconds).body(body).unwrap())
}

pub(crate) fn fault(status: u16, code: u32) -> Line {
    answer(status, format!(r#"{{"code":{code},"description":"x","data":[],"source":"PartnerFD"}}"#))
}

/// One request as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers from a script; requests for tokens have a script of their own and are granted when it is empty.
#[derive(Default)]
pub(crate) struct Script {
    lines: Mutex<VecDeque<Line>>,
    logins: Mutex<VecDeque<Line>>,
    sent: Mutex<Vec<Sent>>,
    asked: Mutex<Vec<Sent>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(crate) fn then(&self, line: Line) -> &Self {
        self.lines.lock().unwrap().push_back(line);
        self
    }

    pub(crate) fn login(&self, line: Line) -> &Self {
        self.logins.lock().unwrap().push_back(line);
        self
    }

    /// Requests to the API.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// The one request to the API.
    pub(crate) fn only(&self) -> Sent {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "one request was expected");
        sent[0].clone()
    }

    /// Requests to the login authority.
    pub(crate) fn logins(&self) -> Vec<Sent> {
        self.asked.lock().unwrap().clone()
    }
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, TransportError>> {
        let (parts, body) = request.into_parts();
        let sent = Sent { method: parts.method, uri: parts.uri.to_string(), headers: parts.headers, body };
        let login = sent.uri.contains("/oauth2/");
        let line = if login {
            let app_user = sent.body.windows(13).any(|w| w == b"refresh_token");
            self.asked.lock().unwrap().push(sent);
            let granted = if app_user { fixture!("token_app_user") } else { fixture!("token_app_only") };
            self.logins.lock().unwrap().pop_front().unwrap_or_else(|| answer(200, granted))
        } else {
            let what = format!("{} {}", sent.method, sent.uri);
            self.sent.lock().unwrap().push(sent);
            self.lines
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or_else(|| panic!("no answer in the script for {what}"))
        };
        async move {
            match line {
                Line::Answer(answer) => Ok(answer),
                Line::Fail(error) => Err(error),
                Line::Slow(time, answer) => {
                    tokio::time::sleep(time).await;
                    Ok(answer)
                }
            }
        }
        .boxed()
    }
}

/// Keeps all records.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<Vec<CallRecord>>);

impl Records {
    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.0.lock().unwrap().clone()
    }

    /// Those of the API, without the calls for tokens.
    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        self.all().into_iter().filter(|call| !call.operation.starts_with("token")).collect()
    }
}

impl Observer for Records {
    fn observed(&self, call: CallRecord) {
        self.0.lock().unwrap().push(call);
    }
}

/// A client on a script.
pub(crate) struct Stage {
    pub(crate) script: Arc<Script>,
    pub(crate) records: Arc<Records>,
    pub(crate) gate: TokenBuckets,
    pub(crate) timer: Arc<PausedTimer>,
    pub(crate) client: Client,
}

impl Stage {
    /// A permission that does not end.
    pub(crate) async fn permit(&self, family: Family) -> Permit {
        self.client.permit(family, CUSTOMER, Purpose::Forward, Timestamp::MAX).await
    }
}

pub(crate) fn config() -> Config {
    let next = AtomicU64::new(1);
    let ids: Ids = Arc::new(move || Uuid::from_u128(u128::from(next.fetch_add(1, Ordering::Relaxed))));
    let jitter: Jitter = Arc::new(|| 0.5);
    let app = Application { id: "app-id".to_owned(), secret: "app-secret".into() };
    Config::new("partner.example", app, ids, jitter)
}

pub(crate) fn stage() -> Stage {
    staged(config(), Arc::new(MemoryTokens::new("invented-refresh-token-1".into())))
}

pub(crate) fn staged(config: Config, tokens: Arc<dyn RefreshTokens>) -> Stage {
    let script = Arc::new(Script::default());
    let records = Arc::new(Records::default());
    let timer = PausedTimer::new();
    let clock: Arc<dyn Timer> = Arc::clone(&timer) as _;
    let gate = TokenBuckets::new(Arc::clone(&clock));
    let client = Client::new(
        config,
        Arc::clone(&script) as _,
        tokens,
        Arc::new(gate.clone()),
        clock,
        Arc::clone(&records) as _,
    );
    Stage { script, records, gate, timer, client }
}

/// A request id as callers would bring it.
pub(crate) fn intent(number: u128) -> Uuid {
    Uuid::from_u128(0xfeed_0000_0000_0000_0000_0000_0000_0000 + number)
}

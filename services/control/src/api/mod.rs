//! Control's HTTP API: what the command line speaks to in the distributed mode, and whoever integrates Seatshift.
//!
//! Every replica answers every question. What acts (plans, commands) is written down and carried out by the replica that
//! acts, so it is taken on with 202 and asked for afterwards; what reads is answered at once from the store or the board.
//! `openapi.json` describes it all and is made from the code.
//!
//! What must never happen here: an answer to somebody without the token, a decision about a migration, a way to make a
//! changing call at Microsoft.

mod auth;
mod commands;
mod history;
mod letters;
mod openapi;
mod partner;
mod problem;
mod progress;
mod runs;
mod waiting;
pub mod wire;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use axum::{Router, middleware};
use seatshift_partner_center::{Reader, TokenStoreError};
use secrecy::SecretString;

use crate::control::Control;
pub use letters::{InStore, Letters, LettersError, OnRabbit};
pub use openapi::document;
pub use problem::Problem;
use problem::Refused;

/// The longest body that is read: a page of a plan.
const LONGEST_BODY: usize = 16 << 20;

/// What the API answers from.
#[derive(Clone)]
pub struct Api {
    pub control: Control,
    /// Whether anything may be changed at Microsoft; without it plans and wishes are refused, a pause is not.
    pub allow_changes: bool,
    /// Seconds of control's clock in a real one.
    pub clock_scale: u32,
    /// Control's own client, for those who have no login.
    pub reader: Reader,
    pub consents: Arc<dyn Consents>,
    pub letters: Arc<dyn Letters>,
    /// Of this process: versions of progress are its own.
    pub instance: Arc<str>,
}

/// Where a person's new consent is kept.
#[async_trait]
pub trait Consents: Send + Sync + fmt::Debug {
    /// Keeps it in place of the one before. When this ends well, it survives a crash.
    async fn consented(&self, token: SecretString) -> Result<(), TokenStoreError>;
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// All routes. Everything but the description wants the token.
pub fn router(api: Api, token: &SecretString) -> Router {
    let guarded = Router::new()
        .route("/v1/progress", get(progress::now))
        .route("/v1/runs", get(runs::list).post(runs::apply))
        .route("/v1/runs/{run}/rows", get(runs::rows))
        .route("/v1/uploads", post(runs::new_upload))
        .route("/v1/uploads/{upload}/pages/{page}", put(runs::put_page))
        .route("/v1/applies/{id}", get(runs::applied))
        .route("/v1/migrations/{id}", get(history::migration))
        .route("/v1/migrations/{id}/work/{service}", get(history::work))
        .route("/v1/commands", post(commands::give))
        .route("/v1/commands/{id}", get(commands::answer))
        .route("/v1/commands/{id}", delete(commands::withdraw))
        .route("/v1/commands/preview", post(commands::preview))
        .route("/v1/events", get(history::events))
        .route("/v1/calls", get(history::calls))
        .route("/v1/call-counts", get(history::call_counts))
        .route("/v1/ledgers", post(history::ledgers))
        .route("/v1/records", post(history::write_records))
        .route("/v1/records/{kind}", get(history::records))
        .route("/v1/records/{kind}/{*key}", get(history::record))
        .route("/v1/dead-letters", get(letters::list))
        .route("/v1/dead-letters/{service}/{id}", get(letters::show))
        .route("/v1/dead-letters/{service}/replay", post(letters::replay))
        .route("/v1/dead-letters/{service}/discard", post(letters::discard))
        .route("/v1/refresh-token", put(partner::refresh_token))
        .route("/v1/partner-center/read", post(partner::read))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn(text_only))
        .layer(middleware::from_fn_with_state(auth::Token::of(token), auth::check))
        .with_state(api);
    Router::new().route("/v1/openapi.json", get(openapi::serve)).merge(guarded)
}

/// No database keeps a NUL in a text.
async fn text_only(request: Request, next: Next) -> Result<Response, Refused> {
    if request.uri().path().contains("%00") {
        let detail = "it holds a NUL".to_owned();
        return Err(Refused::bad("path", detail, "give keys and ids as the API has given them"));
    }
    Ok(next.run(request).await)
}

async fn nothing_here(uri: Uri) -> Refused {
    Refused::unknown(
        "path",
        format!("there is nothing at {}", uri.path()),
        "/v1/openapi.json lists what there is",
    )
}

async fn not_so(method: Method, uri: Uri) -> Refused {
    let detail = format!("{method} is not answered at {}", uri.path());
    let remedy = "/v1/openapi.json lists what is";
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "method", detail, remedy)
}

/// Plans and wishes end in changes at Microsoft.
fn changes_allowed(api: &Api) -> Result<(), Refused> {
    if api.allow_changes {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::FORBIDDEN,
        "changes_not_allowed",
        "configuration of control, key allow_changes",
        "nothing may be changed at Microsoft".to_owned(),
        "set `allow_changes = true` (or SEATSHIFT__ALLOW_CHANGES=true) for the services, and start them again",
    ))
}

//! Operators' commands: given, carried out by the replica that acts, answered.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use utoipa::IntoParams;

use super::problem::{Problem, Refused};
use super::waiting::{Asked, Body, short, until};
use super::wire::{Accepted, Outcome};
use super::{Api, changes_allowed};
use crate::commands::{Answered, Command, Verb};

/// For a command to be written down.
const PATIENCE: Duration = Duration::from_secs(10);

#[utoipa::path(
    post,
    path = "/v1/commands",
    request_body = Command,
    responses(
        (status = 202, body = Accepted, description = "Ask /v1/commands/{id} what became of it"),
        (status = 400, body = Problem), (status = 403, body = Problem)
    )
)]
pub(super) async fn give(
    State(api): State<Api>,
    Body(command): Body<Command>,
) -> Result<(StatusCode, Json<Accepted>), Refused> {
    // To stop must always be possible.
    if !matches!(command.verb, Verb::Pause { .. }) {
        changes_allowed(&api)?;
    }
    short("body, by", &command.asked.by)?;
    short("body, reason", command.asked.reason.as_deref().unwrap_or_default())?;
    match timeout(PATIENCE, api.control.give(command)).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, Json(Accepted { id: id? }))),
        Err(_) => Err(no_answer()),
    }
}

/// Without the database no replica makes a changing call for longer than a second, so a pause is not what is missing.
fn no_answer() -> Refused {
    let detail = "it does not answer, so nothing is changed at Microsoft meanwhile either; whether the command was written \
                  down is not known"
        .to_owned();
    let remedy = "bring the database back, look at `seatshift status`, and give the command again where it is not there";
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the database of control", detail, remedy)
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    /// Seconds to wait for an answer at most, up to 30.
    wait: Option<u64>,
}

#[utoipa::path(
    get,
    path = "/v1/commands/{id}",
    params(("id" = String, Path), Patience),
    responses((status = 200, body = Outcome<Answered>, description = "What became of it; `answer` is null while nothing has"))
)]
pub(super) async fn answer(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(patience): Asked<Patience>,
) -> Result<Json<Outcome<Answered>>, Refused> {
    let end = until(patience.wait);
    loop {
        let answer = api.control.answer(&id).await?;
        if answer.is_some() || Instant::now() >= end {
            return Ok(Json(Outcome { answer, position: api.control.last_change().await? }));
        }
        api.control.a_moment().await;
    }
}

#[utoipa::path(
    delete,
    path = "/v1/commands/{id}",
    params(("id" = String, Path)),
    responses((status = 204, description = "Taken back, unless somebody had taken it up"))
)]
pub(super) async fn withdraw(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    api.control.withdraw(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/commands/preview",
    request_body = Command,
    responses((status = 200, body = Answered, description = "What it would do; nothing is done"))
)]
pub(super) async fn preview(
    State(api): State<Api>,
    Body(command): Body<Command>,
) -> Result<Json<Answered>, Refused> {
    Ok(Json(api.control.preview(&command).await?))
}

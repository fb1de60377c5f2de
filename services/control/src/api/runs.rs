//! Runs: what was applied, row by row, and applying a plan.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use seatshift_messages::RunId;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::problem::{Problem, Refused};
use super::waiting::{Asked, Body, id, limit, short, until};
use super::wire::{Accepted, Apply, Outcome, Row, Uploaded};
use super::{Api, changes_allowed};
use crate::applies::{ApplyAnswered, ApplyAsked};
use crate::run::{PlannedRow, Run};
use crate::standing;

/// Rows given at once.
const MOST_ROWS: usize = 500;
/// Rows of a page where control makes the pages.
const PAGE: usize = 200;

#[utoipa::path(get, path = "/v1/runs", responses((status = 200, body = Vec<Run>, description = "All runs, oldest first")))]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<Run>>, Refused> {
    Ok(Json(standing::runs(&**api.control.store()).await?))
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Rows behind the one with this index.
    after: Option<u32>,
    /// At most so many, up to 500.
    limit: Option<usize>,
}

#[utoipa::path(
    get,
    path = "/v1/runs/{run}/rows",
    params(("run" = String, Path), Page),
    responses((status = 200, body = Vec<Row>), (status = 400, body = Problem))
)]
pub(super) async fn rows(
    State(api): State<Api>,
    Path(run): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Vec<Row>>, Refused> {
    let run: RunId = id("path, run", &run)?;
    let most = limit(page.limit, MOST_ROWS);
    let rows = standing::page(&**api.control.store(), run, page.after, most).await?;
    let row = |row: standing::RowStanding| Row {
        index: row.index,
        run: row.run,
        state: row.state(),
        row: row.row,
        migration: row.migration,
        earlier: row.earlier,
        already: row.already,
        ledger: row.ledger,
    };
    Ok(Json(rows.into_iter().map(row).collect()))
}

#[utoipa::path(post, path = "/v1/uploads", responses((status = 201, body = Accepted)))]
pub(super) async fn new_upload(State(api): State<Api>) -> (StatusCode, Json<Accepted>) {
    (StatusCode::CREATED, Json(Accepted { id: api.control.new_upload() }))
}

#[utoipa::path(
    put,
    path = "/v1/uploads/{upload}/pages/{page}",
    params(("upload" = String, Path), ("page" = u32, Path, description = "From 0, without holes")),
    request_body = Vec<PlannedRow>,
    responses((status = 204), (status = 400, body = Problem), (status = 413, body = Problem))
)]
pub(super) async fn put_page(
    State(api): State<Api>,
    Path((upload, page)): Path<(String, String)>,
    Body(rows): Body<Vec<PlannedRow>>,
) -> Result<StatusCode, Refused> {
    changes_allowed(&api)?;
    let upload: seatshift_messages::EventId = id("path, upload", &upload)?;
    let page: u32 = id("path, page", &page)?;
    api.control.put_page(&upload.to_string(), page, &rows).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/runs",
    request_body = Apply,
    responses(
        (status = 202, body = Accepted, description = "Ask /v1/applies/{id} what became of it"),
        (status = 400, body = Problem), (status = 403, body = Problem)
    )
)]
pub(super) async fn apply(
    State(api): State<Api>,
    Body(apply): Body<Apply>,
) -> Result<(StatusCode, Json<Accepted>), Refused> {
    changes_allowed(&api)?;
    let Apply { sha256, extra_columns, options, rows, uploaded } = apply;
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let detail = "this is no SHA-256 of a file".to_owned();
        return Err(Refused::bad("body, sha256", detail, "give 64 hexadecimal digits"));
    }
    short("body, options.approved_by", &options.approved_by)?;
    let uploaded = match uploaded {
        Some(_) if !rows.is_empty() => {
            let detail = "rows are given here and as an upload".to_owned();
            return Err(Refused::bad("body, rows", detail, "give one of the two"));
        }
        Some(uploaded) => {
            let upload: seatshift_messages::EventId = id("body, uploaded.upload", &uploaded.upload)?;
            Uploaded { upload: upload.to_string(), ..uploaded }
        }
        None => upload_here(&api, &rows).await?,
    };
    let asked = ApplyAsked { upload: uploaded.upload, sha256, extra_columns, rows: uploaded.rows, options };
    let id = api.control.ask_apply(asked).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

async fn upload_here(api: &Api, rows: &[PlannedRow]) -> Result<Uploaded, Refused> {
    let upload = api.control.new_upload();
    for (page, rows) in (0..).zip(rows.chunks(PAGE)) {
        api.control.put_page(&upload, page, rows).await?;
    }
    Ok(Uploaded { upload, rows: rows.len() })
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
    path = "/v1/applies/{id}",
    params(("id" = String, Path), Patience),
    responses((status = 200, body = Outcome<ApplyAnswered>, description = "What became of it; `answer` is null while nothing has"))
)]
pub(super) async fn applied(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(patience): Asked<Patience>,
) -> Result<Json<Outcome<ApplyAnswered>>, Refused> {
    let end = until(patience.wait);
    loop {
        let answer = api.control.apply_answered(&id).await?;
        if answer.is_some() || Instant::now() >= end {
            return Ok(Json(Outcome { answer, position: api.control.last_change().await? }));
        }
        api.control.a_moment().await;
    }
}

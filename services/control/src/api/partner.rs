//! Partner Center for those who have no login: reads through control's own client, and a new consent.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use seatshift_partner_center::relay::{NotRelayed, RelayedAnswer, RelayedRead};

use super::Api;
use super::problem::{Problem, Refused};
use super::waiting::Body;
use super::wire::NewRefreshToken;

/// A read waits so long for quota, and then says so: a connection must not be held for minutes.
const PATIENCE: Duration = Duration::from_secs(25);

#[utoipa::path(
    put,
    path = "/v1/refresh-token",
    request_body = NewRefreshToken,
    responses((status = 204), (status = 503, body = Problem))
)]
pub(super) async fn refresh_token(
    State(api): State<Api>,
    Body(new): Body<NewRefreshToken>,
) -> Result<StatusCode, Refused> {
    if new.refresh_token.trim().is_empty() {
        let detail = "the refresh token is empty".to_owned();
        return Err(Refused::bad("body, refresh_token", detail, "run `seatshift login` again"));
    }
    api.consents.consented(new.refresh_token.into()).await.map_err(|error| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Refused::new(status, "not_kept", "the keeping of refresh tokens", error.to_string(), "try again")
    })?;
    tracing::info!("a new refresh token was given");
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(
    post,
    path = "/v1/partner-center/read",
    request_body(content = Object, description = "`target` (path and query of one of Seatshift's reads; empty = only log in), `continuation`, `purpose` (read, plan), `request_id`, `correlation_id`, `attempt`"),
    responses(
        (status = 200, body = Object, description = "`answered` with Microsoft's status, headers and body, good or bad; `no_answer`; `no_token`; `signed_in`"),
        (status = 403, body = Problem, description = "Not one of Seatshift's reads"),
        (status = 503, body = Problem, description = "No quota just now; ask again")
    )
)]
pub(super) async fn read(
    State(api): State<Api>,
    Body(asked): Body<RelayedRead>,
) -> Result<Json<RelayedAnswer>, Refused> {
    match tokio::time::timeout(PATIENCE, api.reader.relay(&asked)).await {
        Ok(answer) => Ok(Json(answer.map_err(not_relayed)?)),
        Err(_) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let detail = "the quota of this family of calls was used up all the time".to_owned();
            Err(Refused::new(status, "no_quota", "the quota gate", detail, "ask again"))
        }
    }
}

fn not_relayed(error: NotRelayed) -> Refused {
    let remedy = "ask for what planning and verification read";
    Refused::new(StatusCode::FORBIDDEN, "not_a_read", "body", error.to_string(), remedy)
}

//! How far everything is: at once, or when something has changed.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;

use super::Api;
use super::problem::{Problem, Refused};
use super::waiting::{Asked, until};
use super::wire::{ProgressNow, Silent};
use crate::control::WHAT_TO_DO_ABOUT_THE_CLOCK;
use crate::silence::WHAT_TO_DO_ABOUT_SILENCE;

/// What is waited for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The version that is known already: answered when there is another one.
    seen: Option<String>,
    /// Not before the picture is whole up to this change of the database.
    from: Option<u64>,
    /// Seconds to wait at most, up to 30; then the picture as it is.
    wait: Option<u64>,
}

#[utoipa::path(
    get,
    path = "/v1/progress",
    params(Wanted),
    responses((status = 200, body = ProgressNow), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(super) async fn now(
    State(api): State<Api>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<ProgressNow>, Refused> {
    let end = until(wanted.wait);
    let mut changes = api.control.watch();
    loop {
        let number = *changes.borrow_and_update();
        // A clock that was found wrong, or right again, is another picture though nothing else has changed.
        let wrong = if api.control.clock_is_right() { "" } else { ":clock" };
        let version = format!("{}:{number}{wrong}", api.instance);
        let known = wanted.seen.as_deref() == Some(&version);
        let behind = wanted.from.is_some_and(|from| api.control.position() < from);
        if (!known && !behind) || Instant::now() >= end {
            return Ok(Json(picture(&api, version, behind)));
        }
        // Whether it changed or the time is up is seen at the head of the loop.
        drop(timeout_at(end, changes.changed()).await);
    }
}

fn picture(api: &Api, version: String, behind: bool) -> ProgressNow {
    let right = api.control.clock_is_right();
    let silent: Vec<Silent> = api.control.silent().into_iter().map(Silent::from).collect();
    ProgressNow {
        version,
        position: api.control.position(),
        progress: api.control.progress(),
        // A picture that is behind cannot say that nothing more happens.
        settled: api.control.settled_now().filter(|_| !behind),
        what_to_do_about_silence: (!silent.is_empty()).then(|| WHAT_TO_DO_ABOUT_SILENCE.to_owned()),
        silent,
        at_risk: api.control.customers_at_risk(),
        allow_changes: api.allow_changes,
        clock_is_right: right,
        what_to_do_about_the_clock: (!right).then(|| WHAT_TO_DO_ABOUT_THE_CLOCK.to_owned()),
        now: api.control.now(),
        clock_scale: api.clock_scale,
    }
}

//! The HTTP face: Partner Center under `/v1`, the token authority under `/{tenant}/oauth2`, and what only a simulator has
//! under `/_simulator`.

pub(crate) mod administrator;
mod authority;
mod body;
mod carts;
mod change;
mod control;
mod customers;
mod flow;
mod licenses;
mod offers;
pub(crate) mod operation;
mod orders;
mod paging;
mod pipeline;
mod products;
pub(crate) mod reply;
mod subscriptions;
mod users;
pub(crate) mod wire;

use axum::Router;
use axum::routing::{any, get, post};

use crate::Simulator;

pub(crate) use pipeline::LostAnswer;

pub(crate) fn router(simulator: Simulator) -> Router {
    Router::new()
        .route("/v1/{*path}", any(pipeline::partner_center))
        .route("/{tenant}/oauth2/token", post(authority::token))
        .route("/{tenant}/oauth2/v2.0/token", post(authority::token))
        .route("/{tenant}/oauth2/devicecode", post(authority::device_code))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(authority::device_code))
        .route("/{tenant}/oauth2/authorize", get(authority::authorize))
        .route("/{tenant}/oauth2/v2.0/authorize", get(authority::authorize))
        .nest("/_simulator", control::router())
        .with_state(simulator)
}

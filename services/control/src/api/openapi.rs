//! The description of the API, made from the code. `deploy/openapi.json` is this document; a test holds the two together.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{commands, history, letters, partner, progress, runs};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Seatshift control",
        description = "What stands, what happened, and what an operator wants. All replicas answer alike.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        progress::now,
        runs::list,
        runs::rows,
        runs::new_upload,
        runs::put_page,
        runs::apply,
        runs::applied,
        commands::give,
        commands::answer,
        commands::withdraw,
        commands::preview,
        history::migration,
        history::work,
        history::events,
        history::calls,
        history::call_counts,
        history::ledgers,
        history::records,
        history::record,
        history::write_records,
        letters::list,
        letters::show,
        letters::replay,
        letters::discard,
        partner::refresh_token,
        partner::read
    ),
    security(("bearer" = [])),
    modifiers(&Bearer)
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

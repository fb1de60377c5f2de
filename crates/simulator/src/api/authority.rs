//! The token authority: the v1 and v2 endpoints of the partner's tenant, as far as Partner Center needs them.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::paging::Query;
use super::reply::Reply;
use crate::state::Shared;
use crate::state::tokens::ACCESS_SECONDS;
use crate::{Simulator, lock};

const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com";
const GRAPH: &str = "https://graph.windows.net";
/// The code that every consent answers: there is nobody to log in.
const CODE: &str = "simulated-code";

/// A refusal in the authority's own shape.
struct Refusal {
    status: u16,
    error: &'static str,
    number: u32,
    text: &'static str,
}

fn refusal(status: u16, error: &'static str, number: u32, text: &'static str) -> Refusal {
    Refusal { status, error, number, text }
}

/// Numbers travel as text, as the v1 endpoint has them.
#[derive(Serialize)]
struct Granted {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    expires_in: String,
    ext_expires_in: String,
    expires_on: String,
    not_before: String,
    resource: String,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'static str>,
}

/// `POST /{tenant}/oauth2/token`
pub(super) async fn token(
    State(simulator): State<Simulator>,
    Path(tenant): Path<String>,
    body: Bytes,
) -> Response {
    let shared = simulator.shared();
    let form = String::from_utf8_lossy(&body);
    let reply = match grant(shared, &tenant, &Query(&form)) {
        Ok(granted) => Reply::json(200, &granted),
        Err(refusal) => refused(shared, &refusal),
    };
    reply.into_response(false)
}

fn refused(shared: &Shared, refusal: &Refusal) -> Reply {
    let body = json!({
        "error": refusal.error,
        "error_description": format!("AADSTS{}: {}", refusal.number, refusal.text),
        "error_codes": [refusal.number],
        "timestamp": shared.clock.now().to_string(),
        "trace_id": Uuid::nil(),
        "correlation_id": Uuid::nil(),
    });
    Reply::json(refusal.status, &body)
}

fn grant(shared: &Shared, tenant: &str, form: &Query<'_>) -> Result<Granted, Refusal> {
    check_tenant(shared, tenant)?;
    let client_id = check_client(shared, form)?;
    let grant = form.get("grant_type").unwrap_or_default();
    // Before anything is redeemed: a request for a wrong audience must not use up a refresh token.
    let resource = audience(shared, form, grant == "client_credentials")?;
    let now = shared.clock.now();
    let seed = shared.world.seed;
    let mut tokens = lock(&shared.tokens);
    let refresh = match grant.as_str() {
        "client_credentials" => None,
        "authorization_code" if form.get("code").as_deref() == Some(CODE) => Some(tokens.consent(seed, now)),
        "authorization_code" => return Err(refusal(400, "invalid_grant", 70_000, "The code is invalid.")),
        "device_code" | "urn:ietf:params:oauth:grant-type:device_code" => Some(tokens.consent(seed, now)),
        "refresh_token" => {
            let given = form.get("refresh_token").unwrap_or_default();
            let next = tokens.redeem(seed, &given, now);
            let text = "The refresh token has expired, was revoked, or a newer one has been redeemed.";
            Some(next.ok_or_else(|| refusal(400, "invalid_grant", 70_008, text))?)
        }
        _ => return Err(refusal(400, "unsupported_grant_type", 70_003, "The grant type is not supported.")),
    };
    let access_token = tokens.grant(seed, client_id, refresh.is_none(), now);
    Ok(Granted {
        token_type: "Bearer",
        scope: refresh.is_some().then_some("user_impersonation"),
        expires_in: ACCESS_SECONDS.to_string(),
        ext_expires_in: ACCESS_SECONDS.to_string(),
        expires_on: (now.as_second() + ACCESS_SECONDS).to_string(),
        not_before: (now.as_second() - 300).to_string(),
        resource,
        access_token,
        id_token: refresh.is_some().then_some("simulated-id-token"),
        refresh_token: refresh,
    })
}

/// The partner's tenant by id; `common` and `organizations` stand for it.
fn check_tenant(shared: &Shared, tenant: &str) -> Result<(), Refusal> {
    let known = ["common", "organizations"].contains(&tenant)
        || Uuid::parse_str(tenant).is_ok_and(|id| id == shared.world.partner.tenant_id);
    if known { Ok(()) } else { Err(refusal(400, "invalid_request", 90_002, "The tenant was not found.")) }
}

/// The application's id; its secret has to be right where the flow is not one of a public client.
fn check_client(shared: &Shared, form: &Query<'_>) -> Result<Uuid, Refusal> {
    let partner = &shared.world.partner;
    let client = form.get("client_id").and_then(|id| Uuid::parse_str(&id).ok());
    let Some(client) = client.filter(|client| *client == partner.client_id) else {
        return Err(refusal(
            400,
            "unauthorized_client",
            700_016,
            "The application was not found in the directory.",
        ));
    };
    let secret = form.get("client_secret");
    let public = form.get("grant_type").is_some_and(|grant| grant.ends_with("device_code"));
    match secret {
        Some(secret) if secret == partner.client_secret => Ok(client),
        None if public => Ok(client),
        _ => Err(refusal(401, "invalid_client", 7_000_215, "The client secret is invalid.")),
    }
}

/// `resource` of the v1 endpoint, or the resource within a v2 `scope`.
fn audience(shared: &Shared, form: &Query<'_>, app_only: bool) -> Result<String, Refusal> {
    let asked = form.get("resource").or_else(|| form.get("scope")).unwrap_or_default();
    if asked.starts_with(PARTNER_CENTER) || asked.is_empty() {
        return Ok(PARTNER_CENTER.into());
    }
    if app_only && asked.starts_with(GRAPH) && shared.world.readings.graph_audience_accepted {
        return Ok(GRAPH.into());
    }
    Err(refusal(400, "invalid_resource", 500_011, "The resource principal was not found in the tenant."))
}

/// `POST /{tenant}/oauth2/devicecode`: approved as soon as it is asked for.
pub(super) async fn device_code(State(simulator): State<Simulator>, Path(tenant): Path<String>) -> Response {
    let shared = simulator.shared();
    if let Err(refusal) = check_tenant(shared, &tenant) {
        return refused(shared, &refusal).into_response(false);
    }
    let body = json!({
        "user_code": "SIMULATED",
        "device_code": "simulated-device-code",
        "verification_url": "https://login.example/device",
        "verification_uri": "https://login.example/device",
        "expires_in": "900",
        "interval": "5",
        "message": "This is a simulated authority: the code is approved already.",
    });
    Reply::json(200, &body).into_response(false)
}

/// `GET /{tenant}/oauth2/authorize`: consents at once and sends the browser back with a code.
pub(super) async fn authorize(Path(_tenant): Path<String>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let query = Query(&query);
    let Some(back) = query.get("redirect_uri") else {
        return (StatusCode::BAD_REQUEST, "redirect_uri is missing").into_response();
    };
    let joint = if back.contains('?') { '&' } else { '?' };
    let state = query.get("state").map(|state| format!("&state={}", encoded(&state))).unwrap_or_default();
    let location = format!("{back}{joint}code={CODE}{state}");
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// Percent-encodes everything but letters, digits and `-_.~`.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

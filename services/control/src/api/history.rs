//! What is remembered: ledgers, records, events, calls. Pages by place; nothing here changes a migration.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use seatshift_messages::{MigrationId, Service};
use seatshift_store::{RecordWrite, StoreError, Unit};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::Api;
use super::problem::{Problem, Refused};
use super::waiting::{Asked, Body, id, limit};
use super::wire::{
    Call, FamilyCalls, LedgerEntry, Ledgers, LoggedEvent, Migration, Record, RecordChange, WorkEntry,
};

/// Given at once, at most.
const MOST: usize = 1000;
const MOST_CALLS: usize = 5000;
/// Kinds of records that clients may read.
const READABLE: [&str; 10] =
    ["run", "row", "pause", "command", "answer", "answered", "apply", "applied", "plan_read", "plan_sold"];
/// Kinds that clients write: what planning has read, which no decision rests on.
const WRITABLE: [&str; 2] = ["plan_read", "plan_sold"];

/// Which part of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Behind this position.
    after: Option<u64>,
    /// At most so many.
    limit: Option<usize>,
    /// Only of this migration (or run).
    #[param(value_type = Option<String>)]
    of: Option<Uuid>,
}

#[utoipa::path(get, path = "/v1/events", params(Part), responses((status = 200, body = Vec<LoggedEvent>)))]
pub(super) async fn events(
    State(api): State<Api>,
    Asked(part): Asked<Part>,
) -> Result<Json<Vec<LoggedEvent>>, Refused> {
    let most = limit(part.limit, MOST);
    let rows = api.control.store().events(part.after.unwrap_or(0), most, part.of).await?;
    Ok(Json(rows.iter().map(LoggedEvent::from).collect()))
}

#[utoipa::path(get, path = "/v1/calls", params(Part), responses((status = 200, body = Vec<Call>)))]
pub(super) async fn calls(
    State(api): State<Api>,
    Asked(part): Asked<Part>,
) -> Result<Json<Vec<Call>>, Refused> {
    let most = limit(part.limit, MOST_CALLS);
    let rows = api.control.store().calls(part.after.unwrap_or(0), most, part.of.map(MigrationId)).await?;
    Ok(Json(rows.into_iter().map(Call::from).collect()))
}

#[utoipa::path(get, path = "/v1/call-counts", responses((status = 200, body = Vec<FamilyCalls>)))]
pub(super) async fn call_counts(State(api): State<Api>) -> Result<Json<Vec<FamilyCalls>>, Refused> {
    let counts = api.control.store().call_counts().await?;
    Ok(Json(counts.into_iter().map(FamilyCalls::from).collect()))
}

#[utoipa::path(
    post,
    path = "/v1/ledgers",
    request_body = Ledgers,
    responses((status = 200, body = Vec<LedgerEntry>), (status = 400, body = Problem))
)]
pub(super) async fn ledgers(
    State(api): State<Api>,
    Body(wanted): Body<Ledgers>,
) -> Result<Json<Vec<LedgerEntry>>, Refused> {
    if wanted.ids.len() > MOST {
        let detail = format!("{} ledgers at once", wanted.ids.len());
        return Err(Refused::bad("body, ids", detail, "ask for at most 1000 at a time"));
    }
    let rows = api.control.store().ledgers(Service::Control, &wanted.ids).await?;
    Ok(Json(rows.into_iter().map(LedgerEntry::from).collect()))
}

#[utoipa::path(
    get,
    path = "/v1/migrations/{id}",
    params(("id" = String, Path)),
    responses((status = 200, body = Migration), (status = 404, body = Problem))
)]
pub(super) async fn migration(
    State(api): State<Api>,
    Path(text): Path<String>,
) -> Result<Json<Migration>, Refused> {
    let migration: MigrationId = id("path, id", &text)?;
    let ledger = api.control.ledger(migration).await;
    if ledger.row.is_none() {
        let detail = format!("no migration has the id {migration}");
        return Err(Refused::unknown("path, id", detail, "/v1/runs/{run}/rows lists them"));
    }
    let store = api.control.store();
    let events = store.events(0, MOST, Some(migration.0)).await?;
    let calls = store.calls(0, MOST_CALLS, Some(migration)).await?;
    Ok(Json(Migration {
        migration,
        ledger,
        events: events.iter().filter_map(|row| serde_json::from_slice(&row.bytes).ok()).collect(),
        calls: calls.into_iter().map(Call::from).collect(),
    }))
}

#[utoipa::path(
    get,
    path = "/v1/migrations/{id}/work/{service}",
    params(("id" = String, Path), ("service" = String, Path)),
    responses((status = 200, body = Vec<WorkEntry>), (status = 404, body = Problem))
)]
pub(super) async fn work(
    State(api): State<Api>,
    Path((text, service)): Path<(String, String)>,
) -> Result<Json<Vec<WorkEntry>>, Refused> {
    let migration: MigrationId = id("path, id", &text)?;
    let service = service_of(&service)?;
    let rows = match api.control.store().work(service, migration).await {
        Err(StoreError::NotPrepared { .. }) => {
            let detail = format!("the memory of {service} is its own, and not in reach of control");
            return Err(Refused::unknown("path, service", detail, "ask for the migration's events"));
        }
        rows => rows?,
    };
    Ok(Json(rows.into_iter().map(WorkEntry::from).collect()))
}

pub(super) fn service_of(name: &str) -> Result<Service, Refused> {
    let found = Service::ALL.into_iter().find(|service| service.name() == name);
    found.ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        let remedy = "give one of control, purchase, reassignment, suspension";
        Refused::bad("service", format!("`{shown}` is no service"), remedy)
    })
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// Behind this key.
    after: Option<String>,
    /// At most so many.
    limit: Option<usize>,
}

fn readable(kind: &str) -> Result<(), Refused> {
    if READABLE.contains(&kind) {
        return Ok(());
    }
    let detail = "there are no such records for clients".to_owned();
    Err(Refused::unknown("path, kind", detail, "ask for runs, rows, events or calls"))
}

#[utoipa::path(
    get,
    path = "/v1/records/{kind}",
    params(("kind" = String, Path), Keys),
    responses((status = 200, body = Vec<Record>), (status = 404, body = Problem))
)]
pub(super) async fn records(
    State(api): State<Api>,
    Path(kind): Path<String>,
    Asked(keys): Asked<Keys>,
) -> Result<Json<Vec<Record>>, Refused> {
    readable(&kind)?;
    let most = limit(keys.limit, MOST);
    let rows = api.control.store().records(&kind, keys.after.as_deref(), most).await?;
    Ok(Json(rows.into_iter().map(Record::from).collect()))
}

#[utoipa::path(
    get,
    path = "/v1/records/{kind}/{key}",
    params(("kind" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Record), (status = 404, body = Problem))
)]
pub(super) async fn record(
    State(api): State<Api>,
    Path((kind, key)): Path<(String, String)>,
) -> Result<Json<Record>, Refused> {
    readable(&kind)?;
    match api.control.store().record(&kind, &key).await? {
        Some(row) => Ok(Json(Record::from(row))),
        None => {
            let detail = "there is no record of this key".to_owned();
            Err(Refused::unknown("path, key", detail, "list the kind without a key"))
        }
    }
}

#[utoipa::path(
    post,
    path = "/v1/records",
    request_body = Vec<RecordChange>,
    responses((status = 204), (status = 403, body = Problem))
)]
pub(super) async fn write_records(
    State(api): State<Api>,
    Body(changes): Body<Vec<RecordChange>>,
) -> Result<StatusCode, Refused> {
    if let Some(foreign) = changes.iter().find(|change| !WRITABLE.contains(&change.kind.as_str())) {
        let kind: String = foreign.kind.chars().take(80).collect();
        let detail = format!("records of kind `{kind}` are control's own");
        let remedy = "give plans and commands; they are what changes something";
        return Err(Refused::new(StatusCode::FORBIDDEN, "not_yours", "body, kind", detail, remedy));
    }
    let mut unit = Unit::new(Service::Control);
    unit.records.extend(changes.into_iter().map(|change| RecordWrite {
        kind: change.kind,
        key: change.key,
        expected: None,
        body: change.body,
    }));
    api.control.store().commit(vec![unit]).await?;
    Ok(StatusCode::NO_CONTENT)
}

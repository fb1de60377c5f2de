//! The HTTP API, asked in process: who may, what is answered, what is told when something is wrong.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::TryStreamExt as _;
use jiff::SignedDuration;
use seatshift_bus::LocalBus;
use seatshift_messages::Service;
use seatshift_partner_center::TokenStoreError;
use seatshift_store::{DeadLetter, Store, Unit};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::stage::{Does, Stage, row};
use crate::api::{Api, Consents, InStore, document, router};
use crate::planning::tests::tenant::{Office, Partner, customer, id};
use crate::{Config, SilenceLimits};

const TOKEN: &str = "a long random text";

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<String>>);

#[async_trait]
impl Consents for Kept {
    async fn consented(&self, token: SecretString) -> Result<(), TokenStoreError> {
        self.0.lock().unwrap().push(token.expose_secret().to_owned());
        Ok(())
    }
}

struct Desk {
    stage: Stage,
    office: Office,
    kept: Arc<Kept>,
    router: Router,
}

struct Said {
    status: StatusCode,
    kind: String,
    body: Value,
}

/// Something that could be the SHA-256 of a file of this name.
fn sha256(name: &str) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits:0<64}")
}

impl Desk {
    async fn new(allow_changes: bool) -> Desk {
        Desk::with(allow_changes, Config::default()).await
    }

    async fn with(allow_changes: bool, config: Config) -> Desk {
        let stage = Stage::replicated(2, config).await;
        let office = Office::of(Partner::new(vec![customer(1)]));
        let kept = Arc::new(Kept::default());
        let api = Api {
            // The one that does not act: everything must work there as well.
            control: stage.replicas[1].control.clone(),
            allow_changes,
            clock_scale: 1,
            reader: office.reader.clone(),
            consents: kept.clone(),
            letters: Arc::new(InStore {
                store: stage.store.clone(),
                bus: Arc::new(LocalBus::new(8)),
                clock: stage.clock.clone(),
                ids: stage.ids.clone(),
            }),
            instance: "one".into(),
        };
        let router = router(api, &SecretString::from(TOKEN));
        Desk { stage, office, kept, router }
    }

    async fn send(&self, request: Request<Body>) -> Said {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let chunks: Vec<_> = response.into_body().into_data_stream().try_collect().await.unwrap();
        let body = serde_json::from_slice(&chunks.concat()).unwrap_or(Value::Null);
        Said { status, kind, body }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Said {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Value {
        let said = self.ask("GET", path, None).await;
        assert_eq!(said.status, StatusCode::OK, "{path}: {}", said.body);
        said.body
    }

    /// Applies rows and gives what became of it.
    async fn apply(&self, name: &str, ids: &[&str]) -> Value {
        let rows: Vec<Value> = ids.iter().map(|id| serde_json::to_value(row(id, 30)).unwrap()).collect();
        let body = json!({ "sha256": sha256(name), "options": { "approved_by": "ada" }, "rows": rows });
        let said = self.ask("POST", "/v1/runs", Some(body)).await;
        assert_eq!(said.status, StatusCode::ACCEPTED, "{}", said.body);
        self.get(&format!("/v1/applies/{}?wait=30", said.body["id"].as_str().unwrap())).await
    }

    async fn command(&self, command: Value) -> Value {
        let said = self.ask("POST", "/v1/commands", Some(command)).await;
        assert_eq!(said.status, StatusCode::ACCEPTED, "{}", said.body);
        self.get(&format!("/v1/commands/{}?wait=30", said.body["id"].as_str().unwrap())).await
    }

    /// Asks for progress until nothing more happens.
    async fn settled(&self, from: &Value) -> Value {
        let mut seen = String::new();
        loop {
            let path = format!("/v1/progress?wait=30&from={from}&seen={seen}");
            let now = self.get(&path).await;
            if !now["settled"].is_null() {
                return now;
            }
            seen = now["version"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_without_the_token_and_the_description_is_for_all() {
    let desk = Desk::new(true).await;
    let bare = |path: &str, token: Option<&str>| {
        let mut request = Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.body(Body::empty()).unwrap()
    };
    for path in ["/v1/progress", "/v1/runs", "/v1/records/row", "/v1/nothing"] {
        let said = desk.send(bare(path, None)).await;
        assert_eq!((said.status, said.kind.as_str()), (StatusCode::UNAUTHORIZED, "application/problem+json"));
        for wrong in ["Bearer another", "Bearer ", "Basic YTpi"] {
            let said = desk.send(bare(path, Some(wrong))).await;
            assert!([401, 403].contains(&said.status.as_u16()), "{wrong}: {}", said.status);
            assert!(said.body["remedy"].as_str().unwrap().contains("control.token"), "{}", said.body);
        }
    }
    let said = desk.send(bare("/v1/openapi.json", None)).await;
    assert_eq!((said.status, &said.body["openapi"]), (StatusCode::OK, &json!("3.1.0")));
}

#[tokio::test(start_paused = true)]
async fn a_plan_goes_in_and_its_rows_come_out_with_their_verdicts() {
    let desk = Desk::new(true).await;
    let applied = desk.apply("p", &["a1", "a2", "b1"]).await;
    assert_eq!(applied["answer"]["applied"]["queued"], 3);
    let now = desk.settled(&applied["position"]).await;
    assert_eq!(now["progress"]["verdicts"]["completed"], 3);
    let runs = desk.get("/v1/runs").await;
    let run = runs[0]["id"].as_str().unwrap();
    let first = desk.get(&format!("/v1/runs/{run}/rows?limit=2")).await;
    let rest = desk.get(&format!("/v1/runs/{run}/rows?limit=2&after={}", first[1]["index"])).await;
    let names = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["row"]["row_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (names(&first), names(&rest)),
        (vec!["a1".to_owned(), "a2".to_owned()], vec!["b1".to_owned()])
    );
    assert_eq!(first[0]["state"], "completed (completed)");
    let migration = desk.get(&format!("/v1/migrations/{}", first[0]["migration"].as_str().unwrap())).await;
    let events = migration["events"].as_array().unwrap();
    assert_eq!(events.last().unwrap()["type"], "seatshift.migration.completed.v1");
    let again = desk.apply("p", &["a1", "a2", "b1"]).await;
    assert_eq!(
        (&again["answer"]["applied"]["queued"], &again["answer"]["applied"]["new"]),
        (&json!(0), &json!(false))
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_uploaded_page_by_page_is_applied_whole_or_not_at_all() {
    let desk = Desk::new(true).await;
    let upload = desk.ask("POST", "/v1/uploads", None).await.body["id"].as_str().unwrap().to_owned();
    let page = |ids: [&str; 2]| Some(serde_json::to_value(ids.map(|id| row(id, 30))).unwrap());
    for (number, ids) in [["a1", "b1"], ["c1", "d1"]].into_iter().enumerate() {
        let said = desk.ask("PUT", &format!("/v1/uploads/{upload}/pages/{number}"), page(ids)).await;
        assert_eq!(said.status, StatusCode::NO_CONTENT, "{}", said.body);
    }
    let apply = |rows: usize| {
        let uploaded = json!({ "upload": upload, "rows": rows });
        Some(json!({ "sha256": sha256("p"), "options": { "approved_by": "ada" }, "uploaded": uploaded }))
    };
    let answered = async |rows: usize| {
        let said = desk.ask("POST", "/v1/runs", apply(rows)).await;
        desk.get(&format!("/v1/applies/{}?wait=30", said.body["id"].as_str().unwrap())).await["answer"]
            .clone()
    };
    assert!(answered(5).await["incomplete"]["text"].as_str().unwrap().contains("4 of them have come"));
    // The pages are forgotten with the answer; a client that has more uploads them again.
    assert!(answered(4).await["incomplete"].is_object());
    assert!(desk.stage.rows().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn commands_are_answered_and_a_preview_does_nothing() {
    let desk = Desk::new(true).await;
    desk.stage.world.set("a1", Does::Park);
    let applied = desk.apply("p", &["a1"]).await;
    desk.settled(&applied["position"]).await;
    let accept = json!({ "verb": "accept", "target": { "one": "a1" }, "by": "ada" });
    let preview = desk.ask("POST", "/v1/commands/preview", Some(accept.clone())).await.body;
    assert_eq!(preview["each"]["answers"][0]["outcome"], "done");
    assert_eq!(desk.stage.states().await, ["a1 parked (agreement_missing)"]);
    let answered = desk.command(accept).await;
    assert_eq!(answered["answer"]["each"]["answers"][0]["outcome"], "done", "{answered}");
    assert_eq!(desk.stage.states().await, ["a1 accepted (agreement_missing)"]);
}

#[tokio::test(start_paused = true)]
async fn without_leave_to_change_anything_only_a_pause_is_taken_on() {
    let desk = Desk::new(false).await;
    let apply =
        json!({ "sha256": sha256("p"), "options": { "approved_by": "ada" }, "rows": [row("a1", 30)] });
    let resume = json!({ "verb": "resume", "by": "ada" });
    for (path, body) in [("/v1/runs", apply), ("/v1/commands", resume)] {
        let said = desk.ask("POST", path, Some(body)).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{path}");
        assert!(said.body["remedy"].as_str().unwrap().contains("allow_changes"), "{}", said.body);
    }
    let paused = desk.command(json!({ "verb": "pause", "drain": false, "by": "ada" })).await;
    assert!(paused["answer"]["done"].is_object(), "{paused}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_told_with_place_cause_and_remedy() {
    let desk = Desk::new(true).await;
    let long = "x".repeat(17 << 20);
    let long_name = "x".repeat(3000);
    let wrong = [
        ("GET", "/v1/nothing", None, 404),
        ("DELETE", "/v1/progress", None, 405),
        ("GET", "/v1/progress?sean=1", None, 400),
        ("GET", "/v1/runs/contoso/rows", None, 400),
        ("GET", "/v1/migrations/00000000-0000-7000-8000-000000000009", None, 404),
        ("GET", "/v1/records/slot", None, 404),
        ("POST", "/v1/commands", Some(json!({ "verb": "explode", "by": "ada" })), 422),
        ("POST", "/v1/runs", Some(json!({ "sha256": long, "options": { "approved_by": "ada" } })), 413),
        ("POST", "/v1/runs", Some(json!({ "sha256": "p\0", "options": { "approved_by": "ada" } })), 400),
        (
            "POST",
            "/v1/runs",
            Some(json!({ "sha256": sha256("p"), "options": { "approved_by": long_name } })),
            400,
        ),
        (
            "POST",
            "/v1/runs",
            Some(json!({
                "sha256": sha256("p"),
                "options": { "approved_by": "ada" },
                "uploaded": { "upload": "a\0", "rows": 1 },
            })),
            400,
        ),
        ("POST", "/v1/commands", Some(json!({ "verb": "resume", "by": long_name })), 400),
        ("GET", "/v1/records/run/%00", None, 400),
        ("POST", "/v1/records", Some(json!([{ "kind": "row", "key": "x", "body": "{}" }])), 403),
        ("POST", "/v1/dead-letters/elsewhere/replay", Some(json!({ "which": "all" })), 400),
    ];
    for (method, path, body, status) in wrong {
        let said = desk.ask(method, path, body).await;
        assert_eq!(
            (said.status.as_u16(), said.kind.as_str()),
            (status, "application/problem+json"),
            "{path}"
        );
        for field in ["type", "title", "place", "detail", "remedy"] {
            assert!(said.body[field].as_str().is_some_and(|text| !text.is_empty()), "{path}: {}", said.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_waits_for_a_change_and_not_for_ever() {
    let desk = Desk::new(true).await;
    desk.stage.wait(SignedDuration::from_secs(2)).await;
    let first = desk.get("/v1/progress").await;
    let path = format!("/v1/progress?wait=20&seen={}", first["version"].as_str().unwrap());
    let before = desk.stage.clock.now();
    let (same, ()) = futures::join!(desk.get(&path), async {});
    assert_eq!(same["version"], first["version"]);
    assert!(desk.stage.clock.now().duration_since(before) >= SignedDuration::from_secs(20));
    let (other, _) = futures::join!(desk.get(&path), desk.apply("p", &["a1"]));
    assert_ne!(other["version"], first["version"]);
}

#[tokio::test(start_paused = true)]
async fn progress_names_the_silent_with_the_step_they_are_in_and_says_what_to_do() {
    let silence = SilenceLimits::all(SignedDuration::from_hours(1));
    let desk = Desk::with(true, Config { silence, ..Config::default() }).await;
    desk.stage.world.set("a1", Does::HangLater);
    desk.apply("p", &["a1", "b1"]).await;
    desk.stage.wait(SignedDuration::from_mins(30)).await;
    let now = desk.get("/v1/progress").await;
    assert_eq!((&now["silent"], now.get("what_to_do_about_silence")), (&json!([]), None));
    desk.stage.wait(SignedDuration::from_mins(50)).await;
    let now = desk.get("/v1/progress").await;
    let silent = now["silent"].as_array().unwrap();
    assert_eq!((silent.len(), &silent[0]["awaits"]), (1, &json!("reassignment")));
    assert!(now["what_to_do_about_silence"].as_str().unwrap().contains("look whether all services run"));
}

#[tokio::test(start_paused = true)]
async fn progress_says_that_the_clock_is_wrong_and_what_to_do() {
    let desk = Desk::new(true).await;
    let right = desk.get("/v1/progress").await;
    assert_eq!((&right["clock_is_right"], right.get("what_to_do_about_the_clock")), (&json!(true), None));
    desk.stage.replicas[1].clock.found_right(false);
    let path = format!("/v1/progress?wait=20&seen={}", right["version"].as_str().unwrap());
    let wrong = desk.get(&path).await;
    assert_eq!(wrong["clock_is_right"], json!(false));
    assert!(wrong["what_to_do_about_the_clock"].as_str().unwrap().contains("admits nothing"));
    assert_ne!(wrong["version"], right["version"]);
}

#[tokio::test(start_paused = true)]
async fn events_and_records_come_in_pages_and_only_what_planning_read_can_be_written() {
    let desk = Desk::new(true).await;
    let applied = desk.apply("p", &["a1", "b1"]).await;
    desk.settled(&applied["position"]).await;
    let all = desk.get("/v1/events").await.as_array().unwrap().clone();
    let first = desk.get("/v1/events?limit=1").await;
    let rest = desk.get(&format!("/v1/events?after={}", first[0]["position"])).await;
    assert_eq!(all.len(), 1 + rest.as_array().unwrap().len());
    let event: Value = serde_json::from_str(all[0]["event"].as_str().unwrap()).unwrap();
    assert_eq!(event["specversion"], "1.0");
    let rows = desk.get("/v1/records/row?limit=1").await;
    let key = rows[0]["key"].as_str().unwrap();
    assert_eq!(desk.get(&format!("/v1/records/row/{key}")).await, rows[0]);
    let change = json!([{ "kind": "plan_read", "key": "offers/se", "body": "{\"a\":1}" }]);
    assert_eq!(desk.ask("POST", "/v1/records", Some(change)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.get("/v1/records/plan_read/offers/se").await["body"], "{\"a\":1}");
    let ids = json!({ "ids": [desk.stage.rows().await[0].migration] });
    let ledgers = desk.ask("POST", "/v1/ledgers", Some(ids)).await.body;
    assert!(ledgers[0]["stage"].as_str().unwrap().contains("completed"));
}

#[tokio::test(start_paused = true)]
async fn partner_center_is_read_with_controls_login_and_nothing_else_is() {
    let desk = Desk::new(true).await;
    let read = |target: &str, purpose: &str| {
        Some(json!({
            "target": target, "purpose": purpose, "request_id": id(1), "correlation_id": id(2), "attempt": 1
        }))
    };
    let path = format!("/v1/customers/{}/subscriptions", customer(1).id);
    let said = desk.ask("POST", "/v1/partner-center/read", read(&path, "plan")).await;
    assert_eq!(
        (said.status, &said.body["answered"]["status"]),
        (StatusCode::OK, &json!(200)),
        "{}",
        said.body
    );
    assert!(desk.office.partner.asked().iter().any(|asked| asked.contains("subscriptions")));
    for (target, purpose) in
        [("/v1/invoices", "plan"), ("/v1/customers/../x", "plan"), (path.as_str(), "forward")]
    {
        let said = desk.ask("POST", "/v1/partner-center/read", read(target, purpose)).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{target}");
    }
    assert!(desk.office.partner.asked().is_empty(), "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn a_new_consent_is_kept_and_an_empty_one_is_refused() {
    let desk = Desk::new(true).await;
    let put = async |token: &str| {
        desk.ask("PUT", "/v1/refresh-token", Some(json!({ "refresh_token": token }))).await.status
    };
    assert_eq!(put(" ").await, StatusCode::BAD_REQUEST);
    assert_eq!(put("0.secret").await, StatusCode::NO_CONTENT);
    assert_eq!(*desk.kept.0.lock().unwrap(), ["0.secret"]);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_listed_shown_and_thrown_away() {
    let desk = Desk::new(true).await;
    let mut unit = Unit::new(Service::Purchase);
    unit.dead_letter = Some(DeadLetter {
        service: Service::Purchase,
        at: desk.stage.clock.now(),
        reason: "no JSON".to_owned(),
        bytes: b"garbage"[..].into(),
    });
    desk.stage.store.commit(vec![unit]).await.unwrap();
    let listed = desk.get("/v1/dead-letters?service=purchase").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["reason"]), (1, &json!("no JSON")));
    let letter = listed[0]["id"].as_str().unwrap();
    assert_eq!(desk.get(&format!("/v1/dead-letters/purchase/{letter}")).await["content"], "garbage");
    let which = Some(json!({ "which": { "one": letter } }));
    let done = desk.ask("POST", "/v1/dead-letters/purchase/discard", which.clone()).await;
    assert_eq!(done.body["letters"], 1);
    let again = desk.ask("POST", "/v1/dead-letters/purchase/discard", which).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

/// Written anew with `SEATSHIFT_WRITE_OPENAPI=1`.
#[test]
fn the_committed_description_is_the_one_that_the_code_makes() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/openapi.json");
    let made = document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("SEATSHIFT_WRITE_OPENAPI").is_some() {
        std::fs::write(file, &made).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap();
    assert!(made == committed, "run this test with SEATSHIFT_WRITE_OPENAPI=1, and look at the difference");
}

/// Where the description says no more than "an object".
fn untyped(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let says_more =
                ["properties", "additionalProperties"].iter().any(|key| fields.contains_key(*key));
            if fields.get("type") == Some(&json!("object")) && !says_more {
                found.push(at.to_owned());
            }
            fields.iter().for_each(|(key, inner)| untyped(&format!("{at}/{key}"), inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| untyped(at, inner, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_description_says_what_is_in_everything_but_events_and_microsofts_answers() {
    let mut found = Vec::new();
    untyped("", &serde_json::to_value(document()).unwrap(), &mut found);
    let other =
        |at: &&String| !at.contains("/v1/partner-center/read/") && !at.contains("/properties/events/");
    assert_eq!(found.iter().filter(other).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(!found.is_empty(), "events are described elsewhere");
}

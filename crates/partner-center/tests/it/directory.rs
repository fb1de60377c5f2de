//! Who holds a SKU and through which group, from the customer's directory.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use seatshift_partner_center::{
    AssignmentError, AssignmentState, Cloud, Directory, Family, LoginProblem, MemoryTokens, NetworkFault,
    Problem, RefreshTokens, Remedy, TransportError,
};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::script::{
    CUSTOMER, Line, SALES, SALES_PRO, Stage, USER, answer, config, fixture, stage, throttled,
};

const GROUP: Uuid = Uuid::from_u128(0x0bd1f7c6_0000_4000_8000_000000000007);
const FIRST: &str = "https://graph.microsoft.com/v1.0/users?$filter=assignedLicenses%2Fany%28x%3Ax%2FskuId%20eq%20\
    1e1a282c-9c54-43a2-9310-98ef728faace%29&$select=id,licenseAssignmentStates&$top=500";

fn directory(stage: &Stage) -> (Directory, MemoryTokens) {
    let tokens = MemoryTokens::new("invented-refresh-token-1".into());
    let directory = Directory::new(
        config(),
        Arc::clone(&stage.script) as _,
        Arc::new(tokens.clone()),
        Arc::new(stage.gate.clone()),
        Arc::clone(&stage.timer) as _,
        Arc::clone(&stage.records) as _,
    );
    (directory, tokens)
}

/// A last page with these users.
fn page(users: &str) -> Line {
    answer(200, format!(r#"{{"value":[{users}]}}"#))
}

#[tokio::test(start_paused = true)]
async fn those_who_hold_a_sku_are_read_to_the_end_with_their_groups() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    stage.script.then(answer(200, "\u{feff}".to_owned() + fixture!("holders"))).then(page(""));
    let found = directory.holders(CUSTOMER, SALES).await.unwrap();
    assert!(found.is_complete());
    let [both, inherited] = found.items.as_slice() else { panic!("two users") };
    assert_eq!(both.user, USER);
    assert!(both.is_direct(SALES) && !both.is_direct(SALES_PRO));
    assert_eq!(both.groups(SALES).collect::<Vec<_>>(), [GROUP]);
    assert_eq!(both.assignments[0].disabled_plans.len(), 1);
    assert_eq!(
        (&both.assignments[0].error, &both.assignments[0].state),
        (&None, &Some(AssignmentState::Active))
    );
    assert_eq!(both.assignments[1].error, Some(AssignmentError::CountViolation));
    assert!(!inherited.is_direct(SALES) && inherited.is_direct(SALES_PRO), "whatever the case of ids");
    assert_eq!(inherited.groups(SALES).collect::<Vec<_>>(), [GROUP]);
    assert_eq!(inherited.assignments[1].state, Some(AssignmentState::Other("Resting".to_owned())));
    assert_eq!(inherited.assignments[1].error, Some(AssignmentError::Other("NewViolation".to_owned())));

    let sent = stage.script.sent();
    assert_eq!((sent[0].method.as_str(), sent[0].uri.as_str()), ("GET", FIRST));
    assert!(sent[1].uri.starts_with("https://graph.microsoft.com/v1.0/users?"));
    assert!(sent[1].uri.ends_with("&$skiptoken=RFNwdAIAAQAAAB"));
    assert_eq!(sent[0].header("authorization"), Some("Bearer invented-user-token"));
    assert!(sent[0].header("client-request-id").is_some());
    assert!(
        sent[0].headers.keys().all(|name| !name.as_str().starts_with("ms-")),
        "nothing of Partner Center's"
    );
    let call = &stage.records.calls()[0];
    assert_eq!((call.family, call.operation), (Family::Directory, "license_holders"));
    assert_eq!((call.customer, call.changing), (Some(CUSTOMER), false));
}

#[tokio::test(start_paused = true)]
async fn each_tenant_has_a_token_of_its_own_and_the_partners_consent_is_not_touched() {
    let stage = stage();
    let (directory, tokens) = directory(&stage);
    for _ in 0..4 {
        stage.script.then(page(""));
    }
    let (one, two) = join(directory.holders(CUSTOMER, SALES), directory.holders(CUSTOMER, SALES_PRO)).await;
    assert!(one.is_ok() && two.is_ok());
    directory.holders(USER, SALES).await.unwrap();
    directory.holders(CUSTOMER, SALES).await.unwrap();
    let asked = stage.script.logins();
    let uris: Vec<&str> = asked.iter().map(|login| login.uri.as_str()).collect();
    let of = |tenant: Uuid| format!("https://login.microsoftonline.com/{tenant}/oauth2/token");
    assert_eq!(uris, [of(CUSTOMER), of(USER)], "once for each tenant");
    assert_eq!(
        std::str::from_utf8(&asked[0].body).unwrap(),
        "resource=https%3A%2F%2Fgraph.microsoft.com&client_id=app-id&client_secret=app-secret\
         &grant_type=refresh_token&refresh_token=invented-refresh-token-1&scope=openid"
    );
    let kept = tokens.load().await.unwrap().unwrap();
    assert_eq!(kept.expose_secret(), "invented-refresh-token-1", "what came for a tenant is not kept");
}

#[tokio::test(start_paused = true)]
async fn tokens_of_some_hundred_tenants_are_remembered_and_not_of_all() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    let tenant = |number: u128| Uuid::from_u128(0xabcd_0000_0000 + number);
    for number in (0..256).chain([0, 256, 256, 0]) {
        stage.script.then(page(""));
        // The quota is not what this is about.
        tokio::time::sleep(Duration::from_secs(1)).await;
        directory.holders(tenant(number), SALES).await.unwrap();
    }
    let logins: Vec<String> = stage.script.logins().into_iter().map(|login| login.uri).collect();
    assert_eq!(logins.len(), 258, "256 tenants, one more, and one that was forgotten for it");
    assert!(logins[256].contains(&tenant(256).to_string()) && logins[257].contains(&tenant(0).to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_its_end_and_once_where_it_is_turned_down() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    stage.script.then(page("")).then(page(""));
    directory.holders(CUSTOMER, SALES).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3599)).await;
    directory.holders(CUSTOMER, SALES).await.unwrap();
    assert_eq!(stage.script.logins().len(), 2);

    stage.script.then(answer(401, "")).then(page(""));
    directory.holders(CUSTOMER, SALES).await.unwrap();
    assert_eq!(stage.script.logins().len(), 3);

    stage.script.then(answer(401, "")).then(answer(401, ""));
    let error = directory.holders(CUSTOMER, SALES).await.unwrap_err();
    assert_eq!((error.remedy, error.problem), (Remedy::Person, Problem::Login(LoginProblem::Rejected)));
    assert_eq!(stage.script.sent().len(), 6, "not a third time");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_has_not_consented_goes_to_a_person_and_nothing_is_sent() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    let refusal = r#"{"error":"invalid_grant","error_description":"AADSTS65001: x","error_codes":[65001]}"#;
    stage.script.login(answer(400, refusal));
    let error = directory.holders(CUSTOMER, SALES).await.unwrap_err();
    let refused = LoginProblem::Refused { error: "invalid_grant".to_owned(), aadsts: Some(65001) };
    assert_eq!((error.remedy, error.problem), (Remedy::Person, Problem::Login(refused)));
    assert!(stage.script.sent().is_empty());
    stage.script.then(page(""));
    directory.holders(USER, SALES).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn missing_rights_go_to_a_person_and_trouble_passes() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    let denied =
        r#"{"error":{"code":"Authorization_RequestDenied","message":"Dan Holm may not","innerError":{}}}"#;
    stage.script.then(answer(403, denied));
    let error = directory.holders(CUSTOMER, SALES).await.unwrap_err();
    assert_eq!((error.remedy, error.status, error.code), (Remedy::Person, Some(403), None));
    assert!(!format!("{error} {error:?}").contains("Dan"));
    stage
        .script
        .then(answer(503, ""))
        .then(Line::Fail(TransportError::NoAnswer(NetworkFault::Timeout)))
        .then(page(""));
    directory.holders(CUSTOMER, SALES).await.unwrap();
    stage.script.then(throttled("57"));
    let error = directory.holders(CUSTOMER, SALES).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Throttled { after: Some(Duration::from_secs(57)) });
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_set_aside_and_never_taken_for_a_direct_license() {
    let stage = stage();
    let (directory, _) = directory(&stage);
    let state =
        |by: &str| format!(r#"{{"id":"{USER}","licenseAssignmentStates":[{{"skuId":"{SALES}"{by}}}]}}"#);
    let users = [
        state(r#","assignedByGroup":"a group""#),
        state(r#","assignedByGroup":{}"#),
        state(r#","assignedByGroup":"""#),
        format!(r#"{{"id":"{USER}"}}"#),
        r#"{"licenseAssignmentStates":[]}"#.to_owned(),
        state(r#","disabledPlans":["x"]"#),
        state(""),
        format!(r#"{{"id":"{USER}","licenseAssignmentStates":[]}}"#),
    ];
    stage.script.then(page(&users.join(",")));
    let found = directory.holders(CUSTOMER, SALES).await.unwrap();
    assert_eq!(found.unreadable.iter().map(|entry| entry.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(found.items.len(), 2);
    assert!(found.items[0].is_direct(SALES) && !found.items[1].is_direct(SALES));
}

#[tokio::test(start_paused = true)]
async fn a_next_page_elsewhere_is_not_followed_and_a_list_without_value_is_not_empty() {
    for link in [
        "https://elsewhere.example/v1.0/users?$skiptoken=x",
        "http://graph.microsoft.com/v1.0/users?$skiptoken=x",
        "https://graph.microsoft.com/v1.0/groups?$skiptoken=x",
        "https://graph.microsoft.com/v1.0/users",
        "/v1.0/users?$skiptoken=x",
        FIRST,
    ] {
        let stage = stage();
        let (directory, _) = directory(&stage);
        stage.script.then(answer(200, format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#)));
        let error = directory.holders(CUSTOMER, SALES).await.unwrap_err();
        assert_eq!(error.remedy, Remedy::Person, "{link}");
        assert_eq!(stage.script.sent().len(), 1, "{link}");
    }
    for body in [r#"{"items":[]}"#, "{}"] {
        let stage = stage();
        let (directory, _) = directory(&stage);
        stage.script.then(answer(200, body));
        assert_eq!(directory.holders(CUSTOMER, SALES).await.unwrap_err().remedy, Remedy::Person);
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_of_another_cloud_or_a_simulator_is_asked_at_its_own_address() {
    let stage = stage();
    let config = config().in_cloud(Cloud::China);
    assert_eq!(config.directory.as_str(), "https://microsoftgraph.chinacloudapi.cn/");
    let mut config = config;
    config.directory = "http://127.0.0.1:4999/graph/".parse().unwrap();
    config.users_per_page = 2000;
    let directory = Directory::new(
        config,
        Arc::clone(&stage.script) as _,
        Arc::new(MemoryTokens::new("invented-refresh-token-1".into())),
        Arc::new(stage.gate.clone()),
        Arc::clone(&stage.timer) as _,
        Arc::clone(&stage.records) as _,
    );
    let next = "http://127.0.0.1:4999/graph/v1.0/users?$skiptoken=x";
    stage.script.then(answer(200, format!(r#"{{"value":[],"@odata.nextLink":"{next}"}}"#))).then(page(""));
    directory.holders(CUSTOMER, SALES).await.unwrap();
    let sent = stage.script.sent();
    assert!(sent[0].uri.starts_with("http://127.0.0.1:4999/graph/v1.0/users?$filter="));
    assert!(sent[0].uri.ends_with("&$top=999"), "no more fit on a page");
    assert_eq!(sent[1].uri, next);
}

//! Lists, pages, offers, the small resources, budgets.

use http::Method;
use serde_json::{Value, json};

use super::stage::{ALICE, CUSTOMER, NEW_OFFER, NEW_SKU, OLD_OFFER, Stage};

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_of_users_are_walked_by_link_and_by_token() {
    let stage = Stage::plain().await;
    let all = ids(stage.read("/users").await.items());
    assert_eq!(all.len(), 4);
    for by_link in [true, false] {
        let mut seen = Vec::new();
        let mut page = stage.read("/users?size=3").await;
        loop {
            seen.extend(ids(page.items()));
            let Some(next) = page.body["links"].get("next") else { break };
            assert_eq!(page.body["totalCount"], 3, "the count of this page");
            let (uri, token) = if by_link {
                let header = &next["headers"][0];
                assert_eq!(header["key"], "MS-ContinuationToken");
                (next["uri"].as_str().expect("a uri").to_owned(), header["value"].clone())
            } else {
                (
                    format!("/customers/{CUSTOMER}/users?seekOperation=Next"),
                    page.body["continuationToken"].clone(),
                )
            };
            let token = token.as_str().expect("a token").to_owned();
            page = stage.call(Method::GET, &uri, &[("MS-ContinuationToken", &token)], None).await;
        }
        assert_eq!(seen, all);
    }
    assert_eq!(stage.read("/users?seekOperation=Next").await.refusal(), (400, 800_002));
}

#[tokio::test(start_paused = true)]
async fn a_world_can_cap_its_pages_of_users_and_leave_out_links() {
    let stage = Stage::with(|world| {
        world["readings"]["users_page_cap"] = 2.into();
        world["readings"]["links_omitted"] = true.into();
    })
    .await;
    let page = stage.read("/users?size=500").await;
    assert_eq!(page.items().len(), 2);
    assert!(page.body["links"]["next"].is_object(), "there is more");
    assert!(stage.read("/subscriptions").await.body.get("links").is_none());
}

#[tokio::test(start_paused = true)]
async fn customers_are_paged_and_found_by_the_beginning_of_their_name() {
    let stage = Stage::with(|world| {
        for n in 2..5 {
            let customers = world["customers"].as_array_mut().expect("customers");
            customers
                .push(json!({"id": format!("c0000000-0000-4000-8000-{n:012}"), "name": format!("Other {n}"),
                                  "domain": format!("other{n}.example")}));
        }
    })
    .await;
    let first = stage.get("/customers?size=3").await;
    assert_eq!(first.items().len(), 3);
    let token = first.body["continuationToken"].as_str().expect("a token").to_owned();
    let rest = stage
        .call(Method::GET, "/customers?size=3&seekOperation=Next", &[("MS-ContinuationToken", &token)], None)
        .await;
    assert_eq!(rest.items().len(), 1);
    assert!(rest.body["links"].get("next").is_none());
    let filter = "%7B%22Field%22%3A%22CompanyName%22%2C%22Value%22%3A%22FAB%22%2C%22Operator%22%3A%22starts_with%22%7D";
    let found = stage.get(&format!("/customers?filter={filter}")).await;
    assert_eq!(ids(found.items()), [CUSTOMER]);
}

#[tokio::test(start_paused = true)]
async fn a_customer_alone_shows_more_than_in_the_list() {
    let stage = Stage::plain().await;
    let listed = stage.get("/customers").await.items()[0].clone();
    let alone = stage.read("").await.body;
    assert!(listed.get("billingProfile").is_none());
    assert_eq!(alone["billingProfile"]["defaultAddress"]["country"], "US");
    assert_eq!(alone["allowDelegatedAccess"], true);
    assert_eq!(alone["companyProfile"], listed["companyProfile"]);
}

#[tokio::test(start_paused = true)]
async fn customers_that_are_not_there_are_refused_with_their_codes() {
    let stage = Stage::plain().await;
    assert_eq!(stage.get(&format!("/customers/{ALICE}")).await.refusal(), (404, 1000));
    assert_eq!(stage.get(&format!("/customers/{ALICE}/users")).await.refusal(), (404, 60_003));
    assert_eq!(stage.get("/customers/fabrikam/subscriptions").await.refusal(), (400, 900_118));
    let stage = Stage::with(|world| world["customers"][0]["relationship"] = "none".into()).await;
    assert_eq!(stage.read("/subscriptions").await.refusal(), (403, 20_002));
    assert_eq!(stage.read("/users").await.status, 200, "the directory needs rights, not the relationship");
}

#[tokio::test(start_paused = true)]
async fn segment_and_agreement_are_told() {
    let stage = Stage::with(|world| {
        world["customers"][0]["segment"] = "education".into();
        world["customers"][0]["agreement"] = false.into();
    })
    .await;
    let expected = json!([{"qualification": "Education", "vettingStatus": "Approved"}]);
    assert_eq!(stage.read("/qualifications").await.body, expected);
    let path = "/directSignedMicrosoftCustomerAgreementStatus";
    assert_eq!(stage.read(path).await.body, json!({"isSigned": false}));
    assert!(stage.read("/agreements").await.items().is_empty());
    let stage = Stage::plain().await;
    assert_eq!(stage.read("/qualifications").await.body, json!([]));
    assert_eq!(stage.read(path).await.body, json!({"isSigned": true}));
    assert_eq!(stage.read("/agreements").await.items()[0]["type"], "MicrosoftCustomerAgreement");
}

#[tokio::test(start_paused = true)]
async fn offers_need_a_country_and_show_what_is_on_sale() {
    let stage = Stage::plain().await;
    assert_eq!(stage.get("/offers").await.refusal(), (400, 800_002));
    let offers = stage.get("/offers?country=US").await;
    let find = |id: &str| offers.items().iter().find(|offer| offer["id"] == id.to_uppercase());
    assert!(find(OLD_OFFER).is_none(), "retired");
    let new = find(NEW_OFFER).expect("on sale");
    assert_eq!(new["product"]["id"], NEW_SKU.to_uppercase());
    assert_eq!(stage.get(&format!("/offers/{NEW_OFFER}?country=US")).await.body, *new);
    assert_eq!(stage.get(&format!("/offers/{OLD_OFFER}?country=US")).await.refusal(), (404, 1000));
    assert_eq!(stage.get("/offers/CFQ7TTC0LH18:0001?country=US").await.refusal(), (400, 2100));
    assert_eq!(stage.get("/offercategories?country=US").await.items().len(), 6);
    let own = stage.read("/offers").await;
    assert!(own.items().len() < offers.items().len(), "those of other segments are left out");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_part_of_the_simulator_says_so() {
    let stage = Stage::plain().await;
    assert_eq!(stage.get("/migrations/newcommerce").await.refusal(), (400, 900_127));
    assert_eq!(stage.read("/migrations/newcommerce").await.refusal(), (400, 900_127));
    assert_eq!(stage.get("/nothing").await.refusal(), (404, 1000));
    assert_eq!(stage.post("/customers", &json!({})).await.status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_budget_refuses_what_is_above_it_and_refills_with_time() {
    let stage = Stage::with(|world| world["budgets_per_minute"] = json!({"subscriptions": 60})).await;
    for _ in 0..60 {
        assert_eq!(stage.read("/subscriptions").await.status, 200);
    }
    let refused = stage.read("/subscriptions").await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert_eq!(stage.read("/orders").await.status, 200, "another family");
    stage.pass(wait - 1).await;
    assert_eq!(stage.read("/subscriptions").await.status, 429, "not before");
    stage.pass(wait + 1).await;
    assert_eq!(stage.read("/subscriptions").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_control_face_counts_and_names_every_reading() {
    let stage = Stage::plain().await;
    stage.read("/users").await;
    let calls = stage.get("/_simulator/calls").await.body;
    assert_eq!(calls, json!({"total": 1, "by_operation": {"list_users": 1}}));
    let world = stage.get("/_simulator/world").await.body;
    assert_eq!(world, json!({"customers": 1, "users": 4, "subscriptions": 2, "retired": 1, "by_trap": {}}));
    let startup = stage.get("/_simulator/startup").await.body;
    let readings = serde_json::to_value(seatshift_simulator::world::Readings::default()).expect("JSON");
    assert_eq!(startup["readings"], readings);
    assert_eq!(startup["budgets_per_minute"]["orders"], 500);
    let books = stage.get("/_simulator/books?after=2").await.body;
    assert_eq!(books[0]["number"], 3);
}

#[tokio::test(start_paused = true)]
async fn an_administrator_changes_things_behind_everybodys_back() {
    use seatshift_simulator::books::Actor;
    let stage = Stage::plain().await;
    let path = format!("/_simulator/administrator/{CUSTOMER}");
    let deeds = [
        json!({"do": "remove_license", "user": ALICE, "sku": super::stage::OLD_SKU}),
        json!({"do": "set_subscription", "subscription": super::stage::OLD, "quantity": 8}),
        json!({"do": "delete_user", "user": super::stage::BOB}),
        json!({"do": "add_user", "user": {"id": "b0000000-0000-4000-8000-000000000077", "display_name": "New One",
               "principal_name": "new@fabrikam.example", "licenses": [{"sku": super::stage::OLD_SKU}]}}),
    ];
    for deed in deeds {
        assert_eq!(stage.post(&path, &deed).await.status, 204, "{deed}");
    }
    assert_eq!(stage.pool(super::stage::OLD_SKU).await, Some((8, 2, 6, 0)));
    assert_eq!(stage.read("/users").await.items().len(), 4);
    assert!(stage.changes().iter().all(|entry| entry.actor == Actor::Administrator));
    let unknown = json!({"do": "delete_user", "user": CUSTOMER});
    assert_eq!(stage.post(&path, &unknown).await.status, 400);
}

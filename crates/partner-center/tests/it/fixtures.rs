//! Each endpoint: what is asked, and what is made of the documented answer.

use seatshift_partner_center::{
    AgreementKind, BillingCycle, BillingType, OfferId, OrderId, OrderStatus, PlanStatus, ProvisioningState,
    Relationship, Status, TargetType, VettingStatus,
};
use uuid::Uuid;

use crate::script::{CUSTOMER, SALES, SALES_PRO, SUBSCRIPTION, Stage, USER, answer, fixture, stage};

/// A stage that answers with a fixture.
fn with(body: &'static str) -> Stage {
    let stage = stage();
    stage.script.then(answer(200, body));
    stage
}

/// The path that was asked for, and whether with a person's token.
fn asked(stage: &Stage) -> (String, bool) {
    let sent = stage.script.only();
    let path = sent.uri.strip_prefix("https://api.partnercenter.microsoft.com").unwrap().to_owned();
    (path, sent.header("authorization") == Some("Bearer invented-user-token"))
}

fn guid(text: &str) -> Uuid {
    text.parse().unwrap()
}

const C: &str = "5b1f0d4e-6f0a-4a57-9f0b-1a2b3c4d5e6f";
const S: &str = "0c9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9d";

#[tokio::test(start_paused = true)]
async fn customers_are_read_page_by_page() {
    let stage = with(fixture!("customers"));
    stage.script.then(answer(200, fixture!("customers_last")));
    let first = stage.client.customers(None).await.unwrap();
    assert_eq!(first.items.len(), 2);
    assert_eq!(first.items[0].id, CUSTOMER);
    assert_eq!(
        (first.items[0].name.as_str(), first.items[0].domain.as_str()),
        ("Fabrikam AB", "fabrikam.onmicrosoft.com")
    );
    assert_eq!(first.items[0].relationship, Some(Relationship::Reseller));
    assert_eq!(first.items[1].id, guid("7c0d2e1a-1111-4222-8333-444455556666"));

    // What is kept of a page may be written down and used by another process.
    let kept = serde_json::to_string(&first.next.unwrap()).unwrap();
    let last = stage.client.customers(Some(serde_json::from_str(&kept).unwrap())).await.unwrap();
    assert!(last.next.is_none() && last.unreadable.is_empty());
    let sent = stage.script.sent();
    assert!(sent[0].uri.ends_with("/v1/customers?size=40"));
    assert!(sent[1].uri.ends_with("/v1/customers?size=40&seekOperation=Next"));
    assert_eq!(sent[0].header("ms-continuationtoken"), None);
    assert_eq!(sent[1].header("ms-continuationtoken"), Some("opaque=="));
}

#[tokio::test(start_paused = true)]
async fn a_customer_tells_its_country_and_delegated_access() {
    let stage = with(fixture!("customer"));
    let customer = stage.client.customer(CUSTOMER).await.unwrap();
    assert_eq!(customer.country.as_deref(), Some("SE"));
    assert_eq!(customer.allow_delegated_access, Some(true));
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}"), false));
}

#[tokio::test(start_paused = true)]
async fn qualifications_come_as_a_bare_array() {
    let stage = with(fixture!("qualifications"));
    let found = stage.client.qualifications(CUSTOMER).await.unwrap();
    assert!(found.is_complete());
    assert_eq!(found.items[0].kind.as_str(), "Education");
    assert_eq!(found.items[0].vetting, Some(VettingStatus::Approved));
    assert_eq!(found.items[1].vetting, Some(VettingStatus::InReview));
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}/qualifications"), false));
}

#[tokio::test(start_paused = true)]
async fn the_agreement_is_signed_or_not() {
    let stage = with(fixture!("agreement_signed"));
    assert!(stage.client.agreement_signed(CUSTOMER).await.unwrap().signed);
    let path = format!("/v1/customers/{C}/directSignedMicrosoftCustomerAgreementStatus");
    assert_eq!(asked(&stage), (path, false));
}

#[tokio::test(start_paused = true)]
async fn agreements_that_the_partner_confirmed_are_listed_without_their_signers() {
    let body = "\u{feff}".to_owned()
        + r#"{"totalCount":3,"items":[
        {"primaryContact":{"firstName":"Dan","lastName":"Holm","email":"dan@fabrikam.example"},"templateId":"117a77b0-0000-4000-8000-c6dedc750cf9",
         "dateAgreed":"2024-01-10T00:00:00.000Z","type":"MicrosoftCustomerAgreement"},
        {"type":"NewAgreement"},{"dateAgreed":"2024-01-10"}]}"#;
    let stage = stage();
    stage.script.then(answer(200, body));
    let found = stage.client.agreements(CUSTOMER).await.unwrap();
    assert_eq!(found.items[0].kind, AgreementKind::MicrosoftCustomerAgreement);
    assert_eq!(found.items[0].agreed, Some("2024-01-10T00:00:00Z".parse().unwrap()));
    assert_eq!((found.items[1].kind.as_str(), found.items[1].agreed), ("NewAgreement", None));
    assert_eq!(found.unreadable.len(), 1);
    assert!(!format!("{found:?}").contains("Dan"));
    let path = format!("/v1/customers/{C}/agreements?agreementType=MicrosoftCustomerAgreement");
    assert_eq!(asked(&stage), (path, false));
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_both_commerces_and_add_ons_are_read() {
    let stage = with(fixture!("subscriptions"));
    let found = stage.client.subscriptions(CUSTOMER).await.unwrap();
    assert!(found.is_complete());
    let [old, add_on, new] = found.items.as_slice() else { panic!("three subscriptions") };
    assert_eq!((old.id, old.quantity, &old.status), (SUBSCRIPTION, 25, &Status::Active));
    assert_eq!(old.offer, OfferId::new("11111111-aaaa-4bbb-8ccc-000000000001"));
    assert_eq!((old.auto_renew, old.is_trial), (Some(false), false));
    assert_eq!(old.billing_type, Some(BillingType::License));
    assert_eq!(old.commitment_end, Some("2019-09-03T00:00:00Z".parse().unwrap()));
    assert_eq!(old.order, Some(OrderId::new("cf3b0e37-0000-4000-8000-000000000001")));
    assert!(!old.is_new_commerce());
    assert_eq!(add_on.parent, Some(SUBSCRIPTION));
    assert!(new.is_new_commerce());
    assert_eq!((new.etag.as_deref(), new.partner_id.as_deref()), (None, None), "empty is none");
    assert_eq!(new.suspension_reasons, ["CustomerCancellation"]);
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}/subscriptions"), false));
}

#[tokio::test(start_paused = true)]
async fn one_subscription_an_orders_and_its_add_ons_are_read() {
    let stage = with(fixture!("subscription"));
    stage.script.then(answer(200, fixture!("subscriptions_of_order"))).then(answer(200, fixture!("add_ons")));
    let one = stage.client.subscription(CUSTOMER, SUBSCRIPTION).await.unwrap();
    assert!(one.etag.unwrap().starts_with("eyJ"));
    let order = OrderId::new("CF3B0E37-0000-4000-8000-000000000001");
    assert_eq!(stage.client.subscriptions_of_order(CUSTOMER, &order).await.unwrap().items.len(), 1);
    assert_eq!(stage.client.add_ons(CUSTOMER, SUBSCRIPTION).await.unwrap().items[0].quantity, 10);
    let ends: Vec<String> =
        stage.script.sent().iter().map(|s| s.uri.split("/v1").nth(1).unwrap().to_owned()).collect();
    assert_eq!(
        ends,
        [
            format!("/customers/{C}/subscriptions/{S}"),
            format!("/customers/{C}/subscriptions?order_id=cf3b0e37-0000-4000-8000-000000000001"),
            format!("/customers/{C}/subscriptions/{S}/addons"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn provisioning_links_a_subscription_to_its_sku() {
    let stage = with(fixture!("provisioning_status"));
    let status = stage.client.provisioning_status(CUSTOMER, SUBSCRIPTION).await.unwrap();
    assert_eq!(
        (status.sku, status.state, status.quantity),
        (Some(SALES), ProvisioningState::Success, Some(25))
    );
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}/subscriptions/{S}/provisioningstatus"), true));
}

#[tokio::test(start_paused = true)]
async fn offers_tell_their_sku_limits_and_segment() {
    let stage = with(fixture!("offers"));
    stage.script.then(answer(200, fixture!("offer")));
    let offers = stage.client.offers("US").await.unwrap().items;
    assert_eq!(offers[0].sku, Some(SALES_PRO));
    assert_eq!((offers[0].minimum_quantity, offers[0].maximum_quantity), (1, 10_000_000));
    assert_eq!(offers[0].billing_cycles, [BillingCycle::Annual, BillingCycle::Monthly]);
    assert!(offers[0].customer_qualifications.is_empty());
    assert_eq!(offers[1].customer_qualifications, ["Nonprofit"]);
    let one = stage.client.offer(&offers[0].id, "US").await.unwrap();
    assert_eq!(one, offers[0]);
    let sent = stage.script.sent();
    assert!(sent[0].uri.ends_with("/v1/offers?country=US"));
    assert!(sent[1].uri.ends_with("/v1/offers/f28514f0-6516-4ef9-8222-1c605a05d245?country=US"));
    assert_eq!(sent[0].header("x-locale"), Some("en-US"));
}

#[tokio::test(start_paused = true)]
async fn an_order_may_lack_its_subscription_and_its_date_its_z() {
    let stage = with(fixture!("orders"));
    stage.script.then(answer(200, fixture!("order")));
    let orders = stage.client.orders(CUSTOMER).await.unwrap().items;
    assert_eq!(orders[0].lines[0].subscription, Some(guid("db8c695b-1c3c-4c55-b697-771503dd46bf")));
    assert_eq!(orders[0].created, Some("2024-01-16T01:37:05.253Z".parse().unwrap()));
    assert_eq!(orders[0].status, Some(OrderStatus::Completed));
    assert_eq!((orders[1].lines[0].subscription, &orders[1].status), (None, &Some(OrderStatus::Pending)));
    let one = stage.client.order(CUSTOMER, &orders[0].id).await.unwrap();
    assert_eq!(one.lines[0].friendly_name, "Sales Pro [mig-2024-01]");
    assert!(stage.script.sent()[1].uri.ends_with("/orders/eeba9d00-7b46-443a-917e-22887a8fc993"));
}

#[tokio::test(start_paused = true)]
async fn pools_tell_their_units_and_plans() {
    let stage = with(fixture!("subscribed_skus"));
    let pools = stage.client.subscribed_skus(CUSTOMER).await.unwrap().items;
    let pool = &pools[0];
    assert_eq!((pool.sku, pool.active, pool.consumed, pool.available, pool.suspended), (SALES, 25, 25, 0, 0));
    assert_eq!(pool.plans.len(), 3);
    assert_eq!(pool.plans[2].target, TargetType::Tenant);
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}/subscribedskus"), true));
}

#[tokio::test(start_paused = true)]
async fn users_may_lack_location_and_names() {
    let stage = with(fixture!("users"));
    let page = stage.client.users(CUSTOMER, None).await.unwrap();
    assert_eq!(page.items[0].id, USER);
    assert_eq!(page.items[0].usage_location.as_deref(), Some("SE"));
    assert_eq!(page.items[1].usage_location, None);
    assert!(page.next.is_some());
    assert!(!format!("{:?}", page.items).contains("Dan"), "names are not for logs");
    assert_eq!(asked(&stage), (format!("/v1/customers/{C}/users?size=500"), true));
}

#[tokio::test(start_paused = true)]
async fn excluded_plans_are_those_of_the_pool_that_the_user_does_not_have() {
    let stage = with(fixture!("user_licenses"));
    stage.script.then(answer(200, fixture!("subscribed_skus")));
    let licenses = stage.client.user_licenses(CUSTOMER, USER).await.unwrap().items;
    assert_eq!((licenses[0].sku, licenses[0].plans.len()), (SALES, 2));
    assert_eq!(licenses[0].plans[1].status, PlanStatus::Deleted);
    let pool = stage.client.subscribed_skus(CUSTOMER).await.unwrap().items.remove(0);
    let excluded = guid("1259157c-8581-4875-bca7-2ffb18c51bda");
    assert_eq!(pool.excluded_from(&licenses[0]), [excluded], "shown with another status");
    let mut missing = licenses[0].clone();
    missing.plans.truncate(1);
    assert_eq!(pool.excluded_from(&missing), [excluded], "not shown at all");
    assert!(stage.script.sent()[0].uri.ends_with(&format!("/v1/customers/{C}/users/{USER}/licenses")));
}

#[tokio::test(start_paused = true)]
async fn odd_spellings_are_understood_and_odd_entries_are_set_aside() {
    let odd = "\u{feff}".to_owned()
        + r#"{"totalCount":1,"items":[
        {"id":"{0C9A7C2B-4B36-4C0A-9C1D-5E0F6A7B8C9D}","offerId":"x","status":2,"quantity":"25","billingType":"LICENSE","isTrial":"True",
         "commitmentEndDate":"2019-09-03","consumptionType":["overage"],"links":null,"productType":null,"new":{"key":[1]}},
        {"id":"1d9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9e","offerId":"x","status":"active","billingType":"license"},
        {"id":"2d9a7c2b-4b36-4c0a-9c1d-5e0f6a7b8c9f","offerId":"MS-AZR-0145P","status":"frozen","billingType":"usage"}]}"#;
    let stage = stage();
    stage.script.then(answer(200, odd));
    let found = stage.client.subscriptions(CUSTOMER).await.unwrap();
    let [first, usage] = found.items.as_slice() else { panic!("two are readable") };
    assert_eq!(
        (first.id, &first.status, first.quantity, first.is_trial),
        (SUBSCRIPTION, &Status::Suspended, 25, true)
    );
    assert_eq!(first.commitment_end, Some("2019-09-03T00:00:00Z".parse().unwrap()));
    assert_eq!((&usage.status, usage.quantity), (&Status::Other("frozen".to_owned()), 0));
    assert_eq!(found.unreadable.len(), 1, "seats of a licensed subscription are not guessed");
    assert_eq!(found.unreadable[0].index, 1);
    assert_eq!(found.unreadable[0].problem.to_string(), "`quantity` is missing or not understood");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_begins_to_have_pages_is_read_to_its_end() {
    let stage = stage();
    let first = r#"{"items":[{"id":"x"},{"id":"eeba9d00-7b46-443a-917e-22887a8fc993","lineItems":[]}],"links":{"next":{"uri":"/customers/c/orders?page=2"}}}"#;
    let second = r#"{"items":[{"nothing":1},{"id":"abc"}],"links":{}}"#;
    stage.script.then(answer(200, first)).then(answer(200, second));
    let found = stage.client.orders(CUSTOMER).await.unwrap();
    assert_eq!(found.items.len(), 3);
    assert_eq!(found.unreadable[0].index, 2, "counted over all pages");
    assert!(stage.script.sent()[1].uri.ends_with("/v1/customers/c/orders?page=2"));
}

#[tokio::test(start_paused = true)]
async fn every_call_carries_its_ids_and_names() {
    let stage = with(fixture!("customer"));
    let correlation = Uuid::from_u128(77);
    stage.client.correlated(correlation).customer(CUSTOMER).await.unwrap();
    let sent = stage.script.only();
    assert_eq!(sent.header("ms-correlationid"), Some(correlation.to_string().as_str()));
    assert_eq!(sent.header("accept"), Some("application/json"));
    assert_eq!(sent.header("ms-partnercenter-application"), Some("Seatshift"));
    assert_eq!(sent.header("authorization"), Some("Bearer invented-access-token"));
    let record = stage.records.calls().remove(0);
    assert_eq!(sent.header("ms-requestid"), Some(record.request_id.to_string().as_str()));
    assert_eq!(
        (record.correlation_id, record.operation, record.status),
        (correlation, "customer", Some(200))
    );
    assert_eq!((record.customer, record.changing, record.attempt), (Some(CUSTOMER), false, 1));
}

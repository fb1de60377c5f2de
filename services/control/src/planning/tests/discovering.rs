//! Two passes, one row for each subscription, and going on after a stop.

use std::collections::BTreeSet;
use std::time::Duration;

use super::tenant::*;
use crate::planning::{Readiness, approve_ready};

#[tokio::test]
async fn every_retired_or_near_miss_subscription_has_exactly_one_row() {
    let mut one = customer(1);
    let near = "Dynamics 365 for Sales Enterprise CRM Basic (Qualified Offer) of ours";
    one.subscriptions.extend([
        Subscription { status: "suspended", ..retired(2, 1, SALES) },
        Subscription { status: "expired", ..retired(3, 12, PLAN) },
        Subscription { end: "2019-01-10T00:00:00Z", ..retired(4, 14, PLAN) },
        other(5, &id(81).to_string(), near, SALES),
        other(6, &id(82).to_string(), "Office 365 E3", SALES_PRO),
    ]);
    let plan = plan_of(one).await;
    let rows: Vec<_> = plan.rows.iter().filter_map(|row| row.old_subscription_id).collect();
    let expected: BTreeSet<_> = (1..=5).map(|number| id(1000 + number)).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows.iter().map(|one| one.0).collect::<BTreeSet<_>>(), expected);
    let ids: BTreeSet<&str> = plan.rows.iter().map(|row| row.row_id.as_str()).collect();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn a_customer_without_anything_to_move_costs_one_call() {
    let mut idle = customer(1);
    idle.subscriptions = vec![other(1, SALES_ENTERPRISE_OFFER, "Dynamics 365 for Sales Enterprise", SALES)];
    let office = Office::of(Partner::new(vec![idle]));
    assert!(office.plan().await.rows.is_empty());
    assert_eq!(office.partner.asked().len(), 2);
}

#[tokio::test]
async fn a_ready_row_costs_a_call_for_each_user_and_nine_more() {
    let office = Office::of(Partner::new(vec![customer(1)]));
    office.plan().await;
    let mut asked = office.partner.asked();
    asked.retain(|path| !path.ends_with("/licenses"));
    assert_eq!(asked.len(), 10, "{asked:#?}");
}

#[tokio::test]
async fn one_unreadable_customer_is_a_row_with_its_reason_and_the_others_go_on() {
    let mut partner = Partner::new(vec![customer(1), customer(2), customer(3)]);
    partner.faults = vec![("/customers/00000000-0000-4000-8000-000000000002/subscriptions", 403, 20002)];
    let plan = Office::of(partner).plan().await;
    assert_eq!(plan.rows.len(), 3);
    let (blocked, ready): (Vec<_>, Vec<_>) =
        plan.rows.iter().partition(|row| row.readiness == Readiness::Blocked);
    assert_eq!((blocked.len(), ready.len()), (1, 2));
    assert_eq!(blocked[0].customer_id.map(|one| one.0), Some(id(2)));
    assert_eq!((blocked[0].reason_code.as_str(), blocked[0].old_subscription_id), ("relation_missing", None));
}

#[tokio::test]
async fn a_stopped_discovery_goes_on_with_what_was_read() {
    let mut partner = Partner::new(vec![customer(1), customer(2)]);
    partner.faults = vec![("/customers/00000000-0000-4000-8000-000000000002/users", 503, 0)];
    let mut first = Office::of(partner);
    assert_eq!(first.plan().await.rows.len(), 2);
    first.partner.asked();
    let mut second = Office::of(Partner::new(vec![customer(1), customer(2)]));
    std::mem::swap(&mut second.cache, &mut first.cache);
    let plan = second.plan().await;
    assert!(plan.rows.iter().all(|row| row.readiness == Readiness::Ready));
    let asked = second.partner.asked();
    assert!(asked.iter().all(|path| path.contains(&id(2).to_string())), "{asked:#?}");
    assert!(!asked.iter().any(|path| path.ends_with("/subscriptions")), "the cheap pass was done");
    second.plan().await;
    assert!(second.partner.asked().is_empty(), "everything is known now");
}

#[tokio::test]
async fn old_reads_are_not_used_again() {
    let mut office = Office::of(Partner::new(vec![customer(1)]));
    let first = office.plan().await;
    let calls = office.partner.asked().len();
    office.options.reuse_reads = Duration::ZERO;
    assert_eq!(office.plan().await, first, "the same facts make the same plan");
    assert_eq!(office.partner.asked().len(), calls);
}

#[tokio::test]
async fn the_closest_end_date_comes_first() {
    let mut late = customer(1);
    late.subscriptions[0].end = "2019-12-31T00:00:00Z";
    let plan = Office::of(Partner::new(vec![late, customer(2)])).plan().await;
    assert_eq!(plan.rows[0].customer_id.map(|one| one.0), Some(id(2)));
    assert_eq!(plan.users[0].row_id, plan.rows[0].row_id);
}

#[tokio::test]
async fn only_ready_and_undecided_rows_are_approved() {
    let mut unsigned = customer(2);
    unsigned.signed = false;
    let mut plan = Office::of(Partner::new(vec![customer(1), unsigned])).plan().await;
    assert_eq!(approve_ready(&mut plan.rows, "Anna"), 1);
    assert_eq!(approve_ready(&mut plan.rows, "Bo"), 0);
    let decided: Vec<&str> = plan.rows.iter().map(|row| row.decided_by.as_str()).collect();
    assert!(decided.contains(&"Anna") && !decided.contains(&"Bo"));
}

#[tokio::test]
async fn an_outage_that_passes_costs_nobody_a_row() {
    let partner = Partner::new(vec![customer(1)]);
    partner.outage.store(10, std::sync::atomic::Ordering::Relaxed);
    let plan = Office::of(partner).plan().await;
    assert_eq!((plan.rows.len(), plan.rows[0].readiness), (1, Readiness::Ready));
}

//! What accounts for a row that was to be moved and was not.

use seatshift_simulator::books::{Actor, Change, IntendedRow};
use seatshift_simulator::world::Act;
use uuid::Uuid;

use super::scribe::*;

fn refused(resource: &str, request_id: Option<Uuid>, log: &mut Scribe) {
    let change = Change::FaultInjected {
        customer: Some(CUSTOMER),
        operation: "update_licenses".into(),
        resource: resource.into(),
        attempt: 1,
        kind: "refused".into(),
        refusal: true,
        after_the_change: false,
    };
    log.line(engine(), request_id, change);
}

fn begun() -> Scribe {
    let mut log = Scribe::new(2, 2);
    log.buy(2);
    log
}

fn left(log: &Scribe, rows: Vec<IntendedRow>) -> u64 {
    log.judge(rows).figures.left_wrongly
}

#[test]
fn a_final_refusal_of_its_user_subscription_or_purchase_accounts_for_a_row() {
    for resource in [user(1), OLD, NEW] {
        let mut log = begun();
        assert_eq!(left(&log, vec![row(2)]), 1);
        refused(&resource.to_string(), None, &mut log);
        assert_eq!(left(&log, vec![row(2)]), 0, "{resource}");
    }
}

#[test]
fn a_refusal_of_something_else_accounts_for_nothing() {
    let mut log = begun();
    refused(&user(77).to_string(), None, &mut log);
    assert_eq!(left(&log, vec![row(2)]), 1);
}

#[test]
fn a_fault_that_is_not_final_accounts_for_nothing() {
    let mut log = begun();
    refused(&OLD.to_string(), None, &mut log);
    if let Some(Change::FaultInjected { refusal, .. }) = log.entries.last_mut().map(|entry| &mut entry.change)
    {
        *refusal = false;
    }
    assert_eq!(left(&log, vec![row(2)]), 1);
}

/// A second subscription of the customer, to be moved to the same offer.
fn second_row(log: &mut Scribe) -> IntendedRow {
    let id = user(800);
    log.world(subscription(id, (OLD_OFFER, OLD_SKU), 1, truth(Act::Move)));
    IntendedRow { row_id: "row-2".into(), old_subscription: id, users: vec![], ..row(0) }
}

#[test]
fn a_row_that_waits_behind_a_refused_one_of_its_customer_is_accounted_for() {
    let mut log = begun();
    let second = second_row(&mut log);
    assert_eq!(left(&log, vec![row(2), second.clone()]), 2);
    refused(&user(0).to_string(), None, &mut log);
    assert_eq!(left(&log, vec![row(2), second]), 0);
}

#[test]
fn a_refusal_without_resource_concerns_the_row_whose_order_it_hit() {
    let mut log = begun();
    let mut second = second_row(&mut log);
    let other_offer = user(801);
    log.world(Change::Offer {
        offer: other_offer,
        sku: user(802),
        add_on: false,
        retired: false,
        new_commerce: false,
    });
    second.target_offer = Some(other_offer);
    let order = log.entries.iter().find(|entry| matches!(entry.change, Change::OrderPlaced { .. }));
    let request = order.and_then(|entry| entry.request_id);
    refused("", request, &mut log);
    // The first row is accounted for, and with it the second, which waits behind it ...
    assert_eq!(left(&log, vec![row(2), second.clone()]), 0);
    // ... but by itself the second has no excuse.
    assert_eq!(left(&log, vec![second]), 1);
}

#[test]
fn a_user_whom_an_administrator_took_off_does_not_keep_a_row_from_being_complete() {
    let mut log = begun();
    log.swap(user(0));
    log.by(Actor::Administrator, removed(user(1), OLD_SKU));
    log.suspend(OLD, OLD_SKU, 2);
    assert_eq!(left(&log, vec![row(2)]), 0);
}

#[test]
fn a_row_that_nobody_approved_may_be_left() {
    let log = begun();
    let mut unapproved = row(2);
    unapproved.approved = false;
    assert_eq!(left(&log, vec![unapproved]), 0);
}

#[test]
fn a_user_stuck_on_the_new_plan_by_a_refused_undo_is_not_moved_wrongly() {
    let mut log = Scribe::new(2, 2);
    if let Some(Change::SubscriptionAdded { truth: stated, .. }) = log
        .entries
        .iter_mut()
        .map(|entry| &mut entry.change)
        .find(|change| matches!(change, Change::SubscriptionAdded { .. }))
    {
        *stated = truth(Act::Ask);
    }
    log.buy(2);
    assert_eq!(log.judge(vec![row(2)]).figures.moved_wrongly, 0, "bought, and not moved");
    log.swap(user(0));
    assert_eq!(log.judge(vec![row(2)]).figures.moved_wrongly, 1);
    refused(&user(0).to_string(), None, &mut log);
    assert_eq!(log.judge(vec![row(2)]).figures.moved_wrongly, 0);
}

#[test]
fn rows_of_customers_and_subscriptions_that_the_books_do_not_know_are_noted() {
    let log = begun();
    let nobody = IntendedRow { customer: user(900), row_id: "row-3".into(), ..row(0) };
    let nothing = IntendedRow { old_subscription: user(901), row_id: "row-4".into(), ..row(0) };
    let notes = log.judge(vec![row(2), nobody, nothing]).notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("row row-3: the books know no customer")));
    assert!(notes.iter().any(|note| note.starts_with("row row-4: the books know no subscription")));
}

//! The last look before money is spent.

use seatshift_messages::{Instruction, MigrationId, OnRefusal, Policy, RunId, UserId};

use super::tenant::*;
use crate::planning::{
    Admission, Plan, PlanRow, PlanUser, Readiness, Reason, Recheck, Rechecker, friendly_name, mark,
};

fn admission() -> Admission {
    let migration = MigrationId("0190b2c4-0000-7000-8000-0000deadbeef".parse().unwrap());
    Admission { run: RunId(id(7)), migration, policy: Policy::default(), retries: None }
}

async fn look(office: &Office, row: &PlanRow, users: &[PlanUser]) -> Recheck {
    Rechecker::default().recheck(&office.desk(), row, users, &admission()).await.unwrap()
}

fn same(answer: Recheck) -> Instruction {
    match answer {
        Recheck::Same(instruction) => *instruction,
        other => panic!("{other:?}"),
    }
}

/// Plans one customer, then looks again after a change.
async fn after(before: Customer, change: impl FnOnce(&mut Customer)) -> Recheck {
    let plan = plan_of(before.clone()).await;
    let mut then = before;
    change(&mut then);
    look(&Office::of(Partner::new(vec![then])), &plan.rows[0], &plan.users).await
}

async fn changed(change: impl FnOnce(&mut Customer)) -> String {
    match after(customer(1), change).await {
        Recheck::Changed(words) => words.join("; "),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unchanged_row_becomes_an_instruction() {
    let mut one = customer(1);
    one.users[2].licenses[0].1 = vec!["FLOW_DYN_APPS"];
    let instruction = same(after(one, |_| {}).await);
    assert_eq!(instruction.users(), 3);
    assert_eq!(instruction.moves.len(), 2, "users are grouped by what is off");
    let flow: seatshift_messages::ServicePlanId = "f944d685-f762-4371-806d-a1f48e5bea13".parse().unwrap();
    assert_eq!(instruction.moves[1].exclude, [flow]);
    assert_eq!(instruction.moves[1].users, [UserId(id(5102))]);
    assert_eq!((instruction.old.sku.to_string().as_str(), instruction.old.quantity), (SALES, 25));
    assert_eq!((instruction.target.sku.to_string().as_str(), instruction.target.quantity), (SALES_PRO, 3));
    assert_eq!(instruction.target.billing_cycle, "monthly");
    assert_eq!(instruction.target.friendly_name, "Sales QO [ss-deadbeef]");
    assert_eq!(instruction.target.reseller, None, "only an indirect provider names a reseller");
    assert_eq!(instruction.country, "SE");
}

#[tokio::test]
async fn an_indirect_provider_carries_the_reseller_over() {
    let mut office = Office::of(Partner::new(vec![customer(1)]));
    office.options.indirect_provider = true;
    let plan = office.plan().await;
    let instruction = same(look(&office, &plan.rows[0], &plan.users).await);
    assert_eq!(instruction.target.reseller.as_deref(), Some("4847383"));
}

#[tokio::test]
async fn the_row_decides_what_happens_when_suspension_is_refused() {
    let office = Office::of(Partner::new(vec![customer(1)]));
    let mut plan = office.plan().await;
    plan.rows[0].on_suspension_refused = Some(OnRefusal::Rollback);
    let instruction = same(look(&office, &plan.rows[0], &plan.users).await);
    assert_eq!(instruction.policy.on_suspension_refused, OnRefusal::Rollback);
}

#[tokio::test]
async fn only_the_users_to_move_are_read_again() {
    let mut one = customer(1);
    one.users.extend((50..90).map(|number| User { licenses: vec![], ..user(number, SALES) }));
    let office = Office::of(Partner::new(vec![one]));
    let plan = office.plan().await;
    office.partner.asked();
    same(look(&office, &plan.rows[0], &plan.users).await);
    let asked = office.partner.asked();
    assert_eq!(asked.iter().filter(|path| path.ends_with("/licenses")).count(), 3);
    assert_eq!(asked.len(), 3 + 7, "{asked:#?}");
    same(look(&office, &plan.rows[0], &[]).await);
    assert_eq!(office.partner.asked().iter().filter(|path| path.ends_with("/licenses")).count(), 43);
}

#[tokio::test]
async fn each_fact_that_changed_is_named() {
    assert!(changed(|one| one.subscriptions[0].quantity = 30).await.contains("25 in the plan, 30 now"));
    assert!(
        changed(|one| one.subscriptions[0].status = "suspended")
            .await
            .contains("active in the plan, suspended")
    );
    assert!(changed(|one| one.subscriptions[0].auto_renew = true).await.contains("auto renew"));
    assert!(changed(|one| one.subscriptions[0].end = "2019-07-31T00:00:00Z").await.contains("end date"));
    assert!(changed(|one| one.subscriptions[0].cycle = "annual").await.contains("billing cycle"));
    assert!(changed(|one| one.country = "NO").await.contains("country"));
    assert!(changed(|one| one.signed = false).await.contains("agreement"));
    assert!(changed(|one| one.subscriptions.clear()).await.contains("not there any more"));
    let renamed = |one: &mut Customer| "Office 365 E3".clone_into(&mut one.subscriptions[0].name);
    assert!(changed(renamed).await.contains("not of a retired offer"));
    let neighbor = |one: &mut Customer| {
        one.subscriptions.push(other(2, SALES_ENTERPRISE_OFFER, "Dynamics 365 for Sales Enterprise", SALES));
    };
    assert!(changed(neighbor).await.contains("other subscriptions"));
    let add_on = |one: &mut Customer| {
        let parent = Some(one.subscriptions[0].id);
        one.subscriptions.push(Subscription { parent, ..other(2, &id(80).to_string(), "Storage", PLAN) });
    };
    assert!(changed(add_on).await.contains("add-ons"));
}

#[tokio::test]
async fn people_who_came_or_went_are_noticed() {
    assert!(changed(|one| one.users.push(user(50, SALES))).await.contains("who holds the license"));
    assert!(changed(|one| drop(one.users.pop())).await.contains("who holds the license"));
    assert!(changed(|one| one.users[0].id = id(5999)).await.contains("who holds the license"));
    let off = |one: &mut Customer| one.users[0].licenses[0].1 = vec!["FLOW_DYN_APPS"];
    assert!(changed(off).await.contains("switched-off services"));
}

#[tokio::test]
async fn what_does_not_concern_the_row_changes_nothing() {
    let elsewhere = |one: &mut Customer| {
        one.subscriptions.push(other(2, &id(82).to_string(), "Office 365 E3", PLAN));
        one.users.push(User { licenses: vec![], ..user(50, SALES) });
    };
    same(after(customer(1), elsewhere).await);
}

#[tokio::test]
async fn a_neighbor_that_was_moved_first_does_not_stop_a_same_sku_move() {
    let mut one = customer(1);
    one.subscriptions = vec![retired(1, 12, PLAN), retired(2, 16, PLAN)];
    one.users = vec![user(1, PLAN)];
    let moved = |one: &mut Customer| {
        one.subscriptions[1].status = "suspended";
        one.subscriptions.push(other(3, TIER_1_OFFER, "Tier 1", PLAN));
    };
    let instruction = same(after(one, moved).await);
    assert!(instruction.same_sku() && instruction.moves.is_empty());
    assert_eq!(instruction.target.quantity, 25);
}

#[tokio::test]
async fn time_that_ran_out_stops_the_row() {
    let plan = plan_of(customer(1)).await;
    let mut office = Office::of(Partner::new(vec![customer(1)]));
    office.timer = Fixed("2019-06-29T12:00:00Z".parse().unwrap());
    match look(&office, &plan.rows[0], &plan.users).await {
        Recheck::NotReady(finding) => assert_eq!(finding.reason, Reason::EndsTooSoon),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_customer_that_cannot_be_read_now_is_not_a_changed_one() {
    let plan = plan_of(customer(1)).await;
    let mut partner = Partner::new(vec![customer(1)]);
    partner.faults = vec![("/subscriptions", 503, 0)];
    assert!(matches!(look(&Office::of(partner), &plan.rows[0], &plan.users).await, Recheck::Unreadable(_)));
    let mut partner = Partner::new(vec![customer(1)]);
    partner.faults = vec![("/subscribedskus", 403, 900308)];
    match look(&Office::of(partner), &plan.rows[0], &plan.users).await {
        Recheck::NotReady(finding) => assert_eq!(finding.reason, Reason::RightsMissing),
        other => panic!("{other:?}"),
    }
}

/// A customer whose retired subscription shares its license with one that stays.
async fn shared() -> (Office, Plan) {
    let mut one = customer(1);
    one.subscriptions.push(other(2, SALES_ENTERPRISE_OFFER, "Dynamics 365 for Sales Enterprise", SALES));
    let office = Office::of(Partner::new(vec![one]));
    let plan = office.plan().await;
    assert_eq!((plan.rows[0].readiness, plan.users.len()), (Readiness::Ask, 3));
    (office, plan)
}

#[tokio::test]
async fn a_person_tells_the_users_apart() {
    let (office, mut plan) = shared().await;
    for (user, moves) in plan.users.iter_mut().zip([true, true, false]) {
        user.moves = Some(moves);
    }
    let instruction = same(look(&office, &plan.rows[0], &plan.users).await);
    assert_eq!(instruction.moves[0].users, [UserId(id(5100)), UserId(id(5101))]);
    assert_eq!(instruction.target.quantity, 2);
}

#[tokio::test]
async fn users_of_whom_nobody_spoke_stop_the_row() {
    let (office, mut plan) = shared().await;
    assert!(matches!(look(&office, &plan.rows[0], &plan.users).await, Recheck::NotReady(_)));
    plan.users[0].moves = Some(true);
    assert!(matches!(look(&office, &plan.rows[0], &plan.users).await, Recheck::NotReady(_)));
    assert!(matches!(look(&office, &plan.rows[0], &[]).await, Recheck::NotReady(_)));
}

#[tokio::test]
async fn nobody_may_be_left_behind_without_a_seat() {
    let office = Office::of(Partner::new(vec![customer(1)]));
    let mut plan = office.plan().await;
    plan.users[0].moves = Some(false);
    match look(&office, &plan.rows[0], &plan.users).await {
        Recheck::NotReady(finding) => {
            assert!(finding.words.contains("would keep the old license"), "{finding:?}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_chosen_target_answers_a_row_that_asked() {
    let mut one = customer(1);
    one.subscriptions[0] = retired(1, 1, SALES);
    let office = Office::of(Partner::new(vec![one]));
    let mut plan = office.plan().await;
    assert_eq!(plan.rows[0].reason_code, "no_target");
    assert!(matches!(look(&office, &plan.rows[0], &plan.users).await, Recheck::NotReady(_)));
    plan.rows[0].target_offer_id = Some(SALES_PRO_OFFER.into());
    let instruction = same(look(&office, &plan.rows[0], &plan.users).await);
    assert_eq!(instruction.target.offer.as_str(), SALES_PRO_OFFER);
    assert_eq!(instruction.users(), 3);
}

#[test]
fn the_mark_is_put_once_and_the_name_stays_short() {
    let migration = admission().migration;
    assert_eq!(mark(migration), "[ss-deadbeef]");
    assert_eq!(friendly_name("Sales [ss-0123abcd]", migration), "Sales [ss-deadbeef]");
    assert_eq!(friendly_name("", migration), "[ss-deadbeef]");
    assert_eq!(friendly_name(&"x".repeat(200), migration).chars().count(), 60 + 14);
}

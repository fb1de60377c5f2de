//! Which subscription is ready, which asks, which is blocked, and why.

use seatshift_catalog::PartnerOffers;
use seatshift_messages::OfferId;

use super::tenant::*;
use crate::planning::{PlanPath, PlanRow, Readiness, Reason};

/// The row of the usual customer after a change.
async fn row(change: impl FnOnce(&mut Customer)) -> PlanRow {
    let mut one = customer(1);
    change(&mut one);
    row_of(one).await
}

/// The row when the partner's rules name this target for Sales.
async fn row_to(target: &str, change: impl FnOnce(&mut Customer)) -> PlanRow {
    let mut one = customer(1);
    change(&mut one);
    let mut office = Office::of(Partner::new(vec![one]));
    let rules = format!("[[rule]]\nfamily = \"sales\"\ntarget = \"{target}\"\n");
    let (offers, problems) = PartnerOffers::parse(&rules);
    assert_eq!(problems, Vec::new());
    office.options.offers = offers;
    office.plan().await.rows.remove(0)
}

fn stopped_by(row: &PlanRow, reason: Reason) {
    assert_eq!(row.reason_code, reason.code(), "{}", row.reason);
    assert_eq!(row.readiness, reason.readiness());
    assert_eq!(row.what_to_do, reason.what_to_do());
    assert!(row.reason.ends_with('.') && !row.what_to_do.is_empty());
}

#[tokio::test]
async fn a_plain_sales_subscription_is_ready_with_as_many_seats_as_users() {
    let row = row(|_| {}).await;
    assert_eq!((row.readiness, row.reason.as_str()), (Readiness::Ready, ""));
    assert_eq!(row.target_offer_id, Some(OfferId::new(SALES_PRO_OFFER)));
    assert_eq!((row.path, row.buy_seats, row.users_to_move), (Some(PlanPath::Legacy), Some(3), Some(3)));
    assert_eq!((row.pool_seats, row.pool_assigned), (Some(25), Some(3)));
    assert_eq!(row.new_billing_cycle, "monthly");
    assert_eq!(row.segment, "commercial");
    assert_eq!(row.days_left, Some(171));
    assert_eq!(row.undo_until_if_done_today.unwrap().to_string(), "2019-04-10", "90 days from today");
    assert!(row.decision.is_none(), "only a person decides");
}

#[tokio::test]
async fn the_end_date_shortens_the_way_back() {
    let row = row(|one| one.subscriptions[0].end = "2019-01-20T00:00:00Z").await;
    assert_eq!(row.undo_until_if_done_today.unwrap().to_string(), "2019-01-20");
}

#[tokio::test]
async fn spare_seats_and_the_least_quantity_are_added() {
    let row = row_to(&id(3).to_string(), |_| {}).await;
    assert_eq!(row.buy_seats, Some(10), "the offer is sold from ten seats");
    let mut office = Office::of(Partner::new(vec![customer(1)]));
    office.options.spare_seats = 2;
    assert_eq!(office.plan().await.rows[0].buy_seats, Some(5));
}

#[tokio::test]
async fn nobody_holding_the_license_is_ready_with_the_least_quantity() {
    let row = row(|one| one.users.clear()).await;
    assert_eq!((row.readiness, row.buy_seats, row.users_to_move), (Readiness::Ready, Some(1), Some(0)));
}

#[tokio::test]
async fn auto_renew_switched_on_by_hand_is_a_remark() {
    let row = row(|one| one.subscriptions[0].auto_renew = true).await;
    assert_eq!((row.readiness, row.reason_code.as_str()), (Readiness::Ready, "auto_renew_on"));
}

#[tokio::test]
async fn a_same_sku_move_buys_the_old_quantity_and_asks_for_no_user() {
    let mut one = customer(1);
    one.subscriptions =
        vec![retired(1, 12, PLAN), other(2, "c891f143-b4d2-4f2a-beea-e2c96a044b1f", "Tier 5", PLAN)];
    one.users = vec![User { location: None, ..user(1, PLAN) }];
    let office = Office::of(Partner::new(vec![one]));
    let plan = office.plan().await;
    let row = &plan.rows[0];
    assert_eq!((row.readiness, row.reason.as_str()), (Readiness::Ready, ""));
    assert_eq!((row.path, row.buy_seats, row.users_to_move), (Some(PlanPath::SameSku), Some(25), Some(0)));
    assert!(plan.users.is_empty());
    assert!(!office.partner.asked().iter().any(|path| path.contains("/users")), "nobody is reassigned");
}

#[tokio::test]
async fn several_same_sku_moves_are_ready_and_several_others_ask() {
    let mut one = customer(1);
    one.subscriptions = vec![retired(1, 12, PLAN), retired(2, 16, PLAN)];
    one.users.clear();
    assert!(reasons(&plan_of(one).await).values().all(String::is_empty));
    let mut one = customer(1);
    one.subscriptions.push(retired(2, 4, SALES));
    assert!(reasons(&plan_of(one).await).values().all(|code| code == "several_retired"));
}

#[tokio::test]
async fn a_pool_that_is_overused_asks_before_a_same_sku_move() {
    let mut one = customer(1);
    one.subscriptions = vec![retired(1, 12, PLAN)];
    one.users = (0..3).map(|number| user(number, PLAN)).collect();
    one.subscriptions[0].quantity = 2;
    stopped_by(&row_of(one).await, Reason::PoolOverused);
}

#[tokio::test]
async fn a_nonprofit_customer_gets_the_nonprofit_offer() {
    let row = row(|one| one.qualifications = vec![("Nonprofit", "Approved")]).await;
    assert_eq!(row.target_offer_id, Some(OfferId::new("a6b49b8a-38be-4341-b05f-fb54c89d7e21")));
    assert_eq!((row.readiness, row.segment.as_str()), (Readiness::Ready, "nonprofit"));
}

#[tokio::test]
async fn what_is_not_active_or_ends_too_soon_is_blocked_and_nothing_more_is_read() {
    for (status, end, reason) in [
        ("suspended", "2019-06-30T00:00:00Z", Reason::NotActive),
        ("expired", "2019-06-30T00:00:00Z", Reason::NotActive),
        ("active", "2019-01-09T00:00:00Z", Reason::Ended),
        ("active", "2019-01-11T00:00:00Z", Reason::EndsTooSoon),
        ("active", "2019-01-12T00:00:00Z", Reason::EndsTooSoon),
    ] {
        let mut one = customer(1);
        (one.subscriptions[0].status, one.subscriptions[0].end) = (status, end);
        let office = Office::of(Partner::new(vec![one]));
        let plan = office.plan().await;
        stopped_by(&plan.rows[0], reason);
        assert_eq!(office.partner.asked().len(), 2, "the list of customers, the list of subscriptions");
    }
    assert_eq!(
        row(|one| one.subscriptions[0].end = "2019-01-13T00:00:00Z").await.readiness,
        Readiness::Ready
    );
}

#[tokio::test]
async fn what_the_customer_lacks_is_said_before_anything_is_bought() {
    stopped_by(&row(|one| one.signed = false).await, Reason::AgreementMissing);
    stopped_by(&row(|one| one.relationship = "advisor").await, Reason::RelationMissing);
    stopped_by(&row(|one| one.country = "").await, Reason::CountryUnknown);
    stopped_by(&row(|one| one.users[1].location = None).await, Reason::UsageLocationMissing);
}

#[tokio::test]
async fn only_the_usage_location_of_users_who_move_matters() {
    let row = row(|one| one.users.push(User { location: None, licenses: vec![], ..user(9, SALES) })).await;
    assert_eq!((row.readiness, row.users_to_move), (Readiness::Ready, Some(3)));
}

#[tokio::test]
async fn missing_rights_are_told_from_other_trouble() {
    for (part, status, code, reason) in [
        ("/users?", 403, 900308, Reason::RightsMissing),
        ("/subscribedskus", 403, 900308, Reason::RightsMissing),
        ("/provisioningstatus", 403, 900308, Reason::RightsMissing),
        ("/licenses", 403, 900308, Reason::RightsMissing),
        ("/addons", 403, 20002, Reason::RelationMissing),
        ("/subscribedskus", 500, 0, Reason::CustomerUnreadable),
    ] {
        let mut partner = Partner::new(vec![customer(1)]);
        partner.faults = vec![(part, status, code)];
        let row = Office::of(partner).plan().await.rows.remove(0);
        stopped_by(&row, reason);
        assert!(row.old_subscription_id.is_some(), "the row says which subscription it is about");
    }
}

#[tokio::test]
async fn active_add_ons_ask_and_ended_ones_do_not() {
    let add_on = |status| {
        move |one: &mut Customer| {
            let parent = Some(one.subscriptions[0].id);
            one.subscriptions.push(Subscription {
                parent,
                status,
                ..other(2, &id(80).to_string(), "Storage", PLAN)
            });
        }
    };
    let with = row(add_on("active")).await;
    stopped_by(&with, Reason::ActiveAddOns);
    assert_eq!(with.add_ons, id(1002).to_string());
    assert_eq!(row(add_on("suspended")).await.readiness, Readiness::Ready);
}

#[tokio::test]
async fn a_subscription_that_stays_on_the_same_license_asks_who_moves() {
    let staying = |status| {
        move |one: &mut Customer| {
            let stays = other(2, SALES_ENTERPRISE_OFFER, "Dynamics 365 for Sales Enterprise", SALES);
            one.subscriptions.push(Subscription { status, ..stays });
        }
    };
    let shared = row(staying("active")).await;
    stopped_by(&shared, Reason::SharedWithStaying);
    assert_eq!(shared.shares_sku_with, id(1002).to_string());
    assert_eq!(shared.users_to_move, None, "nobody knows yet");
    assert_eq!(row(staying("suspended")).await.readiness, Readiness::Ready, "it feeds no pool");
}

#[tokio::test]
async fn a_neighbor_whose_offer_is_not_listed_is_asked_for_its_license() {
    let row = row(|one| one.subscriptions.push(other(2, &id(80).to_string(), "Our own bundle", SALES))).await;
    stopped_by(&row, Reason::SharedWithStaying);
}

#[tokio::test]
async fn trials_and_seats_of_others_in_the_pool_ask() {
    let trial = |one: &mut Customer| {
        one.subscriptions.push(Subscription { trial: true, ..other(2, &id(80).to_string(), "Trial", SALES) });
    };
    stopped_by(&row(trial).await, Reason::TrialInPool);
    stopped_by(&row(|one| one.other_units = 10).await, Reason::SeatsFromElsewhere);
    stopped_by(&row(|one| one.hidden = 1).await, Reason::HiddenHolders);
}

#[tokio::test]
async fn switched_off_services_are_carried_over_or_ask() {
    let off = |plans: Vec<&'static str>| move |one: &mut Customer| one.users[0].licenses[0].1 = plans;
    let carried = row(off(vec!["FLOW_DYN_APPS", "NBENTERPRISE"])).await;
    assert_eq!(carried.readiness, Readiness::Ready, "{}", carried.reason);
    stopped_by(&row(off(vec!["DYN365_ENTERPRISE_SALES"])).await, Reason::PlansUnmapped);
    stopped_by(&row_to(&id(7).to_string(), off(vec!["FLOW_DYN_APPS"])).await, Reason::PlansUnknown);
}

#[tokio::test]
async fn a_user_who_holds_the_new_license_already_asks() {
    let both = |one: &mut Customer| {
        one.subscriptions.push(other(2, SALES_PRO_OFFER, "Dynamics 365 for Sales Professional", SALES_PRO));
        one.users[0].licenses.push((SALES_PRO, vec![]));
    };
    stopped_by(&row(both).await, Reason::UserHasTarget);
}

#[tokio::test]
async fn a_near_miss_asks_which_offer_it_is() {
    let near = "Dynamics 365 for Sales Enterprise Edition CRMOL Basic (Qualifed Offer)";
    let row = row(|one| near.clone_into(&mut one.subscriptions[0].name)).await;
    stopped_by(&row, Reason::NearMiss);
    assert_eq!((row.matched.as_str(), row.target_offer_id.clone()), ("near_miss", None));
    assert!(!row.target_alternatives.is_empty());
}

#[tokio::test]
async fn no_target_is_guessed_for_a_segment_without_rule() {
    let row = row(|one| one.subscriptions[0] = retired(1, 1, SALES)).await;
    stopped_by(&row, Reason::NoTarget);
    assert_eq!((row.segment.as_str(), row.target_offer_id), ("faculty", None));
}

#[tokio::test]
async fn a_target_that_cannot_be_bought_asks() {
    stopped_by(&row_to(&id(5).to_string(), |_| {}).await, Reason::TargetNotSold);
    stopped_by(&row_to(&id(99).to_string(), |_| {}).await, Reason::TargetNotSold);
    stopped_by(&row_to(&id(6).to_string(), |_| {}).await, Reason::TargetUnsuitable);
    stopped_by(&row_to(&id(1).to_string(), |_| {}).await, Reason::BillingCycle);
    stopped_by(&row_to(&id(2).to_string(), |_| {}).await, Reason::QuantityLimit);
    stopped_by(&row_to("a6b49b8a-38be-4341-b05f-fb54c89d7e21", |_| {}).await, Reason::SegmentMismatch);
    stopped_by(&row_to(NEW_COMMERCE_OFFER, |_| {}).await, Reason::NewCommerceLater);
    let has_one =
        |one: &mut Customer| one.subscriptions.push(other(2, &id(4).to_string(), "Once", SALES_PRO));
    stopped_by(&row_to(&id(4).to_string(), has_one).await, Reason::PurchaseLimit);
}

#[tokio::test]
async fn the_license_is_read_from_the_subscription_and_never_assumed() {
    let unknown = row(|one| one.subscriptions[0].provisioned = false).await;
    stopped_by(&unknown, Reason::SkuUnknown);
}

#[test]
fn every_reason_has_a_code_of_its_own_and_a_remedy() {
    let codes: std::collections::BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        assert_eq!(Reason::of_code(reason.code()), Some(*reason));
        assert_eq!(reason.what_to_do().is_empty(), reason.readiness() == Readiness::Ready);
    }
    let gravest_first = Reason::ALL.windows(2).all(|two| two[0].readiness() >= two[1].readiness());
    assert!(gravest_first, "a row's reason is the first of its findings");
}

//! Plan files as people give them back.

use super::tenant::*;
use crate::planning::{
    Decision, KnownOffers, Plan, PlanFile, PlanRow, Readiness, approve_ready, parse_plan, parse_users,
    plan_sha256,
};
use crate::tables::{Sheet, Style, sheet_bytes};

async fn approved() -> Plan {
    let mut plan = Office::of(Partner::new(vec![customer(1), customer(2)])).plan().await;
    approve_ready(&mut plan.rows, "Anna");
    plan
}

fn read(rows: &[PlanRow]) -> PlanFile {
    parse_plan(&sheet_bytes(rows, &[], &[], Style::default()), &KnownOffers::default())
}

/// The problem of the first row after a change.
async fn refused(change: impl FnOnce(&mut PlanRow)) -> String {
    let mut plan = approved().await;
    change(&mut plan.rows[0]);
    let file = read(&plan.rows);
    assert_eq!(file.lines.len(), 1, "the good row goes on");
    assert_eq!(file.problems.len(), 1, "{:?}", file.problems);
    assert_eq!(file.problems[0].line, 2);
    assert!(!file.problems[0].remedy.is_empty());
    format!("{}: {}", file.problems[0].column.clone().unwrap_or_default(), file.problems[0].cause)
}

#[test]
fn the_columns_are_those_of_the_reference_in_their_order() {
    let columns = "row_id, customer_id, customer_name, customer_domain, country, segment, reseller_mpn_id, account_manager, old_subscription_id, old_offer_id, old_offer_name, old_nickname, match, old_status, auto_renew, commitment_end_date, days_left, billing_cycle, old_seats, sku, pool_seats, pool_assigned, shares_sku_with, add_ons, users_to_move, users_by_group, users_blocked, readiness, reason_code, reason, what_to_do, decision, target_offer_id, target_offer_name, target_reason, target_alternatives, path, buy_seats, new_billing_cycle, users_losing_services, services_lost, services_gained, old_price_month, new_price_month, currency, wave, not_before, on_suspension_refused, undo_until_if_done_today, decided_by, note, seen_at, fingerprint";
    assert_eq!(PlanRow::COLUMNS.join(", "), columns);
    let users = "row_id, customer_name, user_id, user_principal_name, display_name, usage_location, old_sku, assigned_by, group_id, disabled_now, disabled_then, gains, loses, conflict, blocked_reason, move, note";
    assert_eq!(crate::planning::PlanUser::COLUMNS.join(", "), users);
}

#[tokio::test]
async fn a_plan_comes_back_as_it_was_written() {
    let mut plan = approved().await;
    plan.rows[0].note = "=HYPERLINK(\"x\")".to_owned();
    plan.rows[0].days_left = Some(-3);
    for delimiter in [b',', b';', b'\t'] {
        let bytes =
            sheet_bytes(&plan.rows, &["color".to_owned()], &[vec!["red".to_owned()]], Style { delimiter });
        let file = parse_plan(&bytes, &KnownOffers::default());
        assert_eq!(file.problems, Vec::new());
        assert_eq!(file.rows().cloned().collect::<Vec<_>>(), plan.rows);
        assert_eq!(
            (file.extra_columns.as_slice(), &file.lines[0].extra),
            (&["color".to_owned()][..], &vec!["red".to_owned()])
        );
        assert_eq!(file.sha256, plan_sha256(&bytes));
        assert_eq!(file.sha256.len(), 64);
    }
    let users = parse_users(&sheet_bytes(&plan.users, &[], &[], Style::default()));
    assert_eq!(users.problems, Vec::new());
    assert_eq!(users.rows.values().flatten().count(), 6);
}

#[tokio::test]
async fn a_report_is_a_plan_too() {
    let plan = approved().await;
    let own = sheet_bytes(&plan.rows, &[], &[], Style::default());
    let text = String::from_utf8(own).unwrap();
    let added = ["verdict,reason_code,reason", "completed,done,Fine", "completed,done,Fine"];
    let report: String = text.lines().zip(added).map(|(line, added)| format!("{line},{added}\r\n")).collect();
    let file = parse_plan(report.as_bytes(), &KnownOffers::default());
    assert_eq!(file.problems, Vec::new());
    assert!(file.extra_columns.is_empty());
    assert_eq!(file.rows().cloned().collect::<Vec<_>>(), plan.rows);
}

#[tokio::test]
async fn decisions_that_cannot_be_carried_out_are_problems_with_their_place() {
    let blocked =
        |row: &mut PlanRow| (row.readiness, row.reason_code) = (Readiness::Blocked, "ended".to_owned());
    assert!(refused(blocked).await.contains("decision: the row is blocked (ended), and says move"));
    let asks =
        |row: &mut PlanRow| (row.readiness, row.reason_code) = (Readiness::Ask, "trial_in_pool".to_owned());
    assert!(refused(asks).await.contains("decision: the row cannot be moved as it stands"));
    let open = |row: &mut PlanRow| {
        (row.readiness, row.reason_code, row.target_offer_id) =
            (Readiness::Ask, "no_target".to_owned(), None);
    };
    assert!(refused(open).await.contains("target_offer_id: the row asks (no_target)"));
    let unknown = |row: &mut PlanRow| row.target_offer_id = Some(id(99).to_string().as_str().into());
    assert!(refused(unknown).await.contains("target_offer_id: the offer"));
    assert!(refused(|row| row.buy_seats = Some(2)).await.contains("buy_seats: 2 seats are fewer than the 3"));
    assert!(refused(|row| row.buy_seats = Some(0)).await.starts_with("buy_seats"));
    let late = |row: &mut PlanRow| row.not_before = Some(jiff::civil::date(2019, 7, 1));
    assert!(refused(late).await.contains("not_before: 2019-07-01 is after the end date 2019-06-30"));
    assert!(refused(|row| row.new_billing_cycle = "weekly".to_owned()).await.contains("not a billing cycle"));
    assert!(refused(|row| row.old_subscription_id = None).await.contains("names no subscription"));
}

#[tokio::test]
async fn a_row_that_is_not_to_be_moved_may_hold_anything() {
    let mut plan = approved().await;
    plan.rows[0].readiness = Readiness::Blocked;
    plan.rows[0].decision = Some(Decision::Skip);
    plan.rows[1].decision = None;
    plan.rows[1].buy_seats = Some(1);
    assert_eq!(read(&plan.rows).problems, Vec::new());
}

#[tokio::test]
async fn what_is_sold_in_the_country_decides_whether_a_target_is_known() {
    let mut plan = approved().await;
    plan.rows[0].target_offer_id = Some(id(3).to_string().as_str().into());
    let bytes = sheet_bytes(&plan.rows, &[], &[], Style::default());
    let sold = KnownOffers { partner: None, sold: Some(&plan.sold) };
    assert_eq!(parse_plan(&bytes, &sold).problems, Vec::new());
}

#[tokio::test]
async fn the_same_subscription_twice_is_a_problem() {
    let mut plan = approved().await;
    plan.rows[1].old_subscription_id = plan.rows[0].old_subscription_id;
    let before = plan.rows.len();
    let file = read(&plan.rows);
    // Nobody can say which of the two is meant: neither counts, and neither vanishes.
    assert_eq!((file.lines.len(), file.rejected.len()), (before - 2, 2));
    assert_eq!(file.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3]);
    plan.rows[1].row_id = plan.rows[0].row_id.clone();
    assert!(read(&plan.rows).problems[0].cause.contains("more than once"));
}

#[tokio::test]
async fn a_row_with_a_problem_keeps_its_place_and_gets_a_verdict_with_the_problem() {
    let mut plan = approved().await;
    plan.rows[0].readiness = Readiness::Blocked;
    let file = read(&plan.rows);
    let reviewed = crate::planned::reviewed(&file, &Default::default());
    assert_eq!(reviewed.rows.len(), plan.rows.len(), "rows in are rows out");
    let bad = reviewed.rows.iter().find(|row| row.row_id == plan.rows[0].row_id).unwrap();
    match &bad.decision {
        crate::Decided::Leave(cause) => {
            assert_eq!(cause.code, "row_has_a_problem");
            assert!(cause.text.contains("blocked"), "{}", cause.text);
        }
        crate::Decided::Move => panic!("a blocked row would be moved"),
    }
}

#[tokio::test]
async fn a_row_that_moves_users_is_not_moved_without_its_users_lines() {
    let mut plan = approved().await;
    plan.rows[0].users_to_move = Some(2);
    plan.rows[0].path = Some(crate::planning::PlanPath::Legacy);
    plan.rows[0].buy_seats = Some(2);
    let file = read(&plan.rows);
    let reviewed = crate::planned::reviewed(&file, &Default::default());
    let row = reviewed.rows.iter().find(|row| row.row_id == plan.rows[0].row_id).unwrap();
    assert!(matches!(&row.decision, crate::Decided::Leave(cause) if cause.code == "users_not_given"));
}

#[tokio::test]
async fn many_more_seats_than_are_in_use_are_taken_for_a_slip() {
    let mut plan = approved().await;
    plan.rows[0].buy_seats = Some(99_999);
    assert!(read(&plan.rows).problems[0].cause.contains("looks like a slip"));
}

#[tokio::test]
async fn a_plan_without_its_fingerprints_is_no_plan() {
    let file =
        parse_plan(b"row_id,customer_id,old_subscription_id,readiness,decision\n", &KnownOffers::default());
    assert_eq!(file.problems.len(), 1);
    assert_eq!(file.problems[0].column.as_deref(), Some("fingerprint"));
}

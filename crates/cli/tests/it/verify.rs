//! `verify` must find what is not true: each test makes one thing untrue behind the engine's back.

use serde_json::{Value, json};

use crate::stage::Stage;

/// A partner whose ready rows are all migrated.
fn migrated() -> Stage {
    let stage = Stage::with_world(10, 3000);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    let done = stage.run(&["apply", "--yes"]);
    assert!([0, 3].contains(&done.code), "{done:?}");
    stage.run(&["verify"]).ends(0);
    stage
}

/// Changes the world behind the engine's back.
fn meddle(stage: &Stage, change: impl FnOnce(&mut Value)) {
    let mut world: Value = serde_json::from_str(&stage.read("world.json")).unwrap();
    change(&mut world);
    std::fs::write(stage.path("world.json"), world.to_string()).unwrap();
}

/// A completed migration that moved users, by the report.
fn completed(stage: &Stage) -> (String, String, String) {
    stage.run(&["report"]);
    let text = stage.read("report.csv");
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(cells);
    let header = lines.next().unwrap();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let row = lines.find(|row| row[at("verdict")] == "completed" && row[at("users_moved")] != "0").unwrap();
    let cell = |name: &str| row[at(name)].clone();
    (cell("customer_id"), cell("old_subscription_id"), cell("new_subscription_id"))
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}

fn customer<'a>(world: &'a mut Value, id: &str) -> &'a mut Value {
    world["customers"].as_array_mut().unwrap().iter_mut().find(|one| one["id"] == *id).unwrap()
}

fn subscription<'a>(world: &'a mut Value, customer_id: &str, id: &str) -> &'a mut Value {
    let list = customer(world, customer_id)["subscriptions"].as_array_mut().unwrap();
    list.iter_mut().find(|one| one["id"] == *id).unwrap()
}

#[track_caller]
fn untrue(stage: &Stage, says: &str) {
    let found = stage.run(&["verify", "--output", "json"]).ends(1).json();
    assert_eq!(found["reconciliation"]["verdicts_not_matching"], 1, "{found}");
    assert!(found["not_true"][0]["differences"].as_str().unwrap().contains(says), "{found}");
    assert!(stage.read("verify.csv").contains(",no,"));
}

#[test]
fn an_old_subscription_that_is_active_again_is_found() {
    let stage = migrated();
    let (customer, old, _) = completed(&stage);
    meddle(&stage, |world| subscription(world, &customer, &old)["status"] = json!("active"));
    untrue(&stage, "the old subscription is active");
}

#[test]
fn a_new_subscription_that_is_suspended_is_found() {
    let stage = migrated();
    let (customer, _, new) = completed(&stage);
    meddle(&stage, |world| subscription(world, &customer, &new)["status"] = json!("suspended"));
    untrue(&stage, "the new subscription is suspended");
}

#[test]
fn seats_that_are_missing_are_found() {
    let stage = migrated();
    let (customer, _, new) = completed(&stage);
    meddle(&stage, |world| {
        let one = subscription(world, &customer, &new);
        let seats = one["quantity"].as_u64().unwrap();
        one["quantity"] = json!(seats + 1);
    });
    let found = stage.run(&["verify", "--output", "json"]).ends(1).json();
    assert_eq!(found["reconciliation"]["seats_not_conserved"], 1, "{found}");
}

#[test]
fn a_user_without_the_new_license_is_found() {
    let stage = migrated();
    let (id, _, _) = completed(&stage);
    stage.run(&["report"]);
    let text = stage.read("report-users.csv");
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(cells);
    let header = lines.next().unwrap();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    meddle(&stage, |world| {
        let users = customer(world, &id)["users"].as_array_mut().unwrap();
        let moved: Vec<Vec<String>> = lines.filter(|row| row[at("standing")] == "moved").collect();
        let (user, sku) = users
            .iter_mut()
            .find_map(|user| {
                let row = moved.iter().find(|row| user["id"] == *row[at("user_id")])?;
                Some((user, row[at("sku_after")].clone()))
            })
            .unwrap();
        user["licenses"].as_array_mut().unwrap().retain(|license| license["sku"] != *sku);
    });
    untrue(&stage, "does not hold the new license");
}

#[test]
fn a_report_that_claims_what_was_never_said_is_found_and_so_is_a_row_that_is_missing() {
    let stage = migrated();
    stage.run(&["report"]);
    let text = stage.read("report.csv");
    std::fs::write(stage.path("lie.csv"), text.replacen(",skipped,", ",completed,", 1)).unwrap();
    let found = stage.run(&["verify", "lie.csv", "--output", "json"]).ends(1).json();
    assert_eq!(found["reconciliation"]["verdicts_not_matching"], 1, "{found}");
    std::fs::write(stage.path("silent.csv"), text.replacen(",skipped,", ",,", 1)).unwrap();
    let found = stage.run(&["verify", "silent.csv", "--output", "json"]).ends(1).json();
    assert_eq!(found["reconciliation"]["rows_without_verdict"], 1, "{found}");
    let fewer: Vec<&str> = text.lines().collect();
    std::fs::write(stage.path("fewer.csv"), fewer[..fewer.len() - 1].join("\n")).unwrap();
    let found = stage.run(&["verify", "fewer.csv", "--output", "json"]).ends(1).json();
    assert_eq!(found["reconciliation"]["rows_in_not_out"], 1, "{found}");
}

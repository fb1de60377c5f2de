//! A world written by hand: plan, edit, apply, SIGKILL, apply, rollback of all, verify.

use std::path::Path;

use seatshift_simulator::world;
use seatshift_tests::cluster::{Alone, Operator as _, Options};
use serde_json::Value;

/// Simulated seconds in a real one: a migration of minutes takes half a second, so that it can be killed in the middle.
const SCALE: u32 = 1200;

/// Fills the column `decision` of every ready row, as a person would in a spreadsheet.
fn decide(stage: &Alone) {
    let file = stage.path("plan.csv");
    let mut reader = csv::Reader::from_path(&file).expect("plan.csv");
    let heads = reader.headers().expect("a head").clone();
    let place = |name: &str| {
        heads.iter().position(|head| head.trim_start_matches('\u{feff}') == name).expect("the column")
    };
    let (readiness, decision) = (place("readiness"), place("decision"));
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| {
            let mut row: Vec<String> = row.expect("a row").iter().map(str::to_owned).collect();
            assert_eq!(row[readiness], "ready", "{row:?}");
            row[decision] = "move".to_owned();
            row
        })
        .collect();
    assert_eq!(rows.len(), 2);
    let mut writer = csv::Writer::from_path(&file).expect("plan.csv");
    writer.write_record(&heads).expect("the head");
    rows.iter().for_each(|row| writer.write_record(row).expect("a row"));
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// Calls of one operation so far.
fn calls(stage: &Alone, operation: &str) -> u64 {
    stage.simulated().ask("GET", "calls", &Value::Null)["by_operation"][operation].as_u64().unwrap_or(0)
}

/// Tells the books what the plan intends; a person's rollback excuses what is not moved.
fn state_intent(stage: &Alone, rolled_back: bool) {
    let ran = stage.run(&["simulator", "--output", "json", "--world", "world.json", "--intent", "plan.csv"]);
    let mut intent = ran.ends(&[0]).json();
    for row in intent["rows"].as_array_mut().expect("rows") {
        row["stopped_by_person"] = rolled_back.into();
    }
    stage.simulated().ask("POST", "intent", &intent);
}

/// Every figure of the books is zero, and they have seen something.
#[track_caller]
fn assert_no_harm(stage: &Alone) {
    let complaints = stage.judge_reality();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_plan_survives_a_kill_in_the_middle_and_goes_all_the_way_back() {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("worlds/alder-and-birch.json");
    let mut options = Options::new(7, 2, "none");
    options.world = Some(world::read(&world).expect("a world"));
    options.scale = SCALE;
    let stage = Alone::start(&options);
    stage.run(&["plan"]).ends(&[0]);
    // Nothing is decided, so nothing is moved, and that is no success; without a person or `--yes` nothing is begun.
    decide(&stage);
    stage.run(&["apply", "plan.csv"]).ends(&[2]);
    assert_eq!(calls(&stage, "place_order"), 0);
    state_intent(&stage, false);

    let mut engine = stage.begin(&["apply", "plan.csv", "--yes"]);
    while calls(&stage, "place_order") == 0 {
        assert!(engine.try_wait().expect("a child").is_none(), "it ended before it had bought anything");
    }
    engine.kill().expect("SIGKILL");
    engine.wait().expect("a child");
    assert!(calls(&stage, "change_subscription") < 2, "it was not killed in the middle");

    let done = stage.run(&["apply", "plan.csv", "--yes", "--output", "json"]).ends(&[0]).json();
    assert_eq!(number(&done, "/status/verdicts/completed"), 2);
    assert_no_harm(&stage);

    let changes =
        ["place_order", "update_licenses", "change_subscription"].map(|operation| calls(&stage, operation));
    stage.run(&["apply", "plan.csv", "--yes"]).ends(&[0]);
    let again =
        ["place_order", "update_licenses", "change_subscription"].map(|operation| calls(&stage, operation));
    assert_eq!(again, changes, "applying twice changes nothing");

    state_intent(&stage, true);
    stage.run(&["rollback", "--all", "--reason", "the test wants it back"]).ends(&[0]);
    let status = stage.run(&["status", "--output", "json"]).json();
    assert_eq!(number(&status, "/verdicts/rolled_back"), 2);
    assert_no_harm(&stage);

    stage.run(&["report"]);
    let report = std::fs::read_to_string(stage.path("report.json")).expect("report.json");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!((number(&report, "/rows"), number(&report, "/verdicts/rolled_back")), (2, 2));
}

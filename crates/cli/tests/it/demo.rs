//! The whole product by one command, small.

use crate::stage::Stage;

#[test]
fn a_demo_survives_its_kills_harms_nobody_and_leaves_a_state_to_try() {
    let stage = Stage::empty();
    let ran = stage.run(&[
        "demo",
        "--customers",
        "12",
        "--seed",
        "2",
        "--crashes",
        "2",
        "--out",
        "d",
        "--output",
        "json",
    ]);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let report = ran.json();
    assert_eq!(report, serde_json::from_str::<serde_json::Value>(&stage.read("d/report.json")).unwrap());
    for section in ["audit", "reconciliation"] {
        let figures = report[section].as_object().unwrap();
        assert!(figures.values().all(|figure| figure == 0), "{section}: {figures:?}");
    }
    assert_eq!(report["audit"].as_object().unwrap().len(), 7);
    assert_eq!(report["reconciliation"].as_object().unwrap().len(), 5);
    assert!(
        report["examined"].as_object().unwrap().values().all(|count| count.as_u64() > Some(0)),
        "{report}"
    );
    assert_eq!(report["crashes"]["with_work_in_flight"], 2);
    for key in ["rows", "verdicts", "users", "calls", "world", "faults", "engine", "elapsed_seconds"] {
        assert!(!report[key].is_null(), "{key} is missing in {report}");
    }
    // What it leaves can be worked on: the way back of everything, and a fresh read of it.
    let config = ["--config", "d/seatshift.toml"];
    let call = |rest: &[&str]| stage.run(&[&config[..], rest].concat());
    call(&["status"]).ends(0);
    let back = call(&["rollback", "--all", "--reason", "test"]);
    assert!([0, 3].contains(&back.code), "{back:?}");
    let verified = call(&["verify", "--out", "d/verify.csv", "--output", "json"]).ends(0).json();
    assert!(verified["examined"]["migrations"].as_u64() > Some(0));
    // Anybody else's folder is left alone.
    std::fs::create_dir(stage.path("mine")).unwrap();
    std::fs::write(stage.path("mine/letter.txt"), "dear").unwrap();
    stage.run(&["demo", "--customers", "2", "--out", "mine"]).ends(2);
}

//! The engine through the commands: there and back, twice, stopped, and from another terminal.

use std::process::Child;
use std::time::{Duration, Instant};

use seatshift_cli::lock::{Lock, running};

use crate::stage::{Stage, wait};

/// Fast enough that a migration of hours takes a second or two.
const FAST: u32 = 3000;

fn number(value: &serde_json::Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(serde_json::Value::as_u64)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
}

#[test]
fn a_plan_goes_there_and_all_the_way_back() {
    let stage = Stage::with_world(10, FAST);
    // Nothing is moved that nobody has decided.
    let plan = stage.run(&["plan", "--output", "json"]).ends(0).json();
    assert_eq!(number(&plan, "/approved"), 0);
    let ready = number(&plan, "/by_readiness/ready");
    assert!(ready > 0, "{plan}");
    // Decided.
    stage.run(&["plan", "--approve-ready"]).ends(0);
    let outlook = stage.run(&["apply", "--dry-run", "--output", "json"]).ends(0).json();
    assert_eq!(number(&outlook, "/to_move"), ready);
    let rows = number(&outlook, "/rows");
    let done = stage.run(&["apply", "plan.csv", "--yes", "--output", "json"]);
    assert!([0, 3].contains(&done.code), "{done:?}");
    assert_eq!(number(&done.json(), "/status/verdicts/completed"), ready);
    let true_still = stage.run(&["verify", "--output", "json"]).ends(0).json();
    assert_eq!(number(&true_still, "/examined/migrations"), ready);
    // Twice does nothing twice.
    let calls_before = stage.run(&["status", "--output", "json"]).json();
    let again = stage.run(&["apply", "plan.csv", "--yes", "--output", "json"]).json();
    assert_eq!((number(&again, "/queued"), number(&again, "/as_before")), (0, rows));
    assert_eq!(again["status"]["verdicts"], calls_before["verdicts"]);
    // The record is a plan again, and every row is in it.
    stage.run(&["report", "--html", "page"]);
    assert!(stage.read("page/report.html").contains("<svg"));
    assert_eq!(stage.read("report.csv").lines().next().unwrap().matches("verdict,").count(), 1);
    let same = stage.run(&["apply", "report.csv", "--dry-run", "--output", "json"]).ends(0).json();
    assert_eq!((number(&same, "/to_move"), number(&same, "/already")), (0, ready));
    // And back.
    stage.run(&["rollback", "--all", "--reason", "test"]).ends(0);
    let status = stage.run(&["status", "--output", "json"]).json();
    assert_eq!(number(&status, "/verdicts/rolled_back"), ready);
    assert_eq!(number(&status, "/users_moved"), 0);
    stage.run(&["verify"]).ends(0);
}

#[test]
fn what_went_wrong_is_one_json_document_too() {
    let stage = Stage::with_world(2, FAST);
    let refused = stage.run(&["apply", "nowhere.csv", "--yes", "--output", "json"]).ends(2);
    let told = refused.json();
    assert_eq!(number(&told, "/exit_code"), 2);
    assert!(told["error"].as_str().unwrap().contains("nowhere.csv"), "{told}");
}

#[test]
fn a_plan_whose_users_file_is_missing_moves_nobody() {
    let stage = Stage::with_world(10, FAST);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    std::fs::copy(stage.path("plan.csv"), stage.path("approved.csv")).unwrap();
    std::fs::remove_file(stage.path("plan-users.csv")).unwrap();
    let refused = stage.run(&["apply", "approved.csv", "--yes"]).ends(2);
    assert!(refused.err.contains("approved-users.csv"), "{}", refused.err);
}

#[test]
fn a_plan_in_which_somebody_has_decided_is_not_written_over() {
    let stage = Stage::with_world(4, FAST);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    let ran = stage.run(&["plan"]).ends(2);
    assert!(ran.err.contains("--replace"), "{}", ran.err);
    stage.run(&["plan", "--replace"]).ends(0);
}

#[test]
fn limit_takes_the_first_rows_and_a_later_apply_the_others() {
    let stage = Stage::with_world(10, FAST);
    let plan = stage.run(&["plan", "--approve-ready", "--output", "json"]).ends(0).json();
    let ready = number(&plan, "/by_readiness/ready");
    assert!(ready >= 2, "{plan}");
    let first = stage.run(&["apply", "--yes", "--limit", "1", "--output", "json"]).json();
    assert_eq!(number(&first, "/status/verdicts/completed"), 1);
    let all = stage.run(&["apply", "--yes", "--output", "json"]).json();
    assert_eq!(number(&all, "/status/verdicts/completed"), ready);
}

#[test]
fn two_engines_on_one_state_the_second_says_who_runs_and_ends_with_2() {
    let stage = Stage::with_world(2, FAST);
    let lock = Lock::take(&stage.path("state"), "apply").unwrap();
    let ran = stage.run(&["plan"]).ends(2);
    let who = format!("process {} (seatshift apply)", std::process::id());
    assert!(ran.err.contains(&who), "{}", ran.err);
    drop(lock);
    stage.run(&["plan"]).ends(0);
}

#[test]
fn a_terminal_that_cannot_be_asked_needs_yes() {
    let stage = Stage::with_world(2, FAST);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    let ran = stage.run(&["apply"]).ends(2);
    assert!(ran.err.contains("--yes"), "{}", ran.err);
}

/// Waits until an engine has the lock.
fn until_running(stage: &Stage, engine: &mut Child) {
    let begun = Instant::now();
    while running(&stage.path("state")).is_none() {
        assert!(engine.try_wait().unwrap().is_none(), "the engine has ended");
        assert!(begun.elapsed() < Duration::from_secs(20), "no engine runs");
        std::thread::yield_now();
    }
}

/// Asks it to stop in good order. A kill would take the simulated partner with it, which lives in the same process here.
fn terminate(engine: &Child) {
    let told = std::process::Command::new("kill").args(["-TERM", &engine.id().to_string()]).status().unwrap();
    assert!(told.success());
}

#[test]
#[cfg(unix)]
fn another_terminal_pauses_and_resumes_the_engine_that_runs() {
    // Slow enough that it is still at work.
    let stage = Stage::with_world(10, 60);
    stage.run_with(&[("SEATSHIFT__SIMULATOR__SCALE", "3000")], &["plan", "--approve-ready"]).ends(0);
    let mut engine = stage.start(&["apply", "--yes"]);
    until_running(&stage, &mut engine);
    while stage.run(&["status", "--output", "json"]).json()["run"].is_null() {
        assert!(engine.try_wait().unwrap().is_none(), "the engine has ended");
    }
    let asked = Instant::now();
    stage.run(&["pause", "--reason", "lunch"]).ends(0);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let status = stage.run(&["status", "--output", "json"]).ends(0).json();
    assert!(status["paused"].as_str().unwrap().contains("lunch"), "{status}");
    assert!(status["engine"].as_str().unwrap().contains("seatshift apply"), "{status}");
    stage.run(&["resume"]).ends(0);
    let status = stage.run(&["status", "--output", "json"]).ends(0).json();
    assert!(status["paused"].is_null(), "{status}");
    terminate(&engine);
    wait(engine).ends(3);
    stage.configure(FAST);
    let done = stage.run(&["apply", "--yes", "--output", "json"]);
    assert!([0, 3].contains(&done.code), "{done:?}");
    assert!(done.json()["status"]["under_way"].as_object().unwrap().is_empty());
}

#[test]
#[cfg(unix)]
fn asked_to_stop_it_stops_in_good_order_and_the_same_command_goes_on() {
    let stage = Stage::with_world(10, 60);
    stage.run_with(&[("SEATSHIFT__SIMULATOR__SCALE", "3000")], &["plan", "--approve-ready"]).ends(0);
    let mut engine = stage.start(&["apply", "--yes"]);
    until_running(&stage, &mut engine);
    while stage.run(&["status", "--output", "json"]).json()["run"].is_null() {
        assert!(engine.try_wait().unwrap().is_none(), "the engine has ended");
    }
    let killed =
        std::process::Command::new("kill").args(["-TERM", &engine.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ran = wait(engine).ends(3);
    assert!(ran.out.contains("Stopped. Nothing is lost"), "{}", ran.out);
    assert_eq!(running(&stage.path("state")), None);
    stage.configure(FAST);
    let done = stage.run(&["apply", "--yes"]);
    assert!([0, 3].contains(&done.code), "{done:?}");
    stage.run(&["verify"]).ends(0);
}

#[test]
fn a_simulator_of_its_own_is_reached_by_the_configuration_it_writes_and_an_engine_is_killed_beside_it() {
    let stage = Stage::empty();
    let mut server = stage.simulator(6, FAST, "light");
    let call = |rest: &[&str]| stage.run(&[&["--config", "sim/seatshift.toml"][..], rest].concat());
    call(&["doctor"]).ends(0);
    call(&["plan", "--approve-ready"]).ends(0);
    let intent =
        stage.run(&["simulator", "--world", "sim/world.json", "--intent", "plan.csv"]).ends(0).json();
    assert!(!intent["rows"].as_array().unwrap().is_empty());
    let mut engine = stage.start(&["--config", "sim/seatshift.toml", "apply", "--yes"]);
    while running(&stage.path("sim/state")).is_none() {
        assert!(engine.try_wait().unwrap().is_none(), "the engine has ended");
    }
    engine.kill().unwrap();
    engine.wait().unwrap();
    let done = call(&["apply", "--yes"]);
    assert!([0, 3].contains(&done.code), "{done:?}");
    call(&["verify"]).ends(0);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_pause_without_an_engine_begins_nothing_and_stands_until_resume() {
    let stage = Stage::with_world(6, FAST);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    stage.run(&["apply", "--yes", "--limit", "1"]);
    stage.run(&["pause", "--reason", "holiday"]).ends(0);
    let halted = stage.run(&["apply", "--yes"]).ends(3);
    assert!(halted.out.contains("holiday") && halted.out.contains("seatshift resume"), "{}", halted.out);
    assert!(halted.out.contains("waits for its turn"), "{}", halted.out);
    stage.run(&["resume"]).ends(0);
    let status = stage.run(&["status", "--output", "json"]).json();
    assert!(status["under_way"].as_object().unwrap().is_empty(), "{status}");
}

#[test]
fn an_engine_to_which_nobody_listens_any_more_goes_on() {
    let stage = Stage::with_world(6, FAST);
    stage.run(&["plan", "--approve-ready"]).ends(0);
    let mut engine = stage.start(&["apply", "--yes"]);
    drop((engine.stdout.take(), engine.stderr.take()));
    let code = engine.wait().unwrap().code().unwrap();
    assert!([0, 3].contains(&code), "{code}");
    let status = stage.run(&["status", "--output", "json"]).json();
    assert!(number(&status, "/verdicts/completed") > 0, "{status}");
}

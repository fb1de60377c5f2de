//! The commands over control's API: the same commands, the same output, and nothing kept or logged in here.

mod office;

use std::process::Child;

use serde_json::{Value, json};

use crate::stage::{Ran, Stage, wait};
use office::{Office, TOKEN};

/// Fast enough that a migration of hours takes a second or two.
const FAST: u32 = 3000;

/// A partner that is reached directly, or through control.
struct Place {
    stage: Stage,
    simulator: Child,
    config: &'static str,
    office: Option<Office>,
}

impl Place {
    fn direct(customers: usize, scale: u32) -> Place {
        let stage = Stage::empty();
        let simulator = stage.simulator(customers, scale, "none");
        Place { stage, simulator, config: "sim/seatshift.toml", office: None }
    }

    fn through_control(customers: usize, scale: u32) -> Place {
        let direct = Place::direct(customers, scale);
        let office = Office::open(&direct.stage);
        // No credentials of the partner, no clock and no leave to change anything: control has them, and says.
        let text = format!(
            "state_dir = \"nothing-here\"\noperator = \"tester\"\n\n\
             [control]\nurl = \"{}\"\ntoken_file = \"token\"\n",
            office.address
        );
        std::fs::write(direct.stage.path("client.toml"), text).unwrap();
        std::fs::write(direct.stage.path("token"), TOKEN).unwrap();
        Place { config: "client.toml", office: Some(office), ..direct }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.stage.run(&[&["--config", self.config][..], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--output", "json"]].concat());
        assert!([0, 3].contains(&ran.code), "{arguments:?}: {ran:?}");
        let mut told = ran.json();
        nameless(&mut told);
        json!({ "code": ran.code, "told": told })
    }

    fn end(mut self) {
        drop(self.office);
        self.simulator.kill().unwrap();
        self.simulator.wait().unwrap();
    }
}

/// Takes out what differs from one run of the same thing to the next: ids and times.
fn nameless(value: &mut Value) {
    match value {
        Value::String(text) if uuid::Uuid::try_parse(text).is_ok() => "some id".clone_into(text),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "some time".clone_into(text),
        Value::Array(all) => all.iter_mut().for_each(nameless),
        Value::Object(all) => all.values_mut().for_each(nameless),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The columns of a table that are the same in every run.
fn columns(text: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let places: Vec<usize> =
        names.iter().map(|name| heads.iter().position(|head| head == name).unwrap()).collect();
    // The first columns hold no commas within quotes in this world.
    lines.map(|line| places.iter().map(|at| line.split(',').nth(*at).unwrap().to_owned()).collect()).collect()
}

/// What people see of a migration of which everything went well.
fn shown(place: &Place, row: &str) -> Value {
    let mut shown = place.json(&["show", row]);
    let told = &mut shown["told"];
    let mut events: Vec<String> = told["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["source"], one["event"]))
        .filter(|event| !event.contains("progressed"))
        .collect();
    events.sort();
    assert!(told["calls"].as_array().unwrap().len() > 5, "{told}");
    for untold in ["timeline", "calls", "undo_until", "undo_reason", "order"] {
        told[untold] = Value::Null;
    }
    json!({ "shown": shown, "events": events })
}

#[test]
fn everything_is_said_through_control_as_it_is_said_directly() {
    let places = [Place::direct(10, FAST), Place::through_control(10, FAST)];
    let told = places.each_ref().map(|place| {
        let mut told = vec![place.json(&["plan", "--approve-ready"])];
        told.push(place.json(&["apply", "--dry-run"]));
        told.push(place.json(&["apply", "--yes"]));
        told.push(place.json(&["apply", "--yes"]));
        told.push(place.json(&["status"]));
        told.push(place.json(&["verify"]));
        told.push(place.json(&["report", "--html", "page"]));
        told.push(place.json(&["dead-letters", "list"]));
        let moved = columns(&place.stage.read("report.csv"), &["row_id", "decision"]);
        let moved = moved.iter().find(|row| row[1] == "move").unwrap();
        told.push(shown(place, &moved[0]));
        told.push(place.json(&["rollback", &moved[0], "--dry-run"]));
        told
    });
    for (direct, through) in told[0].iter().zip(&told[1]) {
        assert_eq!(direct, through);
    }
    let [direct, through] = places.each_ref().map(|place| {
        assert!(place.stage.read("page/report.html").contains("<svg"));
        place.stage.read("plan-users.csv")
    });
    assert_eq!(direct, through);
    let [direct, through] =
        places.each_ref().map(|place| columns(&place.stage.read("plan.csv"), &["row_id", "readiness"]));
    assert_eq!(direct, through);
    assert!(!places[1].stage.path("nothing-here").exists(), "nothing is kept here");
    places.into_iter().for_each(Place::end);
}

#[test]
fn orders_are_carried_out_by_control_and_the_way_back_goes_on_there() {
    let place = Place::through_control(6, FAST);
    place.run(&["plan", "--approve-ready"]).ends(0);
    place.run(&["pause", "--reason", "lunch"]).ends(0);
    let halted = place.run(&["apply", "--yes"]).ends(3);
    assert!(halted.out.contains("lunch"), "{}", halted.out);
    place.run(&["resume"]).ends(0);
    let done = place.run(&["watch"]).ends(0);
    assert!(done.out.contains("completed"), "{}", done.out);
    place.run(&["rollback", "--all", "--reason", "test"]).ends(0);
    place.run(&["watch"]).ends(0);
    let status = place.run(&["status", "--output", "json"]).ends(0).json();
    assert!(status["verdicts"]["rolled_back"].as_u64().unwrap() > 0, "{status}");
    assert_eq!(status["users_moved"], 0);
    place.run(&["verify"]).ends(0);
    place.run(&["retry", "nobody"]).ends(2);
    place.end();
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_watching_and_not_the_run() {
    // Slow enough that it is still at work.
    let place = Place::through_control(10, 30);
    place.run(&["plan", "--approve-ready"]).ends(0);
    let mut apply = place.stage.start(&["--config", place.config, "apply", "--yes"]);
    // Before that the plan may still be on its way.
    while place.run(&["status", "--output", "json"]).json()["under_way"]["running"].is_null() {
        assert!(apply.try_wait().unwrap().is_none(), "the command has ended");
    }
    let told = std::process::Command::new("kill").args(["-TERM", &apply.id().to_string()]).status().unwrap();
    assert!(told.success());
    let ran = wait(apply).ends(3);
    assert!(ran.out.contains("the run goes on"), "{ran:?}");
    let status = place.run(&["status", "--output", "json"]).ends(0).json();
    assert!(status["engine"].as_str().unwrap().contains("control at"), "{status}");
    place.end();
}

#[test]
fn the_doctor_and_a_new_login_go_through_control() {
    let place = Place::through_control(3, FAST);
    let checks = place.run(&["doctor", "--output", "json"]).ends(0).json();
    let named = |what: &str| checks.as_array().unwrap().iter().any(|check| check["what"] == what);
    assert!(
        named("control")
            && named("permission")
            && named("dead letters")
            && named("login")
            && named("licenses (App+User)"),
        "{checks}"
    );
    // A consent is given where the application's secret is.
    let known = place.stage.read("sim/seatshift.toml");
    let address = &place.office.as_ref().unwrap().address;
    std::fs::write(
        place.stage.path("sim/login.toml"),
        format!("{known}\n[control]\nurl = \"{address}\"\ntoken_file = \"../token\"\n"),
    )
    .unwrap();
    let before = place.stage.read("sim/refresh-token");
    let ran = place.stage.run(&["--config", "sim/login.toml", "login", "--device-code"]).ends(0);
    assert!(ran.out.contains("by control at"), "{}", ran.out);
    assert_eq!(place.stage.read("sim/refresh-token"), before, "the file here stays");
    let given = place.office.as_ref().unwrap().given();
    assert_eq!(given.len(), 1);
    assert!(!ran.out.contains(&given[0]) && !ran.err.contains(&given[0]));
    place.end();
}

#[test]
fn a_wrong_token_is_told_with_what_to_do_and_is_not_shown() {
    let place = Place::through_control(1, FAST);
    std::fs::write(place.stage.path("token"), "not-the-token").unwrap();
    let ran = place.run(&["status", "--output", "json"]).ends(2);
    assert!(ran.err.contains("control.token_file"), "{}", ran.err);
    assert!(!ran.err.contains("not-the-token") && !ran.out.contains("not-the-token"));
    std::fs::remove_file(place.stage.path("token")).unwrap();
    let ran = place.run(&["status"]).ends(2);
    assert!(ran.err.contains("token_file"), "{}", ran.err);
    place.end();
}

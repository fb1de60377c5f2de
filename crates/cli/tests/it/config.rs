//! Configuration from outside: every fault is told with its place, its cause and what to do, and ends with 2.

use crate::stage::Stage;

#[test]
fn init_writes_a_configuration_that_allows_nothing_and_is_never_written_over() {
    let stage = Stage::empty();
    stage.run(&["init"]).ends(0);
    assert!(stage.read("seatshift.toml").contains("\nallow_changes = false\n"));
    let again = stage.run(&["init"]).ends(2);
    assert!(again.err.contains("seatshift.toml: this file is there already"), "{}", again.err);
    let printed = stage.run(&["init", "--print"]).ends(0);
    assert_eq!(printed.out, stage.read("seatshift.toml"));
}

#[test]
fn a_misspelt_key_names_file_line_key_the_nearest_one_and_ends_with_2() {
    let stage = Stage::empty();
    std::fs::write(stage.path("seatshift.toml"), "[partner_center]\n\ntennant = \"x\"\n").unwrap();
    let ran = stage.run(&["status"]).ends(2);
    assert!(ran.err.contains("seatshift.toml, line 3, key partner_center.tennant"), "{}", ran.err);
    assert!(ran.err.contains("`partner_center.tenant` was probably meant"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn a_missing_credential_says_where_to_put_it() {
    let stage = Stage::empty();
    let ran = stage.run(&["plan"]).ends(2);
    assert!(ran.err.contains("partner_center.tenant is not set"), "{}", ran.err);
    let set = [("SEATSHIFT__PARTNER_CENTER__TENANT", "t"), ("SEATSHIFT__PARTNER_CENTER__CLIENT_ID", "c")];
    let ran = stage.run_with(&set, &["plan"]).ends(2);
    assert!(ran.err.contains("SEATSHIFT__PARTNER_CENTER__CLIENT_SECRET_FILE"), "{}", ran.err);
}

#[test]
fn a_configuration_that_is_named_must_be_there() {
    let ran = Stage::empty().run(&["--config", "nowhere.toml", "status"]).ends(2);
    assert!(ran.err.contains("nowhere.toml: the configuration file cannot be read"), "{}", ran.err);
}

#[test]
fn apply_refuses_while_changes_are_not_allowed_and_says_what_to_set() {
    let stage = Stage::empty();
    stage.run(&["init"]).ends(0);
    std::fs::write(stage.path("plan.csv"), "row_id\n1\n").unwrap();
    let ran = stage.run(&["apply", "plan.csv", "--yes"]).ends(2);
    assert!(ran.err.contains("set `allow_changes = true` in seatshift.toml"), "{}", ran.err);
}

#[test]
fn a_plan_that_is_none_is_refused_with_the_remedy() {
    let stage = Stage::empty();
    std::fs::write(stage.path("seatshift.toml"), "allow_changes = true\n").unwrap();
    std::fs::write(stage.path("plan.csv"), "row_id,decision\n1,move\n").unwrap();
    let ran = stage.run(&["apply", "plan.csv", "--yes"]).ends(2);
    assert!(ran.err.contains("plan.csv, line 1, column customer_id: this column is missing"), "{}", ran.err);
    assert!(ran.err.contains("start from the file as it was written"), "{}", ran.err);
    let ran = stage.run(&["apply", "nowhere.csv", "--yes"]).ends(2);
    assert!(ran.err.contains("nowhere.csv: the plan cannot be read"), "{}", ran.err);
}

#[test]
fn a_world_with_a_fault_names_its_place() {
    let stage = Stage::empty();
    std::fs::write(stage.path("world.json"), "{ \"version\": 1,\n  \"start\" }\n").unwrap();
    let ran = stage.run(&["simulator", "--world", "world.json"]).ends(2);
    assert!(ran.err.contains("line 2"), "{}", ran.err);
}

#[test]
fn commands_about_a_state_that_is_not_there_say_so() {
    let stage = Stage::empty();
    for command in [&["status"][..], &["show", "x"], &["report"], &["rollback", "x"], &["watch"]] {
        let ran = stage.run(command).ends(2);
        assert!(ran.err.contains("there is no state here yet"), "{command:?}: {}", ran.err);
    }
}

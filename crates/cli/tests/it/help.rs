//! What teaches: the help, the catalogue of events, the meaning of codes.
//!
//! Golden files: set `SEATSHIFT_GOLDEN=write` to write them anew, and read the difference before committing it.

use crate::stage::Stage;

#[track_caller]
fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("SEATSHIFT_GOLDEN").is_ok_and(|what| what == "write") {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{name} differs from what is golden");
}

#[test]
fn the_help_teaches_the_way_through() {
    golden("help.txt", &Stage::empty().run(&["--help"]).ends(0).out);
}

#[test]
fn every_command_explains_itself() {
    let stage = Stage::empty();
    let help = stage.run(&["--help"]).ends(0).out;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut seen = 0;
    for line in commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        let own = stage.run(&[name, "--help"]).ends(0).out;
        assert!(own.contains("Usage: seatshift"), "{name}: {own}");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} commands in\n{help}");
}

#[test]
fn the_catalogue_of_events_is_stable() {
    golden("events.txt", &Stage::empty().run(&["events"]).ends(0).out);
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_a_wrong_call() {
    let stage = Stage::empty();
    golden("explain-60012.txt", &stage.run(&["explain", "60012"]).ends(0).out);
    let json = stage.run(&["explain", "stop_rule", "--output", "json"]).ends(0).json();
    assert_eq!(json[0]["code"], "stop_rule");
    let ran = stage.run(&["explain", "stop_role"]).ends(2);
    assert!(ran.err.contains("`stop_rule` was probably meant"), "{}", ran.err);
}

#[test]
fn a_wrong_call_ends_with_2() {
    let stage = Stage::empty();
    stage.run(&["weather"]).ends(2);
    stage.run(&["rollback"]).ends(2);
    let ran = stage.run(&["accept", "somebody"]).ends(2);
    assert!(ran.err.contains("--reason"), "{}", ran.err);
}

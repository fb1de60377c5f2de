//! The runbook names what exists: somebody in trouble must not look for a figure that is called something else.

use std::fs;
use std::path::Path;

use crate::files::{root, text};

#[test]
fn every_figure_command_and_key_that_the_runbook_names_exists() {
    let runbook = text("deploy/RUNBOOK.md");
    let sources = sources();
    let words = |of: &dyn Fn(char) -> bool| {
        let all = runbook.split(|letter| !of(letter)).map(|word| word.trim_matches('.').to_owned());
        all.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };

    let figures = words(&|letter| letter.is_ascii_lowercase() || letter == '_');
    let figures: Vec<&str> = figures.iter().filter_map(|word| word.strip_prefix("seatshift_")).collect();
    assert!(figures.len() > 10, "{figures:?}");
    for figure in figures {
        let name = figure.strip_suffix("_total").unwrap_or(figure);
        assert!(sources.contains(&format!("\"{name}\"")), "there is no figure seatshift_{figure}");
    }

    let keys = text("crates/host/src/settings/keys.rs");
    let sections = ["broker.", "partner_center.", "database.", "quota.", "run.", "service.", "control."];
    for key in words(&|letter| letter.is_ascii_lowercase() || letter == '_' || letter == '.') {
        if sections.iter().any(|section| key.starts_with(section)) && !key.ends_with(".v") {
            assert!(keys.contains(&format!("\"{key}\"")), "there is no key {key}");
        }
    }

    let code =
        runbook.split('`').skip(1).step_by(2).chain(runbook.lines().filter(|line| line.starts_with("    ")));
    let commands: Vec<&str> =
        code.filter_map(|line| line.trim().strip_prefix("seatshift ")?.split(' ').next()).collect();
    assert!(commands.len() > 8, "{commands:?}");
    let arguments = text("crates/cli/src/args.rs") + &text("crates/cli/src/commands/mod.rs");
    for command in commands {
        // As clap names them: `dead-letters` is the variant `DeadLetters`.
        let variant: String = command.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let there = [format!("    {variant},"), format!("    {variant}(")]
            .iter()
            .any(|line| arguments.contains(line));
        assert!(there, "there is no command {command}");
    }
}

/// All code of ours, as one text.
fn sources() -> String {
    fn read(dir: &Path, all: &mut String) {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|it| it == "rs") {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for room in ["crates/host/src", "crates/edge/src", "services/control/src"] {
        read(&root().join(room), &mut all);
    }
    all
}

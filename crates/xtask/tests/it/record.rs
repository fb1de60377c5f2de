//! The record of real purchases: what must happen before anything is started. (That it outlives `down` and `up` is tested with
//! the servers.)

use std::fs;

use crate::files::{Dir, refused};

/// A stack's folder with data of a PostgreSQL, as far as a look from outside tells, of this Partner Center.
fn with_data(test: &str, partner_center: Option<&str>) -> Dir {
    let dir = Dir::of(test);
    fs::create_dir_all(dir.0.join("postgresql")).unwrap();
    fs::write(dir.0.join("postgresql/server.txt"), "port=1\n").unwrap();
    fs::write(dir.0.join("seatshift.toml"), "[partner_center]\n").unwrap();
    if let Some(word) = partner_center {
        fs::write(dir.0.join("partner-center"), word).unwrap();
    }
    dir
}

/// What is said to `stack WORDS` there, which changes nothing. Nothing can be built or started: it has to refuse earlier.
fn refused_at(dir: &Dir, words: &[&str]) -> String {
    let (place, nothing) = (dir.0.to_str().unwrap(), ["--binaries", "/nowhere"]);
    let config = dir.0.join("seatshift.toml");
    let mut line = vec!["stack", words[0], "--dir", place];
    line.extend(
        words.iter().skip(1).map(|word| if *word == "FILE" { config.to_str().unwrap() } else { word }),
    );
    line.extend(nothing.iter().filter(|_| words[0] == "up"));
    let said = refused(&line);
    assert!(dir.0.join("postgresql/server.txt").exists(), "the data are gone");
    said
}

const REAL: [&str; 4] = ["up", "--real-partner-center", "--config", "FILE"];

#[test]
fn the_record_of_real_purchases_is_not_taken_for_a_simulated_world_or_deleted() {
    let dir = with_data("real", Some("real\n"));
    let said = refused_at(&dir, &["up"]);
    assert!(
        said.contains("real Partner Center") && said.contains("--real-partner-center --config"),
        "{said}"
    );
    let said = refused_at(&dir, &["down", "--delete"]);
    assert!(said.contains("Nothing was stopped or deleted"), "{said}");
}

#[test]
fn what_was_kept_about_a_simulated_partner_is_not_taken_for_the_real_one() {
    let dir = with_data("simulated", Some("simulated\n"));
    let said = refused_at(&dir, &REAL);
    assert!(said.contains("down") && said.contains("--delete"), "{said}");
}

#[test]
fn data_that_nobody_knows_the_kind_of_are_left_alone() {
    for word in [None, Some("neither\n")] {
        let dir = with_data("unknown", word);
        for words in [&["up"][..], &REAL, &["down", "--delete"]] {
            let said = refused_at(&dir, words);
            assert!(said.contains("partner-center") && said.contains("`real`"), "{said}");
        }
    }
}

#[test]
fn the_record_of_real_purchases_is_not_put_where_cargo_clean_deletes_it() {
    let dir = Dir::of("target");
    fs::write(dir.0.join("CACHEDIR.TAG"), "").unwrap();
    fs::write(dir.0.join("seatshift.toml"), "").unwrap();
    let (place, config) = (dir.0.join("stack"), dir.0.join("seatshift.toml"));
    let words = ["--real-partner-center", "--config", config.to_str().unwrap(), "--binaries", "/nowhere"];
    let said = refused(&[&["stack", "up", "--dir", place.to_str().unwrap()][..], &words].concat());
    assert!(said.contains("cargo clean") && said.contains("--dir"), "{said}");
    assert!(refused(&[&["stack", "up"][..], &words].concat()).contains("cargo clean"), "the default folder");
}

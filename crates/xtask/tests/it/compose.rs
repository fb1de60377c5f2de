//! The Compose file and the image, as far as they can be judged without Docker.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::files::{Dir, compose, compose_commands, containers, text, texts, xtask};

#[test]
fn the_compose_file_is_one_by_the_specification() {
    let schema: Value =
        serde_json::from_str(&text("crates/xtask/tests/it/compose_spec/compose-spec.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let complaints =
        |file: &Value| validator.iter_errors(file).map(|error| error.to_string()).collect::<Vec<_>>();
    assert_eq!(complaints(&compose()), Vec::<String>::new());

    let mut wrong = compose();
    wrong["services"]["purchase"]["restarts"] = "always".into();
    assert!(!complaints(&wrong).is_empty(), "the schema lets anything pass");
}

#[test]
fn the_readme_says_the_same_commands_as_the_compose_file() {
    let commands = compose_commands();
    assert!(commands.len() > 5, "{commands:?}");
    let block: String = commands.iter().map(|command| format!("    {command}\n")).collect();
    assert!(text("README.md").contains(&format!("\n\n{block}\n")), "not in README.md:\n{block}");
}

#[test]
fn what_a_container_names_is_declared() {
    let compose = compose();
    let declared =
        |section: &str| compose[section].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let (secrets, volumes, configs) = (declared("secrets"), declared("volumes"), declared("configs"));
    let source = |entry: &Value| entry.as_str().or(entry["source"].as_str()).unwrap().to_owned();
    let mut used = BTreeSet::new();
    for (name, body) in containers(&compose) {
        let named = |key: &str| body[key].as_array().into_iter().flatten().map(source).collect::<Vec<_>>();
        used.extend(named("secrets"));
        assert!(named("secrets").iter().all(|secret| secrets.contains(secret)), "{name}");
        assert!(named("configs").iter().all(|config| configs.contains(config)), "{name}");
        assert!(
            texts(&body["volumes"]).iter().all(|it| volumes.contains(it.split(':').next().unwrap())),
            "{name}"
        );
        let after = body["depends_on"].as_object().into_iter().flatten();
        assert!(after.into_iter().all(|(other, _)| compose["services"][other].is_object()), "{name}");
        for (key, value) in body["environment"].as_object().into_iter().flatten() {
            let secret = value.as_str().and_then(|value| value.strip_prefix("/run/secrets/"));
            let mounted = secret.is_none_or(|secret| named("secrets").iter().any(|name| name == secret));
            assert!(mounted, "{name}: {key} names a secret that it does not get");
        }
    }
    assert_eq!(used, secrets, "a secret that nobody gets");
    for config in compose["configs"].as_object().unwrap().values() {
        text(config["file"].as_str().unwrap());
    }
}

#[test]
fn every_container_is_watched_and_started_again() {
    for (name, body) in containers(&compose()) {
        assert!(body["restart"].is_string(), "{name} has no restart policy");
        let watched = body["healthcheck"]["test"].is_array();
        assert!(watched || name == "prepare", "{name} has no health check");
        let grace = body["stop_grace_period"].as_str();
        assert!(grace.is_some_and(|grace| grace != "10s"), "{name} may be killed before it has drained");
    }
}

#[test]
fn no_secret_stands_in_the_compose_file() {
    let compose = compose();
    for (name, body) in containers(&compose) {
        for (key, value) in body["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let named = ["PASSWORD", "SECRET", "TOKEN", "ADMIN_URL"].iter().any(|word| key.ends_with(word));
            assert!(!named, "{name}: {key} holds a secret");
            assert!(
                body["env_file"].is_null(),
                "{name}: what stands in a file of variables, `docker inspect` shows"
            );
            let user = value
                .split_once("://")
                .and_then(|(_, rest)| rest.split_once('@'))
                .map_or("", |(user, _)| user);
            assert!(!user.contains(':'), "{name}: {key} holds a password");
        }
        let ports = texts(&body["ports"]);
        assert!(ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{name} is open to other machines");
        assert!(ports.iter().all(|port| !port.contains('-')), "{name} is at another port after each start");
    }
    for (name, secret) in compose["secrets"].as_object().unwrap() {
        let file = secret["file"].as_str().unwrap();
        assert!(file.starts_with("deploy/secrets/"), "{name} is not in the folder that git ignores");
    }
    assert!(text("deploy/.gitignore").lines().any(|line| line == "secrets/"));
    assert!(text("deploy/Dockerfile.dockerignore").lines().any(|line| line == "deploy/secrets"));
}

#[test]
fn the_secrets_that_the_compose_file_names_are_made_once_and_kept() {
    let dir = Dir::of("secrets");
    xtask(&["secrets", "--dir", dir.0.to_str().unwrap()]);
    let compose = compose();
    let declared =
        compose["secrets"].as_object().unwrap().values().map(|secret| secret["file"].as_str().unwrap());
    let files: Vec<&str> = declared.map(|file| file.rsplit('/').next().unwrap()).collect();
    let read =
        |file: &&str| fs::read_to_string(dir.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let first: Vec<String> = files.iter().map(read).collect();
    let mut different: Vec<&String> = first.iter().collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), first.len(), "two secrets are the same");
    assert_eq!(fs::metadata(&dir.0).unwrap().permissions().mode() & 0o077, 0, "others can enter the folder");

    xtask(&["secrets", "--dir", dir.0.to_str().unwrap()]);
    let passwords = |(file, _): &(&&str, &String)| !file.ends_with(".json"); // its salts are drawn anew
    let again: Vec<String> = files.iter().map(read).collect();
    let kept = |texts: &[String]| {
        files.iter().zip(texts).filter(passwords).map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kept(&first), kept(&again));
}

#[test]
fn every_image_is_built_from_the_one_dockerfile_and_runs_without_rights() {
    let dockerfile = text("deploy/Dockerfile");
    let lines: Vec<&str> = dockerfile.lines().collect();
    let last_stage = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    let user = lines.iter().rposition(|line| line.starts_with("USER ")).unwrap();
    assert!(last_stage > 0 && user > last_stage && lines[user] != "USER root" && lines[user] != "USER 0");
    assert!(lines[last_stage..].contains(&"ARG SERVICE"));
    let toolchain = text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = \"")).unwrap();
    let channel = channel.trim_end_matches('"');
    assert!(
        lines.contains(&&*format!("FROM rust:{channel}-bookworm AS build")),
        "the image has another toolchain"
    );
    assert!(
        dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel} ")),
        "another toolchain would be fetched"
    );
    let compose = compose();
    let built: Vec<_> =
        containers(&compose).into_iter().filter(|(_, body)| body["build"].is_object()).collect();
    assert_eq!(built.len(), 6, "prepare, the simulator and four services");
    for (name, body) in built {
        let program = body["build"]["args"]["SERVICE"].as_str().unwrap();
        let build = &lines[..last_stage];
        let there = build
            .iter()
            .any(|line| line.split_whitespace().any(|word| word == format!("target/release/{program}")));
        assert!(there, "{name}: the image holds no {program}");
        assert_eq!(body["build"]["dockerfile"], "deploy/Dockerfile");
        assert!(
            body["read_only"] == true && body["cap_drop"][0] == "ALL",
            "{name} has more rights than it needs"
        );
    }
}

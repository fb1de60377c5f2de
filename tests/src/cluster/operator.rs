//! The operator: the `seatshift` command over control's API, and what a person does to a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::{Cluster, Simulated, TOKEN, process};

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn ends(self, codes: &[i32]) -> Ran {
        assert!(
            self.code.is_some_and(|code| codes.contains(&code)),
            "ended with {:?}\nout: {}\nerr: {}",
            self.code,
            self.out,
            self.err
        );
        self
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Cluster {
    fn operator(&self, arguments: &[&str]) -> Command {
        let mut command = process::command("seatshift", self.folder());
        command
            .args(["--config", "seatshift.toml"])
            .args(arguments)
            .env("SEATSHIFT__CONTROL__URL", format!("http://127.0.0.1:{}", self.control_port))
            .env("SEATSHIFT__CONTROL__TOKEN", TOKEN)
            // Whoever runs the tests is nobody's business.
            .env("SEATSHIFT__OPERATOR", "operator");
        command
    }

    /// Starts a command whose result is read later.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.operator(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command starts")
    }
}

impl Operator for Cluster {
    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.operator(arguments).output().expect("the command runs"))
    }

    fn folder(&self) -> &Path {
        Cluster::folder(self)
    }

    fn simulated(&self) -> &Simulated {
        &self.simulated
    }
}

/// Whoever works with the `seatshift` command in a folder, in whatever mode.
pub trait Operator {
    /// Runs a command to its end.
    fn run(&self, arguments: &[&str]) -> Ran;
    fn folder(&self) -> &Path;
    fn simulated(&self) -> &Simulated;

    /// Plans, approves what is ready, puts the rows into so many waves (`1`, `2`, ...), and tells the simulator's books what is
    /// intended. Gives the rows to be moved, by wave.
    fn plan(&self, waves: usize) -> BTreeMap<String, usize> {
        self.run(&["plan", "--approve-ready"]).ends(&[0, 3]);
        let moved = into_waves(&self.folder().join("plan.csv"), waves);
        self.state_intent();
        moved
    }

    /// Tells the simulator's books what the plan intends.
    fn state_intent(&self) {
        let intent =
            self.run(&["simulator", "--output", "json", "--world", "world.json", "--intent", "plan.csv"]);
        let intent = intent.ends(&[0]).json();
        std::fs::write(self.folder().join("intent.json"), intent.to_string()).expect("the intent is kept");
        self.simulated().ask("POST", "intent", &intent);
    }

    /// What is wrong at the simulated Microsoft: by a fresh read against the verdicts, and by the simulator's books.
    fn judge_reality(&self) -> Vec<String> {
        let verified = self.run(&["verify", "--output", "json"]).ends(&[0, 1, 3]).json();
        let mut complaints = not_zero(&verified["reconciliation"], "reconciliation", 5);
        if verified.pointer("/examined/rows").and_then(Value::as_u64).unwrap_or(0) == 0 {
            complaints.push(format!("verify examined nothing: {verified}"));
        }
        let audit = self.simulated().ask("GET", "audit", &Value::Null);
        complaints.extend(not_zero(&audit["figures"], "audit", 7));
        if audit.pointer("/examined/changes").and_then(Value::as_u64).unwrap_or(0) == 0 {
            complaints.push(format!("the books have seen nothing: {audit}"));
        }
        if !complaints.is_empty() {
            eprintln!("verify: {verified}\naudit: {audit}");
        }
        complaints
    }
}

/// Figures that are not zero, in words; a figure that is not there at all is one.
fn not_zero(figures: &Value, of: &str, expected: usize) -> Vec<String> {
    let Some(figures) = figures.as_object().filter(|figures| figures.len() == expected) else {
        return vec![format!("{of}: there should be {expected} figures: {figures}")];
    };
    let wrong = figures.iter().filter(|(_, figure)| figure.as_u64() != Some(0));
    wrong.map(|(name, figure)| format!("{of}: {name} is {figure}")).collect()
}

/// All rows of a customer in one wave: a parked one keeps those behind it waiting. Gives the rows to be moved, by wave.
fn into_waves(file: &Path, waves: usize) -> BTreeMap<String, usize> {
    let mut reader = csv::Reader::from_path(file).expect("plan.csv");
    let heads = reader.headers().expect("a head").clone();
    let place = |name: &str| {
        heads
            .iter()
            .position(|head| head.trim_start_matches('\u{feff}') == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    };
    let (decision, wave, customer) = (place("decision"), place("wave"), place("customer_id"));
    let mut moved = BTreeMap::new();
    let mut waves_of: BTreeMap<String, String> = BTreeMap::new();
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| {
            let mut row: Vec<String> = row.expect("a row").iter().map(str::to_owned).collect();
            let next = (waves_of.len() % waves + 1).to_string();
            let chosen = waves_of.entry(row[customer].clone()).or_insert(next);
            row[wave].clone_from(chosen);
            if row[decision] == "move" {
                *moved.entry(chosen.clone()).or_default() += 1;
            }
            row
        })
        .collect();
    let mut writer = csv::Writer::from_path(file).expect("plan.csv");
    writer.write_record(&heads).expect("the head");
    rows.iter().for_each(|row| writer.write_record(row).expect("a row"));
    moved
}

//! The benchmark of the distributed mode: migrations of five users each through real servers, against a simulator without
//! limits.
//!
//! Told are processor seconds per 1,000 migrations over services, broker and database (the simulator apart), calls, messages,
//! transactions and memory, beside the same binaries in the naive setting (one transaction and one confirm a message,
//! prefetch 32), and the raw floors of this machine in the same hour: disks drift by a factor of ten, so only figures of one
//! run may be compared.

mod floors;
mod fsync;
mod pgbench;
mod quota;
mod run;
mod statements;
mod table;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

/// Measures the distributed mode.
#[derive(Debug, Parser)]
struct Arguments {
    /// Migrations in each run.
    #[arg(long, default_value_t = 2000)]
    migrations: usize,
    /// Users of each migration.
    #[arg(long, default_value_t = 5)]
    users: usize,
    /// Processes of each service.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Only these parts; all when none is named.
    #[arg(long)]
    only: Vec<Part>,
    /// Tells too on which statements the database spends its time (`pg_stat_statements`, which costs a little itself).
    #[arg(long)]
    statements: bool,
    /// More configuration of the services in every run: `RUN__MAX_IN_FLIGHT=300`.
    #[arg(long)]
    set: Vec<String>,
    /// Where the figures go, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The machine alone: disk, broker, database, HTTP.
    Floors,
    /// As it is shipped.
    Ours,
    /// One transaction and one confirm a message, prefetch 32.
    Naive,
    /// An API that takes 20 ms.
    Lag,
    /// A simulator that throttles: what 1 and 6 replicas use of its budget.
    Quota,
}

/// What is aimed at.
const AIM_CPU: f64 = 1.3;
const AIM_OF_NAIVE: f64 = 0.35;
const AIM_OF_LAG: f64 = 0.9;
const AIM_OF_BUDGET: f64 = 0.95;
const AIM_TURNED_DOWN: f64 = 0.005;

fn main() {
    let arguments = Arguments::parse();
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = json!({
        "migrations": arguments.migrations,
        "users": arguments.users,
        "replicas": arguments.replicas,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "aim": { "cpu_seconds_per_1000": AIM_CPU, "of_naive": AIM_OF_NAIVE, "of_what_concurrency_allows": AIM_OF_LAG,
            "of_the_budget": AIM_OF_BUDGET, "turned_down": AIM_TURNED_DOWN },
    });
    if wanted(Part::Floors) {
        report["floors"] = floors::measured();
        table::floors(&report["floors"]);
    }
    for (part, name) in [(Part::Ours, "ours"), (Part::Naive, "naive"), (Part::Lag, "lag")] {
        if wanted(part) {
            report[name] = run::run(&arguments, part);
            table::run(name, &report[name]);
        }
    }
    if wanted(Part::Quota) {
        report["quota"] = quota::measured();
        table::quota(&report["quota"]);
    }
    if let (Some(ours), Some(naive)) = (cpu(&report["ours"]), cpu(&report["naive"])) {
        report["of_naive"] = json!(rounded(ours / naive));
    }
    table::summary(&report);
    if let Some(file) = &arguments.out {
        std::fs::write(file, format!("{report:#}\n"))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        println!("\nAll figures: {}", file.display());
    }
}

fn cpu(run: &Value) -> Option<f64> {
    run["cpu_seconds_per_1000"].as_f64()
}

/// To three places.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

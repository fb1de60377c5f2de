//! The soak of the distributed mode: a hundred thousand rows, and no service may grow with them.
//!
//! Two runs. *Capped*: as it is shipped, with the default number of migrations in flight, to the end. *Queue*: the cap is off and
//! purchase is away until every row's `migration.requested` lies in its queue; then it comes back, and the system works on.
//! In both every service must stay below a limit and must not grow on the way. Ends with PASS (0) or FAIL (1).

mod judged;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde_json::json;

/// Looks whether memory stays small and flat, however many rows there are.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rows of each run; 10,000 tell most of it in a tenth of the time.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Users of each row.
    #[arg(long, default_value_t = 1)]
    users: usize,
    /// Only these runs; both when none is named.
    #[arg(long)]
    only: Vec<Mode>,
    /// The work on the queue is watched for so many seconds; 0 = to the end.
    #[arg(long, default_value_t = 300)]
    work_for: u64,
    /// What a service may use at most, in MiB.
    #[arg(long, default_value_t = 96)]
    limit: u64,
    /// More configuration of the services in every run: `SERVICE__BATCH=64`.
    #[arg(long)]
    set: Vec<String>,
    /// Where the figures go, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// As it is shipped, to the end.
    Capped,
    /// Every row lies in the queue before the first is worked on.
    Queue,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |mode: Mode| arguments.only.is_empty() || arguments.only.contains(&mode);
    let mut report =
        json!({ "rows": arguments.rows, "users": arguments.users, "limit_mib": arguments.limit });
    let mut complaints = Vec::new();
    for (mode, name) in [(Mode::Capped, "capped"), (Mode::Queue, "queue")] {
        if !wanted(mode) {
            continue;
        }
        println!("\n== {name}: {} rows of {} users", arguments.rows, arguments.users);
        let judged = match mode {
            Mode::Capped => run::capped(&arguments),
            Mode::Queue => run::queue(&arguments),
        };
        complaints.extend(judged.complaints.iter().map(|complaint| format!("{name}: {complaint}")));
        report[name] = judged.figures;
    }
    report["complaints"] = json!(complaints);
    if let Some(file) = &arguments.out {
        std::fs::write(file, format!("{report:#}\n"))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        println!("\nAll figures: {}", file.display());
    }
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    println!("\n{}", if complaints.is_empty() { "PASS" } else { "FAIL" });
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

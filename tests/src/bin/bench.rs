//! The benchmark of the distributed mode: migrations of five users each through real servers, against a simulator without limits.
//!
//! Prints processor seconds per 1,000 migrations over services, broker and database (simulator apart), calls, memory, beside
//! the same binaries in the naive setting (one transaction and one confirm a message, prefetch 32), and the raw floors of this
//! machine in the same hour: disks drift by a factor of ten, so only figures of one run may be compared.

use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use seatshift_tests::cluster::process::until;
use seatshift_tests::cluster::{Cluster, Meter, Operator as _, Options, Usage, uniform};
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
    /// Which runs: ours, naive, lag; all when none is named.
    #[arg(long)]
    only: Vec<String>,
}

/// Simulated seconds in a real one.
const SCALE: u32 = 600;
/// Pieces of work at a time in the run with a slow API, and its answer's lag in simulated seconds (20 ms real).
const PARALLEL: u64 = 32;
const LAG: u32 = 12;

struct Run {
    elapsed: Duration,
    usage: Usage,
    /// Calls of the run alone.
    calls: u64,
    completed: u64,
}

fn main() {
    let arguments = Arguments::parse();
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let mut report = json!({ "migrations": arguments.migrations, "users": arguments.users, "replicas": arguments.replicas });
    if wanted("ours") {
        report["ours"] = told(&arguments, "ours", &run(&arguments, 0, &[]));
    }
    if wanted("naive") {
        let naive = run(&arguments, 0, &[("SERVICE__BATCH", "1"), ("BROKER__PREFETCH", "32")]);
        report["naive"] = told(&arguments, "naive", &naive);
    }
    if let (Some(ours), Some(naive)) = (cpu(&report["ours"]), cpu(&report["naive"])) {
        report["of_naive"] = json!((ours / naive * 1000.0).round() / 1000.0);
    }
    if wanted("lag") {
        let lag = run(&arguments, LAG, &[("SERVICE__PARALLEL", &PARALLEL.to_string())]);
        // Almost all calls are the reassignment's: it alone bounds the rate.
        let per_replica = PARALLEL * arguments.replicas as u64;
        let allowed = Duration::from_millis(20) * u32::try_from(lag.calls / per_replica).unwrap_or(u32::MAX);
        report["lag"] = told(&arguments, "20 ms API", &lag);
        report["lag"]["share_of_what_concurrency_allows"] =
            json!((allowed.as_secs_f64() / lag.elapsed.as_secs_f64() * 1000.0).round() / 1000.0);
    }
    println!("{report:#}");
}

fn cpu(run: &Value) -> Option<f64> {
    run["cpu_seconds_per_1000"].as_f64()
}

fn run(arguments: &Arguments, lag: u32, settings: &[(&str, &str)]) -> Run {
    let mut options = Options::new(1, arguments.migrations, "none");
    options.world = Some(uniform(arguments.migrations, arguments.users, lag));
    options.scale = SCALE;
    options.replicas = arguments.replicas;
    let unlimited = ["CUSTOMERS", "SUBSCRIPTIONS", "ORDERS", "OFFERS", "USERS", "LICENSES"];
    for family in unlimited {
        options = options.with(&format!("QUOTA__{family}_PER_MINUTE"), "100000000");
    }
    options = options.with("RUN__MAX_IN_FLIGHT", "512").with("TELEMETRY__FILTER", "warn");
    for (key, value) in settings {
        options = options.with(key, value);
    }
    let cluster = Cluster::start(options);
    cluster.plan(1);
    let calls = |cluster: &Cluster| {
        cluster.simulated.ask("GET", "calls", &Value::Null)["total"].as_u64().unwrap_or(0)
    };
    let before = calls(&cluster);
    let meter = Meter::start(&cluster);
    let begun = Instant::now();
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    let done = || cluster.count("select count(*) from control.ledger where stage like '%\"completed\"%'");
    until(
        Duration::from_secs(3600),
        || format!("the end; {} are done", done()),
        || (done() >= arguments.migrations as u64 || apply.try_wait().ok().flatten().is_some()).then_some(()),
    );
    let elapsed = begun.elapsed();
    let usage = meter.stop();
    let calls = calls(&cluster) - before;
    apply.wait().ok();
    let completed = done();
    Run { elapsed, usage, calls, completed }
}

fn told(arguments: &Arguments, name: &str, run: &Run) -> Value {
    let thousands = arguments.migrations as f64 / 1000.0;
    let per = |seconds: f64| (seconds / thousands * 1000.0).round() / 1000.0;
    let parts: serde_json::Map<String, Value> =
        run.usage.cpu_seconds.iter().map(|(part, seconds)| (part.clone(), json!(per(*seconds)))).collect();
    let memory: serde_json::Map<String, Value> =
        run.usage.peak_pss.iter().map(|(part, bytes)| (part.clone(), json!(bytes / 1024))).collect();
    let told = json!({
        "completed": run.completed,
        "elapsed_seconds": run.elapsed.as_secs_f64(),
        "migrations_per_second": (run.completed as f64 / run.elapsed.as_secs_f64()).round(),
        "cpu_seconds_per_1000": per(run.usage.system_cpu()),
        "cpu_by_part_per_1000": parts,
        "calls_per_migration": run.calls as f64 / run.completed.max(1) as f64,
        "peak_pss_kib": memory,
        "fsync": fsync(),
    });
    eprintln!("{name}: {told:#}");
    told
}

/// How fast this disk syncs at this moment, as `pg_test_fsync` would have it: 8 KiB written and synced.
fn fsync() -> Value {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("seatshift-bench-{}", std::process::id()));
    let measured = Command::new("dd")
        .args(["if=/dev/zero", "bs=8k", "count=200", "oflag=dsync"])
        .arg(format!("of={}", file.display()))
        .output();
    std::fs::remove_file(&file).ok();
    let text =
        measured.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    let seconds = text.split(", ").find_map(|part| part.strip_suffix(" s")?.parse::<f64>().ok());
    json!(seconds.map(|seconds| (200.0 / seconds).round()))
}

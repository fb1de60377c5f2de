//! One run: a system of its own, a plan, `apply` to the end, and what it took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use seatshift_tests::cluster::{Cluster, Figures, Meter, Operator as _, Options, Usage, uniform};
use serde_json::{Value, json};

use super::{Arguments, Part, fsync, rounded, statements};

/// The slow API: how many pieces of work a service has in hand at a time, and how long an answer takes. The simulator's lags
/// are whole seconds, so a second of it is as long as an answer takes; in the other runs time is real.
const PARALLEL: u32 = 8;
const LAG: Duration = Duration::from_millis(20);
const SCALE: u32 = 50;
/// One after the other, a piece of the reassignment's work asks: the pools; the users' licenses; the changes; the licenses
/// again. Users are asked and changed side by side. No service has more to ask for a migration, so this bounds the rate.
const ROUNDS: u32 = 4;

/// Families of calls that have a quota.
const FAMILIES: [&str; 6] = ["CUSTOMERS", "SUBSCRIPTIONS", "ORDERS", "OFFERS", "USERS", "LICENSES"];
const NO_LIMIT: &str = "100000000";

/// Runs this part.
pub(crate) fn run(arguments: &Arguments, part: Part) -> Value {
    let mut options = Options::new(1, arguments.migrations, "none");
    let (scale, answer) = if part == Part::Lag { (SCALE, 1) } else { (1, 0) };
    options.world = Some(uniform(arguments.migrations, arguments.users, answer));
    options.scale = scale;
    options.replicas = arguments.replicas;
    for family in FAMILIES {
        options = options.with(&format!("QUOTA__{family}_PER_MINUTE"), NO_LIMIT);
    }
    options = options.with("RUN__MAX_IN_FLIGHT", "512");
    options = match part {
        Part::Naive => options.with("SERVICE__BATCH", "1").with("BROKER__PREFETCH", "32"),
        Part::Lag => options.with("SERVICE__PARALLEL", &PARALLEL.to_string()),
        Part::Floors | Part::Ours | Part::Quota => options,
    };
    for setting in &arguments.set {
        let (key, value) =
            setting.split_once('=').unwrap_or_else(|| panic!("--set KEY=VALUE, not {setting}"));
        options = options.with(key, value);
    }
    if arguments.statements {
        statements::CONFIGURATION.clone_into(&mut options.postgres);
    }
    let mut cluster = Cluster::start(options);
    let fsync = fsync::fsync(&cluster.postgres, cluster.folder());
    cluster.plan(1);
    if arguments.statements {
        statements::begin(&cluster);
    }
    let before = Counted::of(&mut cluster);
    let meter = Meter::start(&cluster);
    let begun = Instant::now();
    cluster.run(&["apply", "plan.csv", "--yes", "--output", "json"]).ends(&[0]);
    let elapsed = begun.elapsed();
    let usage = meter.stop();
    let counted = Counted::of(&mut cluster).since(&before);
    let completed = cluster.count("select count(*) from control.ledger where stage like '%\"completed\"%'");
    assert_eq!(completed, arguments.migrations as u64, "all are to be completed");
    let costly = arguments.statements.then(|| statements::told(&cluster, arguments.migrations));
    let mut told = told(arguments, elapsed, &usage, &counted);
    told["pg_test_fsync_per_second"] = json!(fsync);
    if let Some(costly) = costly {
        told["statements"] = costly;
    }
    if part == Part::Lag {
        let pieces = f64::from(PARALLEL) * arguments.replicas as f64;
        let allowed = pieces / (LAG.as_secs_f64() * f64::from(ROUNDS));
        let rate = arguments.migrations as f64 / elapsed.as_secs_f64();
        told["concurrency_allows_per_second"] = json!(rounded(allowed));
        told["of_what_concurrency_allows"] = json!(rounded(rate / allowed));
    }
    told
}

fn told(arguments: &Arguments, elapsed: Duration, usage: &Usage, counted: &Counted) -> Value {
    let migrations = arguments.migrations as f64;
    let per_1000 = |seconds: f64| rounded(seconds * 1000.0 / migrations);
    let each = |count: f64| rounded(count / migrations);
    let cpu: BTreeMap<&String, f64> =
        usage.cpu_seconds.iter().map(|(part, seconds)| (part, per_1000(*seconds))).collect();
    let memory: BTreeMap<&String, u64> =
        usage.peak_pss.iter().map(|(part, bytes)| (part, bytes / 1024)).collect();
    let calls: BTreeMap<&String, f64> = counted
        .calls
        .iter()
        .filter(|(_, count)| **count > 0.0)
        .map(|(name, count)| (name, each(*count)))
        .collect();
    let of = |name: &str| counted.figures.get(name);
    let total_calls: f64 = counted.calls.values().sum();
    json!({
        "elapsed_seconds": rounded(elapsed.as_secs_f64()),
        "migrations_per_second": rounded(migrations / elapsed.as_secs_f64()),
        "cpu_seconds_per_1000": per_1000(usage.system_cpu()),
        "cpu_microseconds_per_migration": (usage.system_cpu() * 1e6 / migrations).round(),
        "cpu_by_part_per_1000": cpu,
        "peak_pss_kib": memory,
        "per_migration": {
            "calls": each(total_calls),
            "calls_by_operation": calls,
            "events_published": each(of("seatshift_events_published_total")),
            "deliveries": each(of("seatshift_heard_total")),
            "decisions_committed": each(of("seatshift_commit_units_sum")),
            "commits": each(of("seatshift_commit_units_count")),
            "ledger_reads": each(of("seatshift_load_ledgers_sum")),
            "questions_for_ledgers": each(of("seatshift_load_ledgers_count")),
            "database_transactions": each(counted.transactions),
            "database_log_kib": each(counted.wal_bytes / 1024.0),
            "database_syncs": each(counted.wal_syncs),
        },
    })
}

/// What is counted at two moments.
#[derive(Debug)]
struct Counted {
    figures: Figures,
    calls: BTreeMap<String, f64>,
    transactions: f64,
    wal_bytes: f64,
    wal_syncs: f64,
}

impl Counted {
    fn of(cluster: &mut Cluster) -> Self {
        let told = cluster.simulated.ask("GET", "calls", &Value::Null);
        let calls = told["by_operation"].as_object().into_iter().flatten();
        let calls = calls.map(|(name, count)| (name.clone(), count.as_f64().unwrap_or(0.0))).collect();
        let number = |sql: &str| cluster.count(sql) as f64;
        Counted {
            calls,
            transactions: number("select sum(xact_commit) from pg_stat_database"),
            wal_bytes: number("select wal_bytes from pg_stat_wal"),
            wal_syncs: number("select wal_sync from pg_stat_wal"),
            figures: cluster.figures(),
        }
    }

    fn since(self, before: &Counted) -> Self {
        let earlier = |name: &String| before.calls.get(name).copied().unwrap_or(0.0);
        Counted {
            calls: self.calls.iter().map(|(name, count)| (name.clone(), count - earlier(name))).collect(),
            transactions: self.transactions - before.transactions,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            wal_syncs: self.wal_syncs - before.wal_syncs,
            figures: self.figures.since(&before.figures),
        }
    }
}

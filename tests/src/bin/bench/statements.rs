//! On which statements the database spends its time.

use seatshift_tests::cluster::Cluster;
use serde_json::{Value, json};

/// What PostgreSQL must be started with.
pub(crate) const CONFIGURATION: &str = "
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track_planning = on
";

/// Begins to count.
pub(crate) fn begin(cluster: &Cluster) {
    cluster.question("create extension if not exists pg_stat_statements");
    cluster.question("select pg_stat_statements_reset()");
}

/// The most expensive first: calls and microseconds (of waiting too) for each migration, and how the statement begins.
pub(crate) fn told(cluster: &Cluster, migrations: usize) -> Value {
    let rows = cluster.question(
        "select calls, total_exec_time, total_plan_time, regexp_replace(query, '\\s+', ' ', 'g') \
         from pg_stat_statements order by total_exec_time + total_plan_time desc limit 25",
    );
    let migrations = migrations as f64;
    let row = |line: &str| {
        let mut columns = line.splitn(4, '|');
        let mut number = || columns.next()?.parse::<f64>().ok();
        let (calls, running, planning) = (number()?, number()?, number()?);
        Some(json!({
            "calls": super::rounded(calls / migrations),
            "us": super::rounded((running + planning) * 1000.0 / migrations),
            "planning_us": super::rounded(planning * 1000.0 / migrations),
            "statement": columns.next()?,
        }))
    };
    rows.lines().filter_map(row).collect()
}

//! The figures, for people.

use serde_json::Value;

use super::{AIM_CPU, AIM_OF_BUDGET, AIM_OF_LAG, AIM_OF_NAIVE, AIM_TURNED_DOWN};

/// The machine alone.
pub(crate) fn floors(floors: &Value) {
    println!("\n== floors of this machine, now");
    let fsync = floors["pg_test_fsync_per_second"].as_object().into_iter().flatten();
    let fsync: Vec<String> = fsync.map(|(method, rate)| format!("{method} {rate:.0}")).collect();
    println!("pg_test_fsync, 8 KiB a second: {}", fsync.join(", "));
    println!("{:<78} {:>9} {:>10} {:>10}", "", "a second", "us here", "us there");
    for row in floors["operations"].as_array().into_iter().flatten() {
        println!(
            "{:<78} {:>9} {:>10.1} {:>10.1}",
            row["what"].as_str().unwrap_or_default(),
            row["per_second"].as_f64().unwrap_or_default(),
            row["client_us"].as_f64().unwrap_or_default(),
            row["server_us"].as_f64().unwrap_or_default(),
        );
    }
}

/// One run.
pub(crate) fn run(name: &str, run: &Value) {
    println!("\n== {name}");
    let figure = |key: &str| run[key].as_f64().unwrap_or_default();
    println!(
        "{:.1} migrations a second, in {:.1} s",
        figure("migrations_per_second"),
        figure("elapsed_seconds")
    );
    println!("{:.3} CPU seconds for 1,000 migrations, the simulator apart", figure("cpu_seconds_per_1000"));
    if let Some(share) = run["of_what_concurrency_allows"].as_f64() {
        println!(
            "{:.1} % of the {:.0} a second that concurrency allows",
            share * 100.0,
            figure("concurrency_allows_per_second")
        );
    }
    println!("{:<20} {:>14} {:>14}", "", "CPU s / 1,000", "peak PSS MiB");
    for (part, seconds) in run["cpu_by_part_per_1000"].as_object().into_iter().flatten() {
        let memory = run["peak_pss_kib"][part].as_f64().unwrap_or_default() / 1024.0;
        println!("{part:<20} {:>14.3} {memory:>14.1}", seconds.as_f64().unwrap_or_default());
    }
    for row in run["statements"].as_array().into_iter().flatten() {
        let number = |key: &str| row[key].as_f64().unwrap_or_default();
        let begins: String = row["statement"].as_str().unwrap_or_default().chars().take(110).collect();
        println!(
            "{:>8.0} us {:>8.0} us planned {:>7.2} calls  {begins}",
            number("us"),
            number("planning_us"),
            number("calls")
        );
    }
    println!("each migration:");
    for (what, count) in run["per_migration"].as_object().into_iter().flatten() {
        match count.as_f64() {
            Some(count) => println!("    {:<26} {count:>9.2}", what.replace('_', " ")),
            None => count.as_object().into_iter().flatten().for_each(|(operation, count)| {
                println!("        {operation:<22} {:>9.2}", count.as_f64().unwrap_or_default());
            }),
        }
    }
}

/// Replicas against a Microsoft that throttles.
pub(crate) fn quota(runs: &Value) {
    println!("\n== the shared quota, against a simulator that throttles");
    for run in runs.as_array().into_iter().flatten() {
        println!(
            "{} replicas: {:.1} % of the budget used, {:.2} % of {} calls turned down",
            run["replicas"],
            run["of_the_budget"].as_f64().unwrap_or_default() * 100.0,
            run["turned_down"].as_f64().unwrap_or_default() * 100.0,
            run["calls"]
        );
    }
}

/// What was aimed at, and what came of it.
pub(crate) fn summary(report: &Value) {
    let worst = |key: &str, worse: fn(f64, f64) -> f64| {
        let runs = report["quota"].as_array().into_iter().flatten();
        runs.filter_map(|run| run[key].as_f64()).reduce(worse)
    };
    let lines = [
        ("CPU seconds for 1,000 migrations", report["ours"]["cpu_seconds_per_1000"].as_f64(), AIM_CPU, true),
        ("of the naive setting", report["of_naive"].as_f64(), AIM_OF_NAIVE, true),
        (
            "of what concurrency allows, at 20 ms",
            report["lag"]["of_what_concurrency_allows"].as_f64(),
            AIM_OF_LAG,
            false,
        ),
        (
            "of a throttling API's budget, at the worst",
            worst("of_the_budget", f64::min),
            AIM_OF_BUDGET,
            false,
        ),
        ("of calls turned down, at the worst", worst("turned_down", f64::max), AIM_TURNED_DOWN, true),
    ];
    println!("\n== aims");
    for (what, figure, aim, at_most) in lines {
        let Some(figure) = figure else { continue };
        let reached = if at_most { figure <= aim } else { figure >= aim };
        let bound = if at_most { "at most" } else { "at least" };
        println!(
            "{what:<44} {figure:>7.3}   {bound} {aim:<5} {}",
            if reached { "reached" } else { "MISSED" }
        );
    }
}

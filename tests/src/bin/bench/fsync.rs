//! How fast this disk syncs just now, in the words of PostgreSQL's own `pg_test_fsync`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use seatshift_servers::Postgres;

/// Writes of 8 KiB a second by method, a second of measuring each; empty where the tool does not run.
pub(crate) fn fsync(postgres: &Postgres, folder: &Path) -> BTreeMap<String, f64> {
    let file = folder.join("pg_test_fsync.out");
    let mut tool = Command::new(postgres.bin("pg_test_fsync"));
    tool.args(["-s", "1", "-f"]).arg(&file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut methods = BTreeMap::new();
    if let Ok(mut running) = tool.spawn() {
        let lines = running
            .stdout
            .take()
            .into_iter()
            .flat_map(|out| BufReader::new(out).lines().map_while(Result::ok));
        // Its first table is for one write of 8 KiB; what comes after it tells nothing that is asked here.
        let table =
            lines.skip_while(|line| !line.contains("one 8kB write")).take_while(|line| !line.is_empty());
        methods.extend(table.filter_map(|line| method(&line)));
        running.kill().ok();
        running.wait().ok();
    }
    std::fs::remove_file(&file).ok();
    methods
}

/// A line of the table: `fdatasync   4711.123 ops/sec   212 usecs/op`.
fn method(line: &str) -> Option<(String, f64)> {
    let mut words = line.split_whitespace();
    let (method, number, unit) = (words.next()?, words.next()?, words.next()?);
    (unit == "ops/sec").then_some((method.to_owned(), number.parse().ok()?))
}

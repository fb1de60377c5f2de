//! What child processes cost, from `/proc`. Where there is none (not Linux), nothing is claimed.

use std::fs;

/// The kernel counts in hundredths of a second towards programs, on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// CPU seconds of all children that have ended.
pub(crate) fn children_cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold blanks: state is field 3, cutime and cstime are 16 and 17.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some((ticks(16)? + ticks(17)?) / TICKS)
}

/// The most memory that a living process has had, in bytes.
pub(crate) fn peak_rss_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

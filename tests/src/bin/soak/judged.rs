//! Memory over time, judged: small, and flat.

use std::collections::BTreeMap;

use seatshift_tests::cluster::Usage;
use serde_json::{Value, json};

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) figures: Value,
    /// Empty = it passed.
    pub(crate) complaints: Vec<String>,
}

/// In the second half of the work a service may peak by so much above the first half, for what an allocator does by itself.
const FLAT: f64 = 1.10;
const FLAT_MIB: f64 = 4.0;

const MIB: f64 = 1024.0 * 1024.0;

/// Parts that are not services: reported, not judged.
const SERVERS: [&str; 3] = ["simulator", "broker", "database"];

impl Judged {
    /// The memory of one phase, told and judged. `grows`: whether a phase may be steeper than flat, because rows come in.
    pub(crate) fn memory(&mut self, phase: &str, usage: &Usage, limit_mib: u64, flat: bool) {
        let mut told: BTreeMap<&str, Value> = BTreeMap::new();
        println!("{phase}:");
        println!(
            "    {:<18} {:>12} {:>12} {:>12} {:>10}",
            "", "1st half MiB", "2nd half MiB", "peak MiB", "CPU s"
        );
        for (part, looks) in &usage.pss {
            let peak_of = |looks: &[u64]| looks.iter().copied().max().unwrap_or(0) as f64 / MIB;
            let (first, second) = looks.split_at(looks.len() / 2);
            let (first, second) = (peak_of(first), peak_of(second));
            let peak = first.max(second);
            let cpu = usage.cpu_seconds.get(part).copied().unwrap_or(0.0);
            println!("    {part:<18} {first:>12.1} {second:>12.1} {peak:>12.1} {cpu:>10.1}");
            told.insert(
                part,
                json!({ "first_half_mib": first, "second_half_mib": second, "cpu_seconds": cpu }),
            );
            if SERVERS.contains(&part.as_str()) {
                continue;
            }
            if peak > limit_mib as f64 {
                self.complain(format!("{phase}: {part} used {peak:.1} MiB, more than {limit_mib}"));
            }
            if flat && second > first * FLAT + FLAT_MIB {
                self.complain(format!("{phase}: {part} grew from {first:.1} to {second:.1} MiB"));
            }
        }
        self.figure(phase, json!({ "memory": told }));
    }

    pub(crate) fn figure(&mut self, name: &str, value: Value) {
        self.figures[name] = value;
    }

    pub(crate) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }
}

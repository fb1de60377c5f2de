//! What a demo tells at its end.

use std::fmt::Write as _;

use seatshift_control::tracker::VerdictKind;
use seatshift_simulator::books::audit::Detail;
use serde_json::Value;

use super::outcome::Outcome;
use crate::output::table;
use crate::progress::span;

impl Outcome {
    /// The summary: every figure, the verdicts, the causes, and three commands to try.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.world(&mut text);
        self.verdicts(&mut text);
        self.figures(&mut text);
        self.findings(&mut text);
        self.end(&mut text);
        text
    }

    fn number(&self, pointer: &str) -> String {
        match self.report_json.pointer(pointer) {
            Some(Value::Number(number)) => number.to_string(),
            _ => "?".to_owned(),
        }
    }

    fn world(&self, text: &mut String) {
        let number = |pointer| self.number(pointer);
        let _ = writeln!(
            text,
            "\nWorld       {} customers, {} users, {} subscriptions, {} of them retired",
            number("/world/customers"),
            number("/world/users"),
            number("/world/subscriptions"),
            number("/world/retired"),
        );
        let _ = writeln!(
            text,
            "Faults      {} injected, {} of them lost an answer after the change",
            number("/faults/injected"),
            number("/faults/after_the_change"),
        );
        let _ = writeln!(
            text,
            "Kills       {} of {} asked for, {} with migrations in flight",
            number("/crashes/done"),
            number("/crashes/asked"),
            number("/crashes/with_work_in_flight"),
        );
        let _ = writeln!(
            text,
            "Run         {} users moved, {} moved back, {} calls ({} for each migration, {} throttled)",
            number("/users/moved"),
            number("/users/restored"),
            number("/calls/total"),
            number("/calls/per_migration"),
            number("/calls/throttled"),
        );
        let seconds = self.report_json["elapsed_seconds"].as_f64().unwrap_or(0.0);
        let cpu = self.report_json["engine"]["cpu_seconds"].as_f64();
        let rss = self.report_json["engine"]["peak_rss_bytes"].as_u64();
        let _ = writeln!(
            text,
            "Engine      {} from the first request to the last verdict, {} CPU, {} memory at most",
            span(seconds),
            cpu.map_or_else(|| "unknown".to_owned(), |cpu| format!("{cpu:.1} s")),
            rss.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000)),
        );
    }

    fn verdicts(&self, text: &mut String) {
        let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
        for ((verdict, cause), count) in seatshift_control::standing::by_cause(&self.rows) {
            let cause = if verdict == VerdictKind::Completed { String::new() } else { cause };
            rows.push((count as u64, vec![count.to_string(), verdict.name().to_owned(), cause]));
        }
        rows.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let without = self.rows.iter().filter(|row| row.ledger.standing().is_none()).count();
        if without > 0 {
            rows.push((0, vec![without.to_string(), "without a verdict".to_owned(), String::new()]));
        }
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
        let _ = write!(text, "\n{}", table(&["ROWS", "VERDICT", "CAUSE"], &rows));
    }

    fn figures(&self, text: &mut String) {
        let mut rows = Vec::new();
        for (section, source) in [("audit", "the simulator's books"), ("reconciliation", "a fresh read")] {
            for (name, figure) in self.report_json[section].as_object().into_iter().flatten() {
                let examined = self.audit.details.get(name).filter(|_| section == "audit").map(examined);
                rows.push(vec![
                    figure.to_string(),
                    name.clone(),
                    source.to_owned(),
                    examined.unwrap_or_default(),
                ]);
            }
        }
        let _ = write!(text, "\n{}", table(&["MUST BE 0", "FIGURE", "FROM", "EXAMINED"], &rows));
        let number = |pointer| self.number(pointer);
        let _ = writeln!(
            text,
            "\nExamined in all: {} migrations, {} users, {} changes, {} events.",
            number("/examined/migrations"),
            number("/examined/users"),
            number("/examined/changes"),
            number("/examined/events"),
        );
    }

    /// The first findings behind figures that are not zero.
    fn findings(&self, text: &mut String) {
        for (name, detail) in self.audit.details.iter().filter(|(_, detail)| detail.found > 0) {
            for finding in detail.findings.iter().take(5) {
                let row = finding.row.as_deref().unwrap_or("no row");
                let _ = writeln!(text, "  {name}: {row}, customer {}: {}", finding.customer, finding.why);
            }
        }
        for one in self.verified["not_true"].as_array().into_iter().flatten().take(5) {
            let _ = writeln!(text, "  not true: row {}: {}", one["row"], one["differences"]);
        }
        for note in &self.audit.notes {
            let _ = writeln!(text, "  {note}");
        }
    }

    fn end(&self, text: &mut String) {
        let wrong = self.wrong();
        if wrong.is_empty() {
            let _ = writeln!(
                text,
                "\nNo customer was harmed: every figure is 0, and something was examined for each."
            );
        } else {
            let _ = writeln!(text, "\nSomething is wrong:");
            for what in wrong {
                let _ = writeln!(text, "  {what}");
            }
        }
        let folder = self.folder.display();
        let _ = writeln!(text, "\nEverything is in {folder}; report.html is the page to open.");
        let call = format!("{} --config {folder}/seatshift.toml", called());
        let _ = writeln!(text, "Three commands to try on it:\n");
        match self.rows.iter().find(|row| {
            let done = row.ledger.standing().is_some_and(|verdict| verdict.kind == VerdictKind::Completed);
            done && row.row.users > 0
        }) {
            Some(row) => {
                let row = &row.row.row_id;
                let _ = writeln!(text, "  {call} show {row}");
                let _ = writeln!(text, "  {call} rollback {row} --reason \"to see the way back\"");
            }
            None => {
                let _ = writeln!(text, "  {call} status");
                let _ = writeln!(text, "  {call} status --by cause");
            }
        }
        let _ = writeln!(text, "  {call} verify --out {folder}/verify.csv");
    }
}

fn examined(detail: &Detail) -> String {
    format!("{} {}", detail.examined, detail.of)
}

/// How this program was called, so that the commands can be copied.
fn called() -> String {
    if std::env::var_os("CARGO").is_some() {
        return "cargo run --release --".to_owned();
    }
    std::env::args().next().unwrap_or_else(|| "seatshift".to_owned())
}

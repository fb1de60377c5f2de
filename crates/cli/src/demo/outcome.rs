//! What a demo has come to: `report.json`, and the exit code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seatshift_control::report::Figures;
use seatshift_control::standing::RowStanding;
use seatshift_simulator::books::Audit;
use seatshift_store::{Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use super::engine::Ran;
use super::kills::Kills;
use crate::connection::Base;
use crate::ending::Ending;
use crate::page;
use crate::reports;
use crate::settings::Settings;
use crate::verdicts;

/// Calls by family, throttled ones among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Calls {
    pub(crate) by_family: BTreeMap<String, u64>,
    pub(crate) throttled: u64,
}

impl Calls {
    pub(crate) async fn read(store: &dyn Store) -> Result<Calls, StoreError> {
        let counts = store.call_counts().await?;
        Ok(Calls {
            throttled: counts.iter().map(|count| count.throttled).sum(),
            by_family: counts.into_iter().map(|count| (count.family, count.calls)).collect(),
        })
    }

    /// What came since.
    pub(crate) fn since(self, before: &Calls) -> Calls {
        let less = |(family, calls): (String, u64)| {
            let left = calls.saturating_sub(before.by_family.get(&family).copied().unwrap_or(0));
            (family, left)
        };
        Calls {
            by_family: self.by_family.into_iter().map(less).filter(|(_, calls)| *calls > 0).collect(),
            throttled: self.throttled.saturating_sub(before.throttled),
        }
    }

    fn total(&self) -> u64 {
        self.by_family.values().sum()
    }
}

/// What `report.json` is made from.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) figures: &'a Figures,
    /// Of the run alone, without planning and verification.
    pub(crate) calls: &'a Calls,
    pub(crate) world: &'a Value,
    pub(crate) faults: &'a Value,
    pub(crate) kills: &'a Kills,
    pub(crate) asked: usize,
    pub(crate) audit: &'a Audit,
    pub(crate) verified: &'a Value,
    pub(crate) ran: &'a Ran,
    pub(crate) scale: u32,
}

/// The document.
pub(crate) fn report_json(evidence: &Evidence<'_>) -> anyhow::Result<Value> {
    let Evidence { figures, calls, audit, verified, kills, ran, .. } = evidence;
    let figures_json = serde_json::to_value(figures)?;
    let elapsed = match (figures.first_requested, figures.last_verdict) {
        (Some(first), Some(last)) => {
            last.duration_since(first).as_secs_f64().max(0.0) / f64::from(evidence.scale)
        }
        _ => 0.0,
    };
    let examined = |what: &str| verified.pointer(&format!("/examined/{what}")).cloned().unwrap_or(json!(0));
    Ok(json!({
        "rows": figures.rows,
        "verdicts": figures_json["verdicts"],
        "users": figures_json["users"],
        "calls": {
            "total": calls.total(),
            "by_family": calls.by_family,
            "throttled": calls.throttled,
            "per_migration": figures.calls.per_migration,
        },
        "world": evidence.world,
        "faults": evidence.faults,
        "crashes": { "asked": evidence.asked, "done": kills.done, "with_work_in_flight": kills.in_flight },
        "audit": audit.figures,
        "reconciliation": verified.get("reconciliation").cloned().unwrap_or(Value::Null),
        "examined": {
            "migrations": examined("migrations"),
            "users": examined("users"),
            "changes": audit.examined.changes,
            "events": examined("events"),
        },
        "engine": { "cpu_seconds": ran.cpu_seconds.map(|cpu| (cpu * 100.0).round() / 100.0), "peak_rss_bytes": ran.peak_rss_bytes },
        "elapsed_seconds": (elapsed * 1000.0).round() / 1000.0,
    }))
}

/// What a demo has come to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) folder: PathBuf,
    pub(crate) report_json: Value,
    pub(crate) audit: Audit,
    pub(crate) verified: Value,
    pub(crate) enough_kills: bool,
    pub(crate) engine_exit: Option<i32>,
    pub(crate) rows: Vec<RowStanding>,
}

impl Outcome {
    /// What is wrong, in sentences; empty when nothing is.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !matches!(self.engine_exit, Some(0 | 3)) {
            wrong.push(format!("the engine ended with exit code {:?}", self.engine_exit));
        }
        if !self.enough_kills {
            wrong.push("fewer kills than asked for met migrations in flight".to_owned());
        }
        for section in ["audit", "reconciliation"] {
            let Some(figures) = self.report_json[section].as_object() else {
                wrong.push(format!("there are no figures of {section}"));
                continue;
            };
            wrong.extend(
                figures
                    .iter()
                    .filter(|(_, figure)| figure.as_u64() != Some(0))
                    .map(|(name, figure)| format!("{section}: {name} is {figure}")),
            );
        }
        if let Some(examined) = self.report_json["examined"].as_object() {
            let nothing = examined.iter().filter(|(_, count)| count.as_u64() == Some(0));
            wrong.extend(nothing.map(|(name, _)| format!("nothing was examined: {name}")));
        }
        wrong
    }

    /// Exit code 1 when something is wrong, 3 when some row needs a person, else 0.
    pub(crate) fn ending(&self) -> Ending {
        if self.wrong().is_empty() { verdicts::ending(&self.rows) } else { Ending::Wrong }
    }

    /// Writes `report.json` and the page.
    pub(crate) async fn write(&self, settings: &Settings, figures: &Path, html: &Path) -> anyhow::Result<()> {
        reports::write_json(&self.report_json, figures)?;
        let base = Base::open(settings).await?;
        let report = reports::latest(&*base.store).await?;
        page::write(&*base.store, &report, Some(&self.report_json), html).await
    }
}

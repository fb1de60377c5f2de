//! The files of a report, written from the store alone.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use seatshift_control::report::Report;
use seatshift_control::standing;
use seatshift_control::tables::{Style, write_private, write_sheet};
use seatshift_messages::Cause;
use seatshift_store::Store;
use serde::Serialize;

use crate::commands::explain;
use crate::ending::Usage;

/// What a person can do about a cause.
pub(crate) fn remedy(cause: &Cause) -> String {
    let microsoft = cause.microsoft.as_ref();
    let known = microsoft.and_then(|answer| answer.code.map(|code| (code, answer.status)));
    match known.and_then(|(code, status)| seatshift_partner_center::explain(code, status)) {
        Some(explanation) => explanation.advice.to_owned(),
        None => explain::what_to_do(&cause.code),
    }
}

/// The latest run, gathered for its reports.
pub(crate) async fn latest(store: &dyn Store) -> anyhow::Result<Report> {
    let Some(run) = standing::latest_run(store).await? else {
        return Err(Usage::new("nothing was applied yet, so there is nothing to report").into());
    };
    Ok(Report::of(store, run).await?)
}

/// `report.csv` becomes `report-users.csv`.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}{ending}"))
}

/// Writes `report.csv` and `report-users.csv`.
pub(crate) async fn write_tables(
    store: &dyn Store,
    report: &Report,
    path: &Path,
    style: Style,
) -> anyhow::Result<()> {
    make_folder(path)?;
    let (rows, extra) = report.rows(&remedy);
    write_sheet(path, &rows, &report.run.extra_columns, &extra, style).with_context(|| not_written(path))?;
    let users = beside(path, "-users.csv");
    write_sheet(&users, &report.users(store).await?, &[], &[], style).with_context(|| not_written(&users))
}

/// Writes `todo.csv`; says how many rows wait.
pub(crate) fn write_todo(report: &Report, path: &Path, style: Style) -> anyhow::Result<usize> {
    make_folder(path)?;
    let rows = report.todo(&remedy);
    write_sheet(path, &rows, &[], &[], style).with_context(|| not_written(path))?;
    Ok(rows.len())
}

/// Writes a JSON document that only its owner can read.
pub(crate) fn write_json<T: Serialize>(document: &T, path: &Path) -> anyhow::Result<()> {
    make_folder(path)?;
    let mut text = serde_json::to_vec_pretty(document)?;
    text.push(b'\n');
    write_private(path, &text).with_context(|| not_written(path))
}

pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder).with_context(|| folder.display().to_string()),
        None => Ok(()),
    }
}

pub(crate) fn not_written(path: &Path) -> String {
    format!("{}: cannot be written; is it open in another program?", path.display())
}

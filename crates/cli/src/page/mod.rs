//! The page of a run: one self-contained file with plots, to be sent, opened on a phone, and kept.
//!
//! No script of others, no font, no image from elsewhere; the plots are drawn here as SVG. The little script it has lets one
//! pick a migration and filter calls; without it everything but that is there. What must never happen here: text that is
//! put into the page without being escaped.

mod calls;
mod charts;
mod data;
mod html;
mod sections;

use std::path::Path;

use anyhow::Context as _;
use seatshift_control::report::Report;
use seatshift_control::tables::write_private;
use seatshift_store::Store;
use serde_json::Value;

use crate::reports::{make_folder, not_written};

/// Writes the page of a run. `proof`: the figures of a demo, where there are any.
pub(crate) async fn write(
    store: &dyn Store,
    report: &Report,
    proof: Option<&Value>,
    file: &Path,
) -> anyhow::Result<()> {
    let data = data::Data::read(store, report, proof).await?;
    make_folder(file)?;
    write_private(file, sections::page(&data).as_bytes()).with_context(|| not_written(file))
}

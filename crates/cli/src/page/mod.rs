//! The page.
use std::path::Path;
use seatshift_control::report::Report;
use seatshift_store::Store;
use serde_json::Value;
pub(crate) async fn write(_: &dyn Store, _: &Report, _: Option<&Value>, _: &Path) -> anyhow::Result<()> { Ok(()) }

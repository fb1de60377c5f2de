//! `init`: a configuration file to fill in.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::settings::{self, FILE_NAME};

/// Write a commented configuration file; nothing can be changed at Microsoft with it until you allow it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  seatshift init\n  seatshift init customers-eu.toml\n  seatshift init --print"
)]
pub(crate) struct Args {
    /// Where to write it
    #[arg(default_value = FILE_NAME, value_name = "FILE")]
    file: PathBuf,
    /// Print it instead
    #[arg(long)]
    print: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Ending> {
    let text = settings::template();
    if args.print {
        context.output.show(&json!({ "text": text }), || text.clone())?;
        return Ok(Ending::Fine);
    }
    write_new(&args.file, &text)?;
    let name = args.file.display().to_string();
    context.output.show(&json!({ "written": name }), || {
        format!(
            "{name} is written. Fill in tenant and client_id, put the secret into its file, then:\n\
             \n  seatshift login\n  seatshift doctor\n  seatshift plan\n\
             \nNothing can be changed at Microsoft until you set `allow_changes = true` in it.\n"
        )
    })?;
    Ok(Ending::Fine)
}

/// A configuration that is there is never written over.
fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    match created {
        Ok(mut created) => created.write_all(text.as_bytes()).with_context(|| file.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Usage::new(format!(
            "{}: this file is there already and is not written over; give another name, or --print",
            file.display()
        ))
        .into()),
        Err(error) => Err(error).with_context(|| format!("{}: the file cannot be written", file.display())),
    }
}

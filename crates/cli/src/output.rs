//! What goes to standard output: one document, as text for people or as JSON for programs. Everything else (progress,
//! warnings) goes to standard error, so that `--output json` can be piped as it is.

use std::io::{self, Write as _};

use serde::Serialize;

/// Says something on standard error. Nobody listening any more is no reason to stop working, let alone to panic.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use tell;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

impl Format {
    /// Prints the one document of a command.
    pub(crate) fn show<T: Serialize + ?Sized>(
        self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut printed = match self {
            Format::Text => text(),
            Format::Json => serde_json::to_string_pretty(document)?,
        };
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        let mut out = io::stdout().lock();
        match out.write_all(printed.as_bytes()).and_then(|()| out.flush()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}

/// A plain table: columns as wide as their widest cell, the last one as it is.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(header.get(at).map(|name| name.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let mut whole = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let pad =
                if at + 1 == cells.len() { 0 } else { widths[at].saturating_sub(cell.chars().count()) + 2 };
            whole.push_str(cell);
            whole.extend(std::iter::repeat_n(' ', pad));
        }
        text.push_str(whole.trim_end());
        text.push('\n');
    };
    if header.iter().any(|name| !name.is_empty()) {
        line(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    }
    rows.iter().for_each(|row| line(row));
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

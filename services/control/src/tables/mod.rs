//! Tables that people open in a spreadsheet: plan, users, report, to-do and verify files.
//!
//! One small layer for all of them: what a spreadsheet does to a file on its way (another delimiter, another encoding,
//! other date forms, columns moved or added, formulas made of text) is undone here, once. A [`Sheet`] says only which
//! columns it has; see [`sheet!`](crate::sheet).
//!
//! What must never happen here: a bad cell that takes the good rows with it, or a value that comes back changed.

mod cell;
mod dates;
mod guard;
mod read;
mod sheet;
mod write;

pub(crate) use cell::word;
pub use cell::{Bad, Cell, Reading};
pub use dates::DayOrder;
pub use guard::{guard, unguard};
pub use read::{Record, Table};
pub use sheet::{Line, Sheet, SheetFile, read_sheet};
pub use write::{Style, sheet_bytes, write_private, write_sheet};

use std::fmt;

/// What is wrong in a file, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1; 0 = the file as a whole.
    pub line: u64,
    pub column: Option<String>,
    pub cause: String,
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (0, None) => {}
            (0, Some(column)) => write!(f, "column {column}: ")?,
            (line, None) => write!(f, "line {line}: ")?,
            (line, Some(column)) => write!(f, "line {line}, column {column}: ")?,
        }
        write!(f, "{}. {}", self.cause, self.remedy)
    }
}

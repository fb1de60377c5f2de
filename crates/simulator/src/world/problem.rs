//! What is wrong with a world file, said so that whoever wrote it can put it right.

use std::fmt;

/// One fault in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a path such as `customers[3].users[0].licenses[1].sku`, or `line 12, column 4` where the file is not JSON.
    pub place: String,
    /// What is wrong there.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), cause: cause.into(), remedy: remedy.into() }
    }

    /// The customer's position in the file, where the fault is one customer's.
    pub(super) fn customer(&self) -> Option<usize> {
        let rest = self.place.strip_prefix("customers[")?;
        rest.split_once(']')?.0.parse().ok()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.cause, self.remedy)
    }
}

/// All faults of a world; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldError {
    /// The file's name, or what else the world was made from.
    pub source_name: String,
    pub problems: Vec<Problem>,
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(
            f,
            "{} cannot be used as a world: {count} fault{}",
            self.source_name,
            if count == 1 { "" } else { "s" }
        )?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WorldError {}

//! The append-only log. Lines are numbered from 1 in the order in which they are written; none is ever edited.

use std::sync::Mutex;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Actor, Change, Entry};
use crate::lock;

/// The one log of a simulated world, shared by all its customers.
#[derive(Debug, Default)]
pub struct Log {
    entries: Mutex<Vec<Entry>>,
}

impl Log {
    /// Appends one line. `at` may lie before the line above: what Microsoft's clock did is written when the customer is
    /// next looked at, with the time at which it happened.
    pub fn append(&self, at: Timestamp, actor: Actor, request_id: Option<Uuid>, change: Change) {
        let mut entries = lock(&self.entries);
        let number = entries.len() as u64 + 1;
        entries.push(Entry { number, at, actor, change, request_id });
    }

    /// A copy of every line after number `after`.
    #[must_use]
    pub fn after(&self, after: u64) -> Vec<Entry> {
        let entries = lock(&self.entries);
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(entries.len());
        entries[from..].to_vec()
    }

    /// Gives the lines to `read` without copying them. `read` must not call back into the simulator.
    pub fn with<T>(&self, read: impl FnOnce(&[Entry]) -> T) -> T {
        read(&lock(&self.entries))
    }
}

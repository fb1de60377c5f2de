//! What a process still waits for, as `/readyz` tells it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is missing, by name. Cheap to clone; clones are one.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// This is missing, and why.
    pub fn missing(&self, what: &'static str, why: impl Into<String>) {
        self.notes().insert(what, why.into());
    }

    /// This is there.
    pub fn found(&self, what: &'static str) {
        self.notes().remove(what);
    }

    pub(super) fn all_missing(&self) -> BTreeMap<&'static str, String> {
        self.notes().clone()
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

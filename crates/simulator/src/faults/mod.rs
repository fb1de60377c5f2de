//! What goes wrong, and when.
//!
//! A draw depends on (seed, customer, operation, resource, n-th try) and on nothing else: never on the time, never on the
//! order in which calls arrive. Two ways of running the same migration meet the same faults, and a failing seed fails again.

mod draw;
mod inject;
mod refusal;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::api::operation::Operation;

pub(crate) use draw::{draw, swap_is_torn};
pub(crate) use inject::{find, log};
pub(crate) use refusal::{Refused, refused};

/// One try of one operation at one resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) seed: u64,
    pub(crate) customer: Option<Uuid>,
    pub(crate) operation: Operation,
    /// Lower-case id of what the call is about, or a page's token; empty for a whole list.
    pub(crate) resource: &'a str,
    /// From 1.
    pub(crate) n: u32,
}

/// Counts tries by operation and resource.
#[derive(Debug, Default)]
pub(crate) struct Tries(BTreeMap<Operation, BTreeMap<String, u32>>);

impl Tries {
    /// The number of this try, from 1.
    pub(crate) fn next(&mut self, operation: Operation, resource: &str) -> u32 {
        let by_resource = self.0.entry(operation).or_default();
        if let Some(n) = by_resource.get_mut(resource) {
            *n += 1;
            return *n;
        }
        by_resource.insert(resource.to_owned(), 1);
        1
    }
}

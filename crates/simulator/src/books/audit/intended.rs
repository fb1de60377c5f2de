//! The rows of one customer, with their users found at once.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::books::{IntendedRow, IntendedUser};

#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    pub(super) all: Vec<&'a IntendedRow>,
    by_user: BTreeMap<Uuid, Vec<(&'a IntendedRow, &'a IntendedUser)>>,
    add_ons: BTreeSet<Uuid>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(all: Vec<&'a IntendedRow>) -> Self {
        let mut rows = Self::default();
        for row in &all {
            rows.add_ons.extend(&row.add_ons);
            for user in &row.users {
                rows.by_user.entry(user.user).or_default().push((row, user));
            }
        }
        Self { all, ..rows }
    }

    /// What the rows say of this user; empty for a user in no row.
    pub(super) fn of_user(&self, user: Uuid) -> &[(&'a IntendedRow, &'a IntendedUser)] {
        self.by_user.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn names_add_on(&self, subscription: Uuid) -> bool {
        self.add_ons.contains(&subscription)
    }

    pub(super) fn names_old(&self, subscription: Uuid) -> bool {
        self.all.iter().any(|row| row.old_subscription == subscription)
    }
}

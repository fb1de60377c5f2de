//! A user of a tenant and the licenses held.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// How one SKU is held: directly, through a group, or both. At least one of them is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Plans switched off by the direct assignment.
    pub(crate) direct: Option<BTreeSet<Uuid>>,
    /// The group and the plans switched off by its assignment.
    pub(crate) group: Option<(Uuid, BTreeSet<Uuid>)>,
}

impl Held {
    /// Plans that are off for the user: with both assignments, only those that both switch off.
    pub(crate) fn disabled(&self) -> BTreeSet<Uuid> {
        match (&self.direct, &self.group) {
            (Some(direct), Some((_, group))) => direct.intersection(group).copied().collect(),
            (Some(only), None) | (None, Some((_, only))) => only.clone(),
            (None, None) => BTreeSet::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) principal_name: String,
    pub(crate) display_name: String,
    pub(crate) usage_location: Option<String>,
    pub(crate) deleted: bool,
    pub(crate) licenses: BTreeMap<Uuid, Held>,
}

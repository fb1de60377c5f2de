//! What the customer's directory knows of licenses and Partner Center does not tell: whom they come from.

use uuid::Uuid;

open_enum! {
    /// State of a license assignment.
    pub enum AssignmentState {
        /// In force.
        Active = "Active",
        /// In force, with something wrong.
        ActiveWithError = "ActiveWithError",
        /// Switched off.
        Disabled = "Disabled",
        /// Not in force: something is wrong.
        Error = "Error",
    }
}

open_enum! {
    /// What is wrong with a license assignment.
    pub enum AssignmentError {
        /// The pool is used up.
        CountViolation = "CountViolation",
        /// A service plan conflicts with another.
        MutuallyExclusiveViolation = "MutuallyExclusiveViolation",
        /// A service plan needs another.
        DependencyViolation = "DependencyViolation",
        /// Not sold where the user is.
        ProhibitedInUsageLocationViolation = "ProhibitedInUsageLocationViolation",
        /// A value that must be unique is in use.
        UniquenessViolation = "UniquenessViolation",
    }
}

/// A user who holds a SKU, with everything the directory says about the user's licenses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: Uuid,
    /// The user's assignments, of all SKUs: one for each way in which a license came.
    pub assignments: Vec<Assignment>,
}

impl Holder {
    /// The assignments of one SKU.
    pub fn of(&self, sku: Uuid) -> impl Iterator<Item = &Assignment> + '_ {
        self.assignments.iter().filter(move |assignment| assignment.sku == sku)
    }

    /// The groups that give the user this SKU. Such a license cannot be taken from the user alone.
    pub fn groups(&self, sku: Uuid) -> impl Iterator<Item = Uuid> + '_ {
        self.of(sku).filter_map(|assignment| assignment.group)
    }

    /// Whether the user has this SKU directly too. Somebody with both keeps it after the direct one is taken.
    pub fn is_direct(&self, sku: Uuid) -> bool {
        self.of(sku).any(|assignment| assignment.group.is_none())
    }
}

/// One way in which a user has a license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The SKU.
    pub sku: Uuid,
    /// The group it comes from; none where it was assigned directly.
    pub group: Option<Uuid>,
    /// Its state, where given.
    pub state: Option<AssignmentState>,
    /// What is wrong with it.
    pub error: Option<AssignmentError>,
    /// Its service plans that are switched off.
    pub disabled_plans: Vec<Uuid>,
}

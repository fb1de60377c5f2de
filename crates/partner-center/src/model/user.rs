//! Users of a customer's tenant.

use std::fmt;

use uuid::Uuid;

open_enum! {
    /// Whether the account is there or deleted. Without a filter only active ones are listed.
    pub enum UserState {
        /// It is there. Whether its sign-in is blocked is not visible.
        Active = "active",
        /// Deleted softly.
        Inactive = "inactive",
    }
}

/// A user account. `Debug` prints no names.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// The name it signs in with; empty where it was left out.
    pub principal_name: String,
    /// The name for people; empty where it was left out.
    pub display_name: String,
    /// Two letters. Without it no license can be assigned directly.
    pub usage_location: Option<String>,
    /// Its state, where given.
    pub state: Option<UserState>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("usage_location", &self.usage_location)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

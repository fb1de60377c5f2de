//! The statement of intent: the plan as it was before the run, and what people asked for since.
//!
//! Posted to `/_simulator/intent` by whoever runs the engine. It is the only thing the audit believes from outside, and
//! it says what was *wanted*, never what was done.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Intent {
    /// Application id of the engine: its entries in the books are the ones judged.
    pub engine: Uuid,
    pub rows: Vec<IntendedRow>,
}

/// One plan row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntendedRow {
    pub row_id: String,
    pub customer: Uuid,
    pub old_subscription: Uuid,
    /// A person approved this row to be moved.
    pub approved: bool,
    /// The offer's id; of new commerce what [`crate::world::offer_id`] makes of `product:sku`.
    pub target_offer: Option<Uuid>,
    /// A person's explicit retries of this row: each allows one more purchase.
    #[serde(default)]
    pub retries: u32,
    /// A person gave the decision that a row of truth `ask` asks for.
    #[serde(default)]
    pub decision_given: bool,
    /// A person paused it or asked for it to be rolled back.
    #[serde(default)]
    pub stopped_by_person: bool,
    /// Users that the instruction moves, with the service plans of the target that are to be off afterwards.
    #[serde(default)]
    pub users: Vec<IntendedUser>,
    /// Add-ons that the plan row names as suspended with their base.
    #[serde(default)]
    pub add_ons: Vec<Uuid>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntendedUser {
    pub user: Uuid,
    #[serde(default)]
    pub disabled: Vec<Uuid>,
    /// Service plans (old or new) whose loss or gain the plan names for this user.
    #[serde(default)]
    pub named_changes: Vec<Uuid>,
}

//! What one migration is to do: decided once in planning, approved by a person, carried unchanged by every forward event.
//!
//! It holds ids only, no names or addresses. Everything that needs the catalogue (which plan replaces which, which service
//! plans map to which) has been worked out by control, so that the participants need no catalogue and cannot disagree.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{MigrationId, OfferId, RunId, ServicePlanId, SkuId, SubscriptionId, UserId};

/// Instructions above this many bytes are skipped in planning: every forward event carries the whole of it.
pub const LARGEST: usize = 1 << 20;

/// The whole instruction of one migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Instruction {
    pub run: RunId,
    /// Row of the plan.
    pub row: String,
    /// ISO 3166 country of the customer.
    pub country: String,
    pub old: OldSubscription,
    pub target: Target,
    /// Who moves, grouped by the service plans of the *target* SKU that are to be off for them. Empty = nobody moves
    /// (same SKU).
    pub moves: Vec<MoveGroup>,
    /// Add-ons that the plan names as suspended with the old subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_ons: Vec<SubscriptionId>,
    pub policy: Policy,
    /// The migration that this one tries again, after it was refused or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<MigrationId>,
}

impl Instruction {
    /// Number of users that move.
    pub fn users(&self) -> usize {
        self.moves.iter().map(|group| group.users.len()).sum()
    }

    /// The target hangs on the SKU that the users hold already: nobody is reassigned, the pool decides.
    pub fn same_sku(&self) -> bool {
        self.old.sku == self.target.sku
    }
}

/// The subscription that is to be suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OldSubscription {
    pub subscription: SubscriptionId,
    pub offer: OfferId,
    pub sku: SkuId,
    /// Seats.
    pub quantity: u32,
    /// Last day on which it can be reactivated (inclusive).
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub commitment_end: Timestamp,
}

/// What is bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = InstructionTarget))]
pub struct Target {
    pub path: Path,
    pub offer: OfferId,
    pub sku: SkuId,
    /// Seats to buy.
    pub quantity: u32,
    /// `monthly`, `annual`: carried over from the old subscription.
    pub billing_cycle: String,
    /// MPN id of the reseller of record, carried over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<String>,
    /// Nickname of the new subscription. Holds a mark of this migration, by which a lost order is found again.
    pub friendly_name: String,
}

/// How the target is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = PurchasePath))]
pub enum Path {
    /// An order; undone by suspending.
    Legacy,
    /// A cart; undone by deleting, inside its window. Rows of this kind are skipped for now.
    NewCommerce,
}

/// Users who shall have the same service plans off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoveGroup {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<ServicePlanId>,
    pub users: Vec<UserId>,
}

/// What to do when Microsoft says a final no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    pub on_suspension_refused: OnRefusal,
    pub on_user_refused: OnRefusal,
    /// With `on_user_refused = park`: up to this many moved users, moving them back is still preferred.
    pub roll_back_up_to: u32,
    pub swap: SwapMode,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            on_suspension_refused: OnRefusal::Park,
            on_user_refused: OnRefusal::Park,
            roll_back_up_to: 25,
            swap: SwapMode::OneCall,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OnRefusal {
    /// Stop and ask a person.
    Park,
    /// Undo what was done.
    Rollback,
}

/// How a user's license is changed: whether one call with both lists is atomic is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SwapMode {
    OneCall,
    AddThenRemove,
}
